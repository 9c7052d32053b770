"""One call in all its sizes, drawn from an agent's jobs. Pure: the same dice, the same task."""

import random
from dataclasses import dataclass, replace

from local.simulation.agents import Agent, Job

# Per speed: how many times more often agents call, and how many times larger the calls are; their product is the speed.
# Large contexts rather than many calls: a laptop answers some dozen calls a second, and a person watches.
OFTEN = {1: 1.0, 10: 2.0, 60: 3.0}
_FAULTS = (("429", 0.012), ("500", 0.006), ("cut;after=0.6", 0.008), ("no_usage", 0.005))
_LARGEST = {"claude-opus-4-6": 600_000, "claude-haiku-4-5": 180_000, "gemini-2.5-pro": 600_000, "gpt-5.4-mini": 300_000}
_LONGEST = 60_000  # tokens of an answer that all of the models can give
_LOSES_PATIENCE = 0.01
_SMALLEST = 40


@dataclass(frozen=True)
class Task:
    """`fresh`, `read` and `written`: tokens of the prompt that are new, come from the cache, go into it. `limit`: the
    most output asked for. `fault`: what shall befall it, "" for nothing. `patience`: events after which the agent gives
    up, None: never.
    """

    job: Job
    fresh: int
    read: int
    written: int
    output: int
    reasoning: int
    fault: str
    patience: int | None
    number: int

    @property
    def prompt(self) -> int:
        return self.fresh + self.read + self.written

    @property
    def limit(self) -> int:
        return min(2 * (self.output + self.reasoning) + 64, _LONGEST)

    def shrunk(self, share: float) -> "Task | None":
        """The same with a prompt cut down to that share and a short answer, None where that is not worth a call."""
        fresh = int(self.prompt * share)
        if fresh < _SMALLEST:
            return None
        job, output = replace(self.job, searches=0), max(32, int(self.output * share))
        return replace(self, job=job, fresh=fresh, read=0, written=0, output=output, reasoning=0)


def draw(agent: Agent, speed: int, dice: random.Random) -> Task:
    """The agent's next task at that speed."""
    job = dice.choices(agent.jobs, weights=[job.weight for job in agent.jobs])[0]
    larger = speed / OFTEN[speed]
    prompt = min(int(job.prompt * larger * dice.uniform(0.5, 1.5)), _LARGEST[job.model])
    read, written = int(prompt * job.cached), int(prompt * job.written)
    return Task(
        job=job,
        fresh=prompt - read - written,
        read=read,
        written=written,
        output=int(job.output * larger * dice.uniform(0.5, 1.5)),
        reasoning=int(job.reasoning * larger * dice.uniform(0.3, 1.7)),
        fault=_fault(dice.random()),
        patience=dice.randint(3, 20) if dice.random() < _LOSES_PATIENCE else None,
        number=dice.getrandbits(32),
    )


def _fault(die: float) -> str:
    for name, probability in _FAULTS:
        if die < probability:
            return name
        die -= probability
    return ""
