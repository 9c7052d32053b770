"""The sections of an organisation's pages, and whose they are."""

from collections.abc import Collection
from typing import NamedTuple

from django.urls import reverse

from organisations.models import Member

EVERYBODY: Collection[str] = frozenset(Member.Role.values)
MANAGERS: Collection[str] = frozenset({Member.Role.OWNER, Member.Role.ADMIN})


class Section(NamedTuple):
    """An entry of the navigation; `current` is the value of `aria-current`, "" for the others."""

    label: str
    address: str
    current: str


_SECTIONS: tuple[tuple[str, str, Collection[str]], ...] = (
    ("Overview", "analytics:overview", EVERYBODY),
    ("Live", "analytics:live", EVERYBODY),
    ("Usage", "analytics:usage", EVERYBODY),
    ("Budgets", "analytics:budgets", EVERYBODY),
    ("Members", "analytics:members", EVERYBODY),
    ("API keys", "analytics:keys", MANAGERS),
)


def sections_for(member: Member, path: str) -> list[Section]:
    """What `member` may open, with the section that `path` is or lies in marked."""
    slug = member.organisation.slug
    found = [(label, reverse(name, kwargs={"slug": slug})) for label, name, roles in _SECTIONS if member.role in roles]
    return [Section(label, address, _current(address, path, first=n == 0)) for n, (label, address) in enumerate(found)]


def _current(address: str, path: str, *, first: bool) -> str:
    if path == address:
        return "page"
    # Every other page lies below the first one's address, too.
    return "true" if path.startswith(address) and not first else ""
