"""Agents at work, as a process of their own: `python -m benchmarks.agents BASE KEY MODEL COUNT` until its input ends.

Each authorises, reports and settles a call, again and again; then the process says how many and how fast.
"""

import json
import sys
import threading
import time
import uuid
from statistics import median
from typing import Any

import httpx

PATIENCE = 60.0  # seconds without an answer after which an agent gives up
PAUSE = 0.3  # seconds between two calls of one agent


class Agent(threading.Thread):
    def __init__(self, base: str, key: str, model: str) -> None:
        super().__init__(daemon=True)
        self.http = httpx.Client(base_url=base, headers={"Authorization": f"Bearer {key}"}, timeout=30)
        self.provider, _, self.model = model.partition("/")
        self.stopped = threading.Event()
        self.took: list[float] = []

    def run(self) -> None:
        while not self.stopped.wait(PAUSE):
            begun = time.perf_counter()
            call = {"provider": self.provider, "model": self.model, "input_tokens": 2000, "max_output_tokens": 500}
            hold = self.post("authorisations", call)["id"]
            self.post(f"authorisations/{hold}/progress", {"seq": 1, "usage": {"input": 2000, "output": 100}})
            self.post(f"authorisations/{hold}/settle", {"usage": {"input": 2000, "output": 300}})
            self.took.append((time.perf_counter() - begun) * 1000)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """As any client: unanswered or 503, the same is sent again with the same key."""
        key, deadline = str(uuid.uuid4()), time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                answer = self.http.post(f"/api/v1/{path}", json=body, headers={"Idempotency-Key": key})
                if answer.status_code < 300:
                    return answer.json()
                if answer.status_code != 503:
                    raise RuntimeError(answer.text)
            except httpx.TransportError:
                pass
            time.sleep(0.2)
        raise TimeoutError(path)


def main(base: str, key: str, model: str, count: int) -> None:
    agents = [Agent(base, key, model) for _ in range(count)]
    for agent in agents:
        agent.start()
    sys.stdin.read()
    for agent in agents:
        agent.stopped.set()
    for agent in agents:
        agent.join()
    took = [each for agent in agents for each in agent.took]
    print(json.dumps({"calls": len(took), "ms": median(took)}))


if __name__ == "__main__":
    main(*sys.argv[1:4], count=int(sys.argv[4]))
