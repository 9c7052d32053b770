"""The requests of a usage page as CSV, however many there are, in the memory of one chunk.

The rows are those of one moment, though they are read in many short transactions: usage records are only ever added, in
the order of their dates, under the wallet's lock; so all that were dated up to the wallet's last posting at the start
are there already, and later ones are left out.
"""

import csv
import io
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from asgiref.sync import sync_to_async
from django.db import connection
from django.db.models import Q

from analytics.usage.requests import days_with_rows, with_names
from common.money import plain
from common.tenancy import tenant
from metering.filters import Selection
from metering.models import UsageRecord
from metering.periods import Period
from organisations.models import Organisation
from providers.leaves import Leaf
from wallets.models import Wallet

CHUNK = 1000
FORMULA = (
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
    "＝",
    "＋",
    "－",
    "＠",
)  # what makes a spreadsheet run a cell instead of showing it
HEADINGS = (
    "time_utc", "local_day", "receipt", "revision", "status", "provider", "model", "project", "agent", "member", "run",
    "service_tier", *(leaf.value for leaf in Leaf), "input_tokens", "cached_tokens", "output_tokens", "list_cost",
    "cost", "charge", "absorbed", "currency", "estimated", "flags",
)  # fmt: skip


@dataclass(frozen=True)
class Export:
    """What a file will hold, decided at its start. `days` are the local days that have rows, oldest first."""

    organisation_id: int
    currency: str
    condition: Q
    days: Sequence[date]
    as_of: datetime | None


def plan(organisation: Organisation, period: Period, selection: Selection) -> Export:
    """Decide what the file holds, inside a snapshot."""
    days = [found.day for found in days_with_rows(organisation.pk, period, selection)]
    wallet = Wallet.objects.filter(organisation=organisation).first()
    as_of = wallet.last_posted_at if wallet else None
    return Export(organisation.pk, organisation.currency, selection.condition, days[::-1], as_of)


async def lines(export: Export) -> AsyncIterator[bytes]:
    """The file, a chunk at a time. Between two chunks no connection to the database is held."""
    yield _written([HEADINGS])
    for day in export.days:
        after: UsageRecord | None = None
        while records := await sync_to_async(_chunk)(export, day, after):
            yield _written(_cells(record, export.currency) for record in records)
            after = records[-1]


def _chunk(export: Export, day: date, after: UsageRecord | None) -> list[UsageRecord]:
    """The next rows of a day, in a short snapshot of their own; the connection goes back to the pool."""
    rows = UsageRecord.objects.filter(
        export.condition, organisation_id=export.organisation_id, local_day=day, posted_at__lte=export.as_of
    )
    if after is not None:
        later = Q(posted_at__gt=after.posted_at) | Q(pk__gt=after.pk)
        rows = rows.filter(later, posted_at__gte=after.posted_at)
    try:
        with tenant(export.organisation_id, snapshot=True):
            return list(with_names(rows).order_by("local_day", "posted_at", "pk")[:CHUNK])
    finally:
        connection.close()


def _written(rows: Iterable[Iterable[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _cells(record: UsageRecord, currency: str) -> Iterator[str]:
    yield f"{record.posted_at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
    yield record.local_day.isoformat()
    yield str(record.hold_id)
    yield str(record.revision)
    labels = (
        record.status, record.model.provider.slug, record.model.name, record.project.slug, record.agent.slug,
        record.user, record.run, record.service_tier,
    )  # fmt: skip
    yield from map(_text, labels)
    yield from (str(record.leaves.get(leaf.value, 0)) for leaf in Leaf)
    yield from map(str, (record.input_tokens, record.cached_tokens, record.output_tokens))
    yield from map(plain, (record.list_cost, record.cost, record.charge, record.absorbed))
    yield currency
    yield "yes" if record.estimated else "no"
    yield _text(" ".join(record.flags))


def _text(text: str) -> str:
    """A label of somebody's: never a formula. Figures are ours and stay figures, also below zero."""
    return f"'{text}" if text.startswith(FORMULA) or text.lstrip().startswith(FORMULA) else text
