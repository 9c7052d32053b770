"""Why a balance was what it was: the figures of one moment, out of rows that are never changed.

The caller is inside `platform(…)` or `tenant(…)`, so that all figures come from one snapshot.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from organisations.models import Organisation
from wallets.models import CREDITS, Grant, Hold, Transfer
from wallets.selectors import LedgerRow, change_of

ROWS = 20
ZERO = Decimal(0)
LONGEST_CALL = timedelta(hours=25)  # a hold lives at most a day after it was authorised, and is swept soon after
CHANGE = Coalesce(Sum("amount", filter=Q(credit__in=CREDITS)), ZERO) - Coalesce(
    Sum("amount", filter=Q(debit__in=CREDITS)), ZERO
)


class Movement(NamedTuple):
    """All transfers of one kind between two accounts in the time that is explained.

    `change` is what they did to the balance: 0 where they moved none of the customer's credits.
    """

    kind: str
    debit: str
    credit: str
    number: int
    amount: Decimal
    change: Decimal


class Lot(NamedTuple):
    """A lot of credits and what was left of it at that time."""

    grant: Grant
    left: Decimal


class Held(NamedTuple):
    """Calls that were running at that time: the newest, how many, and what their holds came to.

    `amount` is of the holds as they ended (or are now): a hold that grew with progress was smaller before.
    """

    holds: list[Hold]
    number: int
    amount: Decimal


class Explanation(NamedTuple):
    """The balance at `at`: what there was before `start` (`opening`), what moved since, and which lots made it up.

    `start` None is the beginning of the ledger. `balance` is the running balance that the last transfer wrote down.
    """

    at: datetime
    start: datetime | None
    opening: Decimal
    movements: list[Movement]
    balance: Decimal
    lots: list[Lot]
    held: Held
    rows: list[LedgerRow]

    @property
    def by_transfers(self) -> Decimal:
        return self.opening + sum((movement.change for movement in self.movements), ZERO)

    @property
    def by_lots(self) -> Decimal:
        return sum((lot.left for lot in self.lots), ZERO)

    @property
    def agree(self) -> bool:
        return self.by_transfers == self.balance == self.by_lots


def explain(organisation: Organisation, at: datetime, start: datetime | None) -> Explanation:
    """How the balance at `at` (aware, that moment included) came about since `start`; None is from the beginning."""
    posted = Transfer.objects.filter(organisation=organisation)
    until = posted.filter(posted_at__lte=at)
    opening = _running(posted.filter(posted_at__lt=start)) if start else ZERO
    newest = until.select_related("grant").order_by("-posted_at", "-pk")[:ROWS]
    return Explanation(
        at=at,
        start=start,
        opening=opening,
        movements=_movements(until.filter(posted_at__gte=start) if start else until),
        balance=_running(until),
        lots=_lots(organisation, posted.filter(posted_at__gt=at)),
        held=_held(organisation, at),
        rows=[LedgerRow(row, change_of(row)) for row in newest],
    )


def _running(rows: QuerySet[Transfer]) -> Decimal:
    """The balance after the last of these rows: one look into an index."""
    return rows.order_by("-posted_at", "-pk").values_list("balance_after", flat=True).first() or ZERO


def _movements(rows: QuerySet[Transfer]) -> list[Movement]:
    sums = rows.values("kind", "debit", "credit").annotate(number=Count("pk"), total=Sum("amount"), change=CHANGE)
    name, account = Transfer.Kind, Transfer.Account
    return [
        Movement(name(kind).label, account(debit).label, account(credit).label, *figures)
        for kind, debit, credit, *figures in sums.values_list(
            "kind", "debit", "credit", "number", "total", "change"
        ).order_by("kind", "debit", "credit")
    ]


def _lots(organisation: Organisation, later: QuerySet[Transfer]) -> list[Lot]:
    """What was left of each lot: what is left now, with all that was posted later taken back."""
    changes = dict(later.filter(grant__isnull=False).order_by().values_list("grant_id").annotate(change=CHANGE))
    grants = Grant.objects.filter(organisation=organisation).filter(Q(remaining__gt=0) | Q(pk__in=changes))
    lots = [Lot(grant, grant.remaining - changes.get(grant.pk, ZERO)) for grant in grants.order_by("pk")]
    return [lot for lot in lots if lot.left]


def _held(organisation: Organisation, at: datetime) -> Held:
    begun = Hold.objects.filter(organisation=organisation, authorised_at__lte=at)
    # Two looks into two indexes: calls that have ended since began shortly before, those that run may be stuck.
    ended = begun.filter(authorised_at__gt=at - LONGEST_CALL, ended_at__gt=at)
    running = begun.filter(state=Hold.State.OPEN)
    sums = [found.aggregate(number=Count("pk"), amount=Coalesce(Sum("amount"), ZERO)) for found in (ended, running)]
    newest = [hold for found in (ended, running) for hold in found.order_by("-authorised_at", "pk")[:ROWS]]
    return Held(
        sorted(newest, key=lambda hold: hold.authorised_at, reverse=True)[:ROWS],
        sum(found["number"] for found in sums),
        sum((found["amount"] for found in sums), ZERO),
    )
