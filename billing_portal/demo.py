"""The demo organisations and one login for each kind of user. Made where missing; nothing that exists is changed."""

from decimal import Decimal
from typing import NamedTuple

from django.conf import settings

from analytics.simulation import introduce
from common.tenancy import platform, tenant
from metering.sandbox import start_over
from organisations.models import Member, Organisation, User
from organisations.services import add_member, create_agent, create_organisation, create_project
from plans.models import Plan
from plans.services import load_plans, put_on_plan
from providers.services import load_price_book
from wallets.history import started_over_at
from wallets.services import grant_credits

PASSWORD = "transparent-demo"  # noqa: S105  (printed at every start of the demo, refused elsewhere)


class Login(NamedTuple):
    who: str
    email: str


STAFF = {
    User.PlatformRole.SUPERUSER: Login("Superuser", "root@demo.example"),
    User.PlatformRole.FINANCE: Login("Finance", "finance@demo.example"),
    User.PlatformRole.SUPPORT: Login("Support, reads only", "support@demo.example"),
}
MEMBERS = {role: Login(role.label, f"{role.value}@northwind.example") for role in Member.Role}
AGENTS = ("Sophi", "Marv", "Sage")
SIMULATION = "simulation"  # slug of the sandbox in which the agents work


def load() -> list[Login]:
    """Load plans, price book, organisations and people; returns the logins, all with `PASSWORD`."""
    load_plans()
    load_price_book()
    for role, login in STAFF.items():
        _user(login, f"Demo {login.who.lower()}", role)
    northwind = _organisation("Northwind Research", "northwind", "pro", Decimal(200))
    _organisation("Contoso Labs", "contoso", "starter", Decimal(0))  # stopped at zero
    sandbox = _simulation()
    for member_role, login in MEMBERS.items():
        user = _user(login, f"{login.who} of Northwind")
        for organisation in (northwind, sandbox):
            _join(organisation, user, member_role)
    return [*STAFF.values(), *MEMBERS.values()]


def _simulation() -> Organisation:
    """The sandbox whose agents a process of their own plays; at first it has its credits and they run slowly."""
    sandbox = _organisation("Simulation", SIMULATION, "pro", Decimal(0), sandbox=True)
    with tenant(sandbox.pk):
        if started_over_at(sandbox) is None:
            start_over(sandbox)
    if settings.SIMULATION:
        introduce(sandbox)
    return sandbox


def _join(organisation: Organisation, user: User, role: str) -> None:
    with platform("read"):
        missing = not Member.objects.filter(organisation=organisation, user=user).exists()
    if missing:
        add_member(organisation=organisation, user=user, role=role)


def _user(login: Login, name: str, platform_role: str = "") -> User:
    found = User.objects.filter(email=login.email).first()
    return found or User.objects.create_user(login.email, PASSWORD, name=name, platform_role=platform_role)


def _organisation(name: str, slug: str, plan: str, credits: Decimal, *, sandbox: bool = False) -> Organisation:
    with platform("read"):
        found = Organisation.objects.filter(slug=slug).first()
    if found:
        return found
    organisation = create_organisation(
        name=name, slug=slug, email=f"billing@{slug}.example", billing_zone="Europe/Berlin", sandbox=sandbox
    )
    put_on_plan(organisation=organisation, plan=Plan.objects.get(slug=plan))
    project = create_project(organisation=organisation, name="Checkout bot", slug="checkout-bot")
    for agent in AGENTS:
        create_agent(project=project, name=agent, slug=agent.lower())
    if credits:
        grant_credits(
            organisation=organisation,
            kind="paid",
            amount=credits,
            reason="Opening credits of the demo",
            key="demo opening",
        )
    return organisation
