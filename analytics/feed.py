"""What happened last in an organisation, newest first: settled, running and released calls, credits, refusals."""

import uuid
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from metering.models import Call, UsageRecord
from organisations.models import Organisation
from wallets.history import credits_given, last_refusal
from wallets.models import Hold, Transfer

SHOWN = 12


class Event(NamedTuple):
    """One line of the feed. `amount` is signed: below zero for what was spent, in the organisation's currency.

    `kind`: settled, held, released, credited or refused. `hold` leads to the receipt of a settled call.
    """

    at: datetime
    kind: str
    amount: Decimal | None = None
    model: str = ""
    agent: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    note: str = ""
    hold: uuid.UUID | None = None


def feed(organisation: Organisation, since: datetime) -> list[Event]:
    """The newest events, none before `since` (aware); the caller is inside a snapshot."""
    events = [
        *map(_settled, _usage(organisation, since)),
        *(_call(call) for call in _calls(organisation, since)),
        *map(_credited, credits_given(organisation, since)),
    ]
    if refusal := last_refusal(organisation.pk, since):
        events.append(Event(refusal.at, "refused", refusal.required, note=f"{refusal.available:f}"))
    return sorted(events, key=lambda event: event.at, reverse=True)[:SHOWN]


def _usage(organisation: Organisation, since: datetime) -> list[UsageRecord]:
    records = UsageRecord.objects.filter(organisation=organisation, posted_at__gte=since)
    newest = records.order_by("-local_day", "-posted_at", "-pk").select_related("model", "agent")
    return list(newest.defer("raw", "leaves", "flags")[:SHOWN])


def _calls(organisation: Organisation, since: datetime) -> list[Call]:
    """Calls that run or were released, among the newest ones."""
    holds = Hold.objects.filter(organisation=organisation, authorised_at__gte=since).order_by("-authorised_at")
    newest = holds.values_list("pk", flat=True)[: 4 * SHOWN]
    calls = Call.objects.filter(hold__in=list(newest)).exclude(hold__state=Hold.State.SETTLED)
    return list(calls.select_related("hold", "model", "agent").defer("hold__terms", "progress"))


def _settled(record: UsageRecord) -> Event:
    words = [
        "estimated" if record.estimated else "",
        "corrected" if record.revision else "",
        record.get_status_display().lower() if record.status != UsageRecord.Status.COMPLETED else "",
        "part absorbed" if record.absorbed > 0 else "",
    ]
    note = ", ".join(word for word in words if word)
    return Event(
        record.posted_at, "settled", -record.charge, record.model.name, record.agent.name,
        record.input_tokens, record.output_tokens, note, record.hold_id,
    )  # fmt: skip


def _call(call: Call) -> Event:
    hold = call.hold
    if hold.state == Hold.State.RELEASED:
        assert hold.ended_at is not None  # a CHECK binds it to the state
        return Event(hold.ended_at, "released", hold.amount, call.model.name, call.agent.name)
    note = f"clamped to {call.max_output_tokens:,} output tokens" if call.clamped else ""
    return Event(hold.authorised_at, "held", hold.amount, call.model.name, call.agent.name, note=note)


def _credited(transfer: Transfer) -> Event:
    assert transfer.grant is not None  # a CHECK binds it to the kind
    return Event(transfer.posted_at, "credited", transfer.amount, note=transfer.grant.reason)
