"""What the process is told by its environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from local.simulation.agents import AGENTS


class MissingSetting(Exception):
    """A variable of the environment is missing or can't be read."""


@dataclass(frozen=True)
class Config:
    """`organisation` is the id of the sandbox, under which its switches stand in Valkey; `keys` are the API keys of
    the agents, by their slugs."""

    api_url: str
    providers_url: str
    redis_url: str
    organisation: int
    keys: Mapping[str, str]

    @classmethod
    def read(cls, env: Mapping[str, str]) -> Self:
        """Raises MissingSetting."""
        organisation = _of(env, "SIMULATION_ORGANISATION")
        if not organisation.isdecimal():
            raise MissingSetting("SIMULATION_ORGANISATION is the id of an organisation, a number.")
        return cls(
            api_url=_of(env, "SIMULATION_API_URL"),
            providers_url=_of(env, "LOCAL_PROVIDERS_URL").rstrip("/"),
            redis_url=_of(env, "REDIS_URL"),
            organisation=int(organisation),
            keys={agent.slug: _of(env, f"SIMULATION_KEY_{agent.slug.upper()}") for agent in AGENTS},
        )


def _of(env: Mapping[str, str], name: str) -> str:
    if not env.get(name):
        raise MissingSetting(f"{name} is not set.")
    return env[name]
