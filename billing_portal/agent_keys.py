"""The API keys of the demo's agents: handed to their process in a file that only we may read."""

from pathlib import Path

from billing_portal.demo import SIMULATION
from billing_portal.processes import environment
from common.tenancy import platform, tenant
from organisations.authentication import key_of
from organisations.errors import Unauthenticated
from organisations.models import Agent, ApiKey
from organisations.selectors import sandboxes
from organisations.services import issue_api_key, revoke_api_key

NAME = "Simulation"


def hand_over(file: Path) -> None:
    """Write the sandbox's id and a key for each of its agents into `file`, as the environment of their process.

    A secret is kept nowhere else, so a key whose secret stands in the file already is kept while it is in force; else a
    new one is issued and the agent's former one revoked. Raises `Organisation.DoesNotExist` before the demo is loaded.
    """
    known = environment.read(file)
    with platform("read"):
        sandbox = sandboxes().get(slug=SIMULATION)
        agents = list(Agent.objects.select_related("organisation", "project").filter(organisation=sandbox))
    handed = {f"SIMULATION_KEY_{agent.slug.upper()}": agent for agent in agents}
    values = {name: _kept(known.get(name, ""), agent) or _issued(agent) for name, agent in handed.items()}
    environment.write(file, {"SIMULATION_ORGANISATION": str(sandbox.pk), **values})


def _kept(secret: str, agent: Agent) -> str:
    try:
        key = key_of(f"Bearer {secret}")
    except Unauthenticated:
        return ""
    return secret if key.agent_id == agent.pk else ""


def _issued(agent: Agent) -> str:
    with tenant(agent.organisation_id):
        for key in ApiKey.objects.filter(agent=agent, name=NAME, revoked_at=None):
            revoke_api_key(key=key)
        return issue_api_key(
            organisation=agent.organisation, name=NAME, scopes=[ApiKey.Scope.CALLS, ApiKey.Scope.READ],
            project=agent.project, agent=agent,
        ).secret  # fmt: skip
