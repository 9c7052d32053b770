"""Burn rates are charged ÷ days to the moment, and the runway is their floor."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from analytics.burn import burn_rates, first_usage_at
from analytics.runway import BurnRate, Runway, runway
from common.clock import billing_now
from common.tenancy import tenant as inside
from organisations.models import Organisation
from tests import database
from tests.api import Api
from tests.booked import Booked, book
from tests.factories import make_model, make_tenant
from tests.metering.figures import one

D = Decimal
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TODAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    ("available", "charged", "days", "lasts"),
    [
        ("200.00", "4.20", 1, 47),  # 47.6
        ("200.00", "29.40", 7, 47),
        ("4.20", "4.20", 1, 1),
        ("4.199999999", "4.20", 1, 0),
        ("3", "3", 7, 7),  # the rate, 0.428571…, rounded up would make it six
        ("0.1", "0.3", 30, 10),
        ("0", "1", 1, 0),
        ("-1", "1", 1, 0),
    ],
)
def test_runway_is_the_floor_of_available_by_rate(available: str, charged: str, days: int, lasts: int) -> None:
    found = runway(
        D(available), BurnRate(D(charged), days), first_usage_at=NOW - timedelta(days=9), now=NOW, today=TODAY
    )
    assert found == Runway("days", lasts, TODAY + timedelta(days=lasts))


@pytest.mark.parametrize(
    ("charged", "ago", "state"),
    [
        ("0", timedelta(days=9), "no usage"),
        ("0", timedelta(hours=1), "no usage"),
        ("-1", timedelta(days=9), "no usage"),  # more was corrected than charged
        ("1", None, "no usage"),
        ("1", timedelta(hours=24) - timedelta(microseconds=1), "not enough data"),
        ("1", timedelta(hours=24), "days"),
    ],
)
def test_runway_says_when_it_can_not_know(charged: str, ago: timedelta | None, state: str) -> None:
    first = NOW - ago if ago is not None else None
    assert runway(D(5), BurnRate(D(charged), 7), first_usage_at=first, now=NOW, today=TODAY).state == state


def test_a_runway_beyond_the_calendar_has_days_but_no_date() -> None:
    found = runway(
        D("1e9"), BurnRate(D("0.000000001"), 30), first_usage_at=NOW - timedelta(days=9), now=NOW, today=TODAY
    )
    assert found == Runway("days", 30 * 10**18, None)


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Europe/Berlin", "Asia/Kathmandu", "Pacific/Pago_Pago"])
@pytest.mark.usefixtures("transactional_db")
def test_burn_rates_are_the_sums_of_usage_to_the_moment(zone: str) -> None:
    tenant, model, random = make_tenant(billing_zone=zone), make_model({"input": "1", "output": "1"}), Random(7)
    edges = [
        NOW - timedelta(days=days) + shift for days in (1, 7, 30) for shift in (timedelta(0), timedelta(microseconds=1))
    ]
    moments = edges + [NOW - timedelta(seconds=random.randrange(40 * 86400)) for _ in range(600)]
    book(tenant, [Booked(at, model, charge=D(random.randrange(1, 10**9)) / 10**9) for at in moments])
    with inside(tenant.id):
        found = burn_rates(tenant.id, NOW)
        assert first_usage_at(tenant.id) == min(moments)
    for days in (1, 7, 30):
        charged = "SELECT sum(charge) FROM metering_usagerecord WHERE posted_at > %s"
        assert found[days].charged == one(charged, NOW - timedelta(days=days))[0]
        assert abs(found[days].per_day * days - found[days].charged) < D("1e-40")


@pytest.mark.usefixtures("transactional_db")
def test_another_billing_zone_changes_no_burn_rate() -> None:
    tenant, model = make_tenant(billing_zone="Pacific/Kiritimati"), make_model({"input": "1", "output": "1"})
    # Local days that are already over where the new zone is: a window by day alone would count them wrongly.
    book(tenant, [Booked(NOW - timedelta(days=7, hours=hours), model) for hours in range(-26, 27)])
    with inside(tenant.id):
        Organisation.objects.filter(pk=tenant.id).update(billing_zone="Pacific/Pago_Pago")
        assert burn_rates(tenant.id, NOW)[7].charged == 26


def test_a_call_counts_at_once_and_nobody_elses_does(api: Api, organisation: Organisation) -> None:
    make_model({"input": "10", "output": "20"})
    assert first_of(organisation) is None
    api.settle(api.authorise(input_tokens=50_000).json()["id"], input=50_000)
    other = Api(make_tenant("ben", credits="5"))
    other.settle(other.authorise(input_tokens=70_000).json()["id"], input=70_000)
    with inside(organisation.pk):
        rates = burn_rates(organisation.pk, billing_now())
    assert {days: rate.charged for days, rate in rates.items()} == {1: D("0.5"), 7: D("0.5"), 30: D("0.5")}
    assert abs(first_of(organisation) - billing_now()) < timedelta(minutes=1)
    database.advance_clock(86_400)
    with inside(organisation.pk):
        rates = burn_rates(organisation.pk, billing_now())
    assert {days: rate.charged for days, rate in rates.items()} == {1: D(0), 7: D("0.5"), 30: D("0.5")}


def test_few_queries_however_much_usage(organisation: Organisation) -> None:
    with (
        inside(organisation.pk),
        CaptureQueriesContext(
            connection,
        ) as captured,
    ):
        burn_rates(organisation.pk, NOW)
    assert len(captured) <= 4


def lasting(available: str, rate: BurnRate) -> Runway:
    return runway(D(available), rate, first_usage_at=NOW - timedelta(days=9), now=NOW, today=TODAY)


def first_of(organisation: Organisation) -> datetime:
    with inside(organisation.pk):
        return first_usage_at(organisation.pk)
