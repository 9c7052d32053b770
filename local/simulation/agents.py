"""Who works at what: the agents, their jobs, and how often they do them. Sizes and times are those at speed 1."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Job:
    """One kind of call. `weight`: how often it comes up beside the agent's others. `prompt`, `output` and `reasoning`
    are typical tokens; `cached` and `written` are the shares of the prompt that are read from and written to the
    provider's cache; `searches` is how many web searches it makes."""

    provider: str
    model: str
    instruction: str
    weight: int
    prompt: int
    output: int
    cached: float = 0.0
    written: float = 0.0
    reasoning: int = 0
    searches: int = 0


@dataclass(frozen=True)
class Agent:
    """`every`: seconds from the beginning of one call to that of the next, on average."""

    slug: str
    name: str
    every: float
    jobs: tuple[Job, ...]


# At speed 1 about one call in two seconds and $0.012 a second at the plan "pro": $200.00 last four and a half hours.
AGENTS = (
    Agent(
        "sophi", "Sophi", 7.0,
        (
            Job("anthropic", "claude-opus-4-6", "Compare these reports and say where they disagree.", 6,
                prompt=8_500, output=520, cached=0.35, written=0.10, reasoning=220),
            Job("anthropic", "claude-opus-4-6", "Plan the next steps of the migration.", 3,
                prompt=6_000, output=900, cached=0.55, reasoning=400),
            Job("anthropic", "claude-opus-4-6", "Find out what changed in the regulation.", 1,
                prompt=7_000, output=420, written=0.25, searches=1),
        ),
    ),
    Agent(
        "marv", "Marv", 5.0,
        (
            Job("anthropic", "claude-haiku-4-5", "Answer this ticket from the handbook.", 5,
                prompt=5_200, output=420, cached=0.6),
            Job("anthropic", "claude-haiku-4-5", "Summarise the conversation for the next shift.", 3,
                prompt=6_800, output=640, cached=0.2, written=0.2),
        ),
    ),
    Agent(
        "sage", "Sage", 7.5,
        (
            Job("google", "gemini-2.5-pro", "Check the figures of this quarter against the ledger.", 5,
                prompt=8_000, output=560, cached=0.3, reasoning=380),
            Job("google", "gemini-2.5-pro", "Write the section on risks.", 2,
                prompt=5_500, output=1_100, reasoning=250),
            Job("openai", "gpt-5.4-mini", "Is this sum right? Answer with one sentence.", 3,
                prompt=2_400, output=120, cached=0.5),
        ),
    ),
)  # fmt: skip
