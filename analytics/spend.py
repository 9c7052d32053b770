"""What agents spent on which models since a page's figures begin; the caller is inside a snapshot."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import Count, QuerySet, Sum

from common.clock import billing_day
from metering.models import DailyUsage, UsageRecord
from organisations.models import Organisation

ROWS = 12  # of the table: it is drawn anew with each change, for everybody who watches
COLOURS = 6


class Spend(NamedTuple):
    """What one agent used of one model; `charge` is in the organisation's currency."""

    provider: str
    model: str
    agent: str
    input_tokens: int
    output_tokens: int
    charge: Decimal
    colour: int  # 1 to 6; a model keeps it while others overtake it

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True)
class Spending:
    """The dearest `rows`, what all others make together, and the sums of everything."""

    rows: list[Spend]
    input_tokens: int
    output_tokens: int
    charge: Decimal
    models: int
    providers: int
    agents: int

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    @property
    def others(self) -> Spend | None:
        """What is not among the rows; None where everything is."""
        if len(self.rows) < ROWS:
            return None
        rest = Spend(
            "", "", "", self.input_tokens - sum(row.input_tokens for row in self.rows),
            self.output_tokens - sum(row.output_tokens for row in self.rows),
            self.charge - sum((row.charge for row in self.rows), Decimal(0)), 0,
        )  # fmt: skip
        return rest if rest.tokens or rest.charge else None


def since_day(organisation: Organisation, first: date) -> Spending:
    """What was used from the local day `first` on."""
    return _spending(DailyUsage.objects.filter(organisation=organisation, local_day__gte=first))


def since_moment(organisation: Organisation, begin: datetime) -> Spending:
    """What was used since `begin` (aware), from the records: only for a sandbox, which may start over within a day and
    whose runs are short."""
    earliest = billing_day(begin, organisation.billing_zone) - timedelta(days=1)
    return _spending(
        UsageRecord.objects.filter(organisation=organisation, local_day__gte=earliest, posted_at__gte=begin)
    )


def _spending(rows: "QuerySet[DailyUsage] | QuerySet[UsageRecord]") -> Spending:
    sums: dict[str, Any] = {
        "input_tokens": Sum("input_tokens"), "output_tokens": Sum("output_tokens"), "charge": Sum("charge")
    }  # fmt: skip
    counts = {
        "models": Count("model", distinct=True), "providers": Count("model__provider", distinct=True),
        "agents": Count("agent", distinct=True),
    }  # fmt: skip
    everything = {name: found or 0 for name, found in rows.aggregate(**counts, **sums).items()}
    named = rows.values_list("model__provider__name", "model__name", "agent__name")
    grouped = named.annotate(came_in=Sum("input_tokens"), came_out=Sum("output_tokens"), spent=Sum("charge"))
    found: list[tuple[Any, ...]] = list(grouped.order_by("-spent", "model__name", "agent__name")[:ROWS])
    colours = {name: n % COLOURS + 1 for n, name in enumerate(sorted({row[1] for row in found}))}
    charge = Decimal(everything.pop("charge"))
    return Spending([Spend._make((*row, colours[row[1]])) for row in found], charge=charge, **everything)
