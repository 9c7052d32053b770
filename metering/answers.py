"""What agents get back. The structs are the documentation too: the OpenAPI document is made from them.

Money is a decimal string in plain notation; moments are ISO 8601 with offset. All pure functions of stored rows, so
that a repeated call gets the same bytes.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct

from common.money import plain
from metering.proof import checks, recompute
from metering.rating import Line, RateTerm, Terms
from metering.terms import stored_terms
from providers.leaves import Leaf


class Price(Struct):
    """What a leaf costs this organisation: list rate and price with the plan's markup, per 1M."""

    leaf: Leaf
    service_tier: str
    class_above: int
    rate_per_million: str
    price_per_million: str
    effective_from: str
    rate_id: int


class Authorisation(Struct):
    """Go ahead, with at most `max_output_tokens`: send that limit to the provider."""

    id: str
    max_output_tokens: int
    clamped: bool
    held: str
    available: str
    currency: str
    expires_at: str
    rates: list[Price]


class ProgressAnswer(Struct):
    """Whether the call may go on. `accrued` is what has been used so far."""

    decision: Literal["continue", "stop"]
    reason: Literal["insufficient_credits", "budget_exceeded", "key_revoked", "suspended", "suspended_overrun"] | None
    accrued: str
    held: str
    available: str
    currency: str
    expires_at: str


class Released(Struct):
    id: str
    state: Literal["released"]
    released: str
    available: str
    currency: str


class ReceiptLine(Struct):
    """`rate_*` None: the leaf has no price and was not charged. `amount` is exact; only the sum is rounded."""

    leaf: Leaf
    tokens: int
    rate_id: int | None
    rate_leaf: Leaf | None
    rate_per_million: str | None
    rate_effective_from: str | None
    price_per_million: str | None
    amount: str


class ReceiptTransfer(Struct):
    id: int
    debit: str
    credit: str
    amount: str
    balance_after: str


class Rounding(Struct):
    """The one place where the charge was rounded."""

    places: int
    mode: str
    before: str
    after: str


class ReceiptCheck(Struct):
    """A figure of the receipt worked out again, from leaves, frozen rates and ledger rows."""

    what: str
    stored: str
    again: str
    agrees: bool


class Revision(Struct):
    """A later correction of the settlement: what it changed, as signed differences."""

    revision: int
    posted_at: str
    leaves: dict[str, int]
    cost: str
    charged: str
    absorbed: str


class Receipt(Struct):
    """How a charge came about, down to the rates and the ledger; anyone can recompute it."""

    id: str
    status: Literal["completed", "cancelled", "failed"]
    ended_by: Literal["call", "expiry"]
    estimated: bool
    flags: list[str]
    provider: str
    model: str
    project: str
    agent: str
    user: str
    run: str
    service_tier: str
    plan: str
    markup: str
    leaves: list[ReceiptLine]
    provider_usage: dict[str, Any] | None
    list_cost: str
    rounding: Rounding
    cost: str
    charged: str
    absorbed: str
    held: str
    released: str
    max_output_tokens: int | None
    clamped: bool
    currency: str
    authorised_at: str
    posted_at: str
    transfers: list[ReceiptTransfer]
    revisions: list[Revision]
    agrees: bool
    checks: list[ReceiptCheck]


class SettledReceipt(Receipt):
    """A receipt with what was available right after it."""

    available: str


class Balance(Struct):
    """balance = available + held; `accrued` is the part of held that running calls have already used."""

    balance: str
    held: str
    available: str
    accrued: str
    currency: str
    as_of: str


class ModelOffer(Struct):
    provider: str
    model: str
    aliases: list[str]
    context_tokens: int
    max_output_tokens: int
    prices: list[Price]


class Models(Struct):
    """What this key may call, at which prices."""

    plan: str
    markup: str
    currency: str
    models: list[ModelOffer]


class UsageFigures(Struct):
    """What some calls used and cost; `estimated` is how many of the requests nobody reported the usage of."""

    requests: int
    estimated: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    list_cost: str
    charged: str
    absorbed: str


class UsageGroup(UsageFigures):
    """Those of one model, provider, project, agent, member or day."""

    key: str
    name: str


class UsageSums(Struct):
    """Usage of the local days from `first_day` to `last_day`, both included, as of now: today is in it."""

    first_day: str
    last_day: str
    zone: str
    by: str
    groups: list[UsageGroup]
    total: UsageFigures
    currency: str
    as_of: str


class Budget(Struct):
    """A budget in its running period. left = amount - used - held, below zero where it was lowered or only alerts."""

    id: int
    scope: Literal["organisation", "project", "agent", "member", "key", "run"]
    target: str
    name: str
    period: Literal["day", "month", "total"]
    amount: str
    used: str
    held: str
    left: str
    hard: bool
    alert_percent: int | None
    state: Literal["ok", "near", "reached"]
    first_day: str | None
    resets_at: str | None


class Budgets(Struct):
    """The organisation's running budgets."""

    budgets: list[Budget]
    currency: str
    as_of: str


class Limits(Struct):
    """What binds this key at this moment: its wallet, its suspension, and the budgets that count its calls."""

    suspended: Literal["suspended", "suspended_overrun"] | None
    balance: str
    held: str
    available: str
    limiting_scope: Literal["wallet", "organisation", "project", "agent", "key"]
    room: str
    budgets: list[Budget]
    currency: str
    as_of: str


def moment(at: datetime) -> str:
    return at.isoformat()


def prices(terms: Terms, rates: Iterable[RateTerm] | None = None) -> list[Price]:
    """The terms' rates with markup, as the API lists them."""
    return [
        Price(
            leaf=r.leaf,
            service_tier=r.tier,
            class_above=r.class_above,
            rate_per_million=plain(r.per_million),
            price_per_million=_short(r.per_million * terms.markup),
            effective_from=r.effective_from,
            rate_id=r.id,
        )
        for r in (terms.rates if rates is None else rates)
    ]


def authorisation(hold: str, figures: dict[str, Any], rates: list[Price], currency: str) -> Authorisation:
    return Authorisation(id=hold, **figures, currency=currency, rates=rates)


def receipt(records: Sequence[Any], transfers: Sequence[Any]) -> Receipt:
    """The receipt of a settlement: its usage records (see `metering.selectors.settlement`) and ledger rows.

    Figures are those after all revisions.
    """
    record, hold = records[0], records[0].hold
    terms, rated = stored_terms(hold.terms_id), recompute(records)
    found = checks(records, transfers, rated)
    cost, charge, absorbed = (sum(getattr(r, name) for r in records) for name in ("cost", "charge", "absorbed"))
    return Receipt(
        id=str(hold.pk),
        status=record.status,
        ended_by=hold.ended_by,
        estimated=records[-1].estimated,
        flags=[flag for r in records for flag in r.flags],
        provider=terms.provider,
        model=terms.model,
        project=record.project.slug,
        agent=record.agent.slug,
        user=record.user,
        run=record.run,
        service_tier=records[-1].service_tier,
        plan=terms.plan,
        markup=plain(terms.markup),
        leaves=[_line(line) for line in rated.lines],
        provider_usage=records[-1].raw,
        list_cost=plain(sum(r.list_cost for r in records)),
        rounding=Rounding(9, "half away from zero, once, on the sum", _short(rated.exact), plain(rated.cost)),
        cost=plain(cost),
        charged=plain(charge),
        absorbed=plain(absorbed),
        held=plain(hold.amount),
        released=plain(max(hold.amount - record.charge, hold.amount * 0)),
        max_output_tokens=hold.call.max_output_tokens,
        clamped=hold.call.clamped,
        currency=record.organisation.currency,
        authorised_at=moment(hold.authorised_at),
        posted_at=moment(record.posted_at),
        transfers=[_transfer(t) for t in transfers],
        revisions=[_revision(r) for r in records[1:]],
        agrees=all(check.agrees for check in found),
        checks=[ReceiptCheck(c.what, f"{c.stored:.9f}", f"{c.again:.9f}", c.agrees) for c in found],
    )


def settled_receipt(receipt: Receipt, available: str) -> SettledReceipt:
    """The receipt with what was `available` right after it."""
    return SettledReceipt(**{name: getattr(receipt, name) for name in receipt.__struct_fields__}, available=available)


def _revision(record: Any) -> Revision:
    return Revision(
        record.revision, moment(record.posted_at), record.leaves, plain(record.cost), plain(record.charge),
        plain(record.absorbed),
    )  # fmt: skip


def _line(line: Line) -> ReceiptLine:
    rate = line.rate
    return ReceiptLine(
        leaf=line.leaf,
        tokens=line.tokens,
        rate_id=rate.id if rate else None,
        rate_leaf=rate.leaf if rate else None,
        rate_per_million=plain(rate.per_million) if rate else None,
        rate_effective_from=rate.effective_from if rate else None,
        price_per_million=None if line.price is None else _short(line.price),
        amount=_short(line.amount),
    )


def _transfer(row: Any) -> ReceiptTransfer:
    return ReceiptTransfer(row.pk, row.debit, row.credit, plain(row.amount), plain(row.balance_after))


def _short(amount: Any) -> str:
    """An exact product without the zeros that its scale happens to carry."""
    text = plain(amount)
    return text.rstrip("0").rstrip(".") if "." in text else text
