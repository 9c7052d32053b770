"""A receipt checks itself: everything on it is worked out again from leaves, frozen rates and ledger rows. Pure."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from metering.rating import Rated, rate_usage
from metering.terms import stored_terms
from providers.leaves import Leaf


class Check(NamedTuple):
    """A figure as it was stored and as it comes out now, in the organisation's currency."""

    what: str
    stored: Decimal
    again: Decimal

    @property
    def agrees(self) -> bool:
        return self.stored == self.again


def used(records: Iterable[Any]) -> dict[Leaf, int]:
    """The leaves of a settlement with all its revisions, each of which holds a difference."""
    total: dict[Leaf, int] = {}
    for record in records:
        for leaf, tokens in record.leaves.items():
            total[Leaf(leaf)] = total.get(Leaf(leaf), 0) + tokens
    return total


def recompute(records: Sequence[Any]) -> Rated:
    """Rate usage records (a settlement and its revisions, oldest first) again at the terms frozen in their hold."""
    terms, newest = stored_terms(records[0].hold.terms_id), records[-1]
    return rate_usage(terms, used(records), tier=newest.service_tier, class_tokens=newest.class_tokens)


def checks(records: Sequence[Any], transfers: Iterable[Any], rated: Rated) -> list[Check]:
    """What must agree on a receipt: prices with leaves and rates (`rated`: see `recompute`), charge and absorbed part
    with the ledger's rows."""
    rows = list(transfers)

    def stored(name: str) -> Decimal:
        return sum((getattr(record, name) for record in records), Decimal(0))

    def posted(account: str) -> Decimal:
        spent = sum((row.amount for row in rows if row.credit == account), Decimal(0))
        return spent - sum((row.amount for row in rows if row.debit == account), Decimal(0))

    absorbed = -posted("absorbed_overrun")
    return [
        Check("List price: leaves at the frozen rates", stored("list_cost"), rated.list_cost),
        Check("Cost: with the markup, rounded once", stored("cost"), rated.cost),
        Check("Charged: what the ledger took from the wallet", stored("charge"), posted("usage_revenue") - absorbed),
        Check("Absorbed: what the platform paid", stored("absorbed"), absorbed),
        Check("Charged and absorbed make the cost", stored("cost"), stored("charge") + stored("absorbed")),
    ]
