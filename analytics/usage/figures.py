"""All that the usage page shows of a period."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from analytics.burn import burn_rates
from analytics.runway import BurnRate
from analytics.usage.asked import Asked
from analytics.usage.chart import Chart, chart
from analytics.usage.conclusion import conclusion
from analytics.usage.table import Table, table
from common.templatetags.figures import money_text
from metering.filters import Selection
from metering.periods import Period
from metering.sums import Group, Sums, by, by_day_and_model
from organisations.models import Organisation

BURN_DAYS = 7


@dataclass(frozen=True)
class Figures:
    """`all` is what was used in the period, `title` what the chart shows; `burn` is the whole organisation's."""

    all: Sums
    table: Table
    chart: Chart
    title: str
    burn: BurnRate
    top_agent: Group | None
    providers: Sequence[str]


def figures(
    organisation: Organisation, asked: Asked, period: Period, selection: Selection, *,
    now: datetime, today: date, people: Mapping[str, str],
) -> Figures:  # fmt: skip
    """Read them, inside a snapshot; `today` is the local day of `now`, `people` members' names by e-mail address."""
    found = by_day_and_model(organisation.pk, period, selection)
    spend = {key: sums.charge for key, sums in found.items()}
    agents = by("agent", organisation.pk, period, selection, 1)
    compared = table(organisation.pk, asked, period, selection, people)
    return Figures(
        all=compared.all.sums,
        table=compared,
        chart=chart(period, spend),
        title=conclusion(
            _by_model(spend), _by_day(spend, period, today), lambda a: money_text(a, organisation.currency)
        ),
        burn=burn_rates(organisation.pk, now)[BURN_DAYS],
        top_agent=agents[0] if agents else None,
        providers=sorted({model.partition("/")[0] for (_, model), sums in found.items() if sums.requests}),
    )


def _by_model(spend: Mapping[tuple[str, str], Decimal]) -> dict[str, Decimal]:
    charged: dict[str, Decimal] = {}
    for (_, model), amount in spend.items():
        charged[model] = charged.get(model, Decimal(0)) + amount
    return charged


def _by_day(spend: Mapping[tuple[str, str], Decimal], period: Period, today: date) -> dict[date, Decimal]:
    """What was charged on each day that has begun."""
    charged = {day: Decimal(0) for day in period if day <= today}
    for (day, _), amount in spend.items():
        charged[date.fromisoformat(day)] = charged.get(date.fromisoformat(day), Decimal(0)) + amount
    return charged
