"""A stable cast: organisations with a project, an agent and a key, and models with exactly the rates a test names."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from django.contrib.auth.hashers import get_hasher, make_password

from organisations.models import Agent, ApiKey, Organisation, Project, User
from organisations.services import add_member, create_agent, create_organisation, create_project, issue_api_key
from plans.models import Plan
from plans.services import put_on_plan
from providers.models import Model, Provider, Rate
from wallets.services import grant_credits

_numbers = itertools.count(1)


@dataclass
class Tenant:
    organisation: Organisation
    project: Project
    agent: Agent
    key: ApiKey
    secret: str

    @property
    def id(self) -> int:
        return self.organisation.pk


def make_plan(slug: str = "plain", markup: str = "1", classes: tuple[str, ...] = ("standard",)) -> Plan:
    fields = {"name": slug.title(), "markup": Decimal(markup), "access_classes": list(classes)}
    return Plan.objects.get_or_create(slug=slug, defaults=fields)[0]


def make_tenant(
    slug: str = "ada",
    *,
    credits: str | None = None,
    plan: Plan | None = None,
    scopes: tuple[str, ...] = ("calls", "read"),
    **fields: Any,
) -> Tenant:
    """An organisation on a plan with markup 1, with credits if any are named."""
    organisation = create_organisation(name=slug.title(), slug=slug, email=f"{slug}@example.com", **fields)
    put_on_plan(organisation=organisation, plan=plan or make_plan())
    project = create_project(organisation=organisation, name="Main", slug="main")
    agent = create_agent(project=project, name="Agent", slug="agent")
    issued = issue_api_key(organisation=organisation, name="key", scopes=scopes, project=project, agent=agent)
    if credits:
        give(organisation, credits)
    return Tenant(organisation, project, agent, issued.key, issued.secret)


def give(organisation: Organisation, amount: str, kind: str = "paid") -> Any:
    return grant_credits(
        organisation=organisation, kind=kind, amount=Decimal(amount), reason="test", key=f"grant {next(_numbers)}"
    )


def make_model(
    prices: Mapping[str, str],
    *,
    name: str = "model",
    above: Mapping[int, Mapping[str, str]] | None = None,
    provider: str = "test",
    access_class: str = "standard",
    max_output: int = 1_000_000,
    context: int = 2_000_000,
) -> Model:
    """A model with these list prices per 1M, and dearer ones (`above`) for requests above so many input tokens."""
    served_by, _ = Provider.objects.get_or_create(slug=provider, defaults={"name": provider.title()})
    model = Model.objects.create(
        provider=served_by, name=name, access_class=access_class, context_tokens=context, max_output_tokens=max_output
    )
    for threshold, leaves in {0: prices, **(above or {})}.items():
        for leaf, price in leaves.items():
            Rate.objects.create(
                model=model,
                leaf=leaf,
                price=Decimal(price),
                class_above=threshold,
                effective_from=datetime(2026, 1, 1, tzinfo=UTC),
                source="test",
            )
    return model


@cache
def _hashed(algorithm: str) -> str:
    """Argon2 is slow on purpose: once is enough for everybody."""
    return make_password("a good password", hasher=algorithm)


def make_user(email: str, role: str = "", *, member_of: Organisation | None = None, as_: str = "owner") -> User:
    """A person: platform staff with `role`, or a member with the role `as_`; the password is "a good password"."""
    user = User.objects.create(email=email, password=_hashed(get_hasher().algorithm), platform_role=role)
    if member_of:
        add_member(organisation=member_of, user=user, role=as_)
    return user
