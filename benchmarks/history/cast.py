"""Who calls: one large organisation, three small ones of which one is stopped, a sandbox, and many without usage."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import cycle, islice, product
from typing import Any, NamedTuple

from metering.terms import terms_of, to_json
from organisations.models import Agent, ApiKey
from organisations.services import create_agent, create_project, issue_api_key
from plans.models import Plan
from plans.services import load_plans
from providers.models import Model
from tests.factories import Tenant, make_model, make_tenant, make_user

SLOTS = 1000
EMPTY_ORGANISATIONS = 60
PRICES = {
    "openai/gpt-5.2": ("1.75", "0.175", "14"), "openai/gpt-5.2-mini": ("0.25", "0.025", "2"),
    "anthropic/claude-opus-4-6": ("5", "0.5", "25"), "anthropic/claude-haiku-4-5": ("1", "0.1", "5"),
    "google/gemini-2.5-pro": ("1.25", "0.125", "10"), "google/gemini-2.5-flash": ("0.3", "0.03", "2.5"),
}  # fmt: skip
PROJECTS, AGENTS_EACH = 4, 3
RARE_SLOTS = 2  # of a thousand
SHARES = {"small": 20, "zoned": 20, "stopped": 20, "sandbox": 40}


class Lane(NamedTuple):
    """Who makes the calls whose dice show `slot`, and for whom."""

    slot: int
    organisation_id: int
    project_id: int
    agent_id: int
    api_key_id: int
    model_id: int
    user: str
    zone: str


class Caller(NamedTuple):
    agent: Agent
    key: ApiKey


@dataclass
class Cast:
    plan: Plan
    models: list[Model]
    large: Tenant
    small: dict[str, Tenant]
    lanes: list[Lane]


def make_cast() -> Cast:
    """Make them through the product's own services."""
    load_plans()
    plan = Plan.objects.get(slug="pro")
    models = [_model(name, *prices) for name, prices in PRICES.items()]
    large = make_tenant("large", plan=plan, billing_zone="Europe/Berlin", scopes=("calls", "read", "act_for"))
    people = [make_user(f"person{n}@large.example", member_of=large.organisation).email for n in range(3)]
    make_user("finance@platform.example", "finance")
    small = {name: _small(name, plan) for name in SHARES}
    for n in range(EMPTY_ORGANISATIONS):
        make_tenant(f"empty-{n}", plan=plan)
    return Cast(plan, models, large, small, list(_lanes(large, small, models, [*people, ""])))


def _model(name: str, in_: str, cached: str, out: str) -> Model:
    provider, _, model = name.partition("/")
    prices = {"input": in_, "cache_read": cached, "output": out}
    return make_model(prices, name=model, provider=provider, max_output=64_000, context=400_000)


def _small(name: str, plan: Plan) -> Tenant:
    zone = "Asia/Kathmandu" if name == "zoned" else "UTC"
    tenant = make_tenant(name, plan=plan, billing_zone=zone, sandbox=name == "sandbox")
    make_user(f"owner@{name}.example", member_of=tenant.organisation)
    return tenant


def _lanes(large: Tenant, small: dict[str, Tenant], models: list[Model], people: list[str]) -> Iterator[Lane]:
    callers = list(_callers(large))
    rare, busy = callers[0], callers[1:]
    # Every agent uses two models, for each of the people.
    combined = [
        (caller, models[(place + half) % len(models)], person)
        for place, caller in enumerate(busy)
        for half, person in product(range(2), people)
    ]
    others = sum(SHARES.values())
    shares: list[tuple[Tenant, list[tuple[Caller, Model, str]], int]] = [
        (large, [(rare, models[0], people[0])], RARE_SLOTS),
        (large, combined, SLOTS - RARE_SLOTS - others),
        *(
            (small[name], [(Caller(small[name].agent, small[name].key), models[1], "")], n)
            for name, n in SHARES.items()
        ),
    ]
    slot = 0
    for tenant, ways, count in shares:
        for caller, model, person in islice(cycle(ways), count):
            yield _lane(slot, tenant, caller, model, person)
            slot += 1


def _lane(slot: int, tenant: Tenant, caller: Caller, model: Model, person: str) -> Lane:
    agent = caller.agent
    zone = tenant.organisation.billing_zone
    return Lane(slot, tenant.id, agent.project_id, agent.pk, caller.key.pk, model.pk, person, zone)


def _callers(large: Tenant) -> Iterator[Caller]:
    yield Caller(large.agent, large.key)
    for p in range(PROJECTS):
        project = create_project(organisation=large.organisation, name=f"Project {p}", slug=f"project-{p}")
        for a in range(AGENTS_EACH):
            agent = create_agent(project=project, name=f"Agent {p}{a}", slug=f"agent-{p}{a}")
            key = issue_api_key(
                organisation=large.organisation, name=agent.slug, scopes=("calls",), project=project, agent=agent
            ).key
            yield Caller(agent, key)


def prices_of(model: Model) -> tuple[Decimal, ...]:
    """Input, read from a cache, output: per million, list price."""
    return tuple(map(Decimal, PRICES[str(model)]))


def terms_row(cast: Cast, model: Model) -> dict[str, Any]:
    """The terms that a call of the model is given, as the product writes them into its hold."""
    return to_json(terms_of(model, cast.plan, model.rates.all()))
