"""Credits that expire: what of them will be left at the present rate, on pages and in one mail a lot."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.core import mail

from analytics.expiring import forecast
from analytics.expiry_mails import warn_of_expiry
from common.clock import billing_now
from common.tenancy import platform
from organisations.models import Organisation, User
from tests import database
from tests.analytics.test_live import DAY, spend, text_of
from tests.api import Api
from tests.factories import Tenant, make_model, make_tenant
from tests.metering.figures import one, verified
from wallets.services import grant_credits

D = Decimal
NOW = datetime(2026, 11, 1, tzinfo=UTC)


def lot(pk: int, remaining: str, days: int | None, barred: bool = False) -> Any:
    ends = None if days is None else NOW + timedelta(days=days)
    return SimpleNamespace(pk=pk, remaining=D(remaining), expires_at=ends, barred_at=NOW if barred else None)


@pytest.mark.parametrize(
    ("lots", "per_day", "left"),
    [
        ([lot(1, "10", 5)], "1", {1: D(5)}),
        ([lot(1, "10", 5)], "2", {1: D(0)}),
        ([lot(1, "10", 5)], "0", {1: D(10)}),
        ([lot(1, "10", 5), lot(2, "10", 10)], "1", {1: D(5), 2: D(5)}),  # the second is begun when the first is gone
        ([lot(1, "3", 5), lot(2, "10", 10)], "1", {1: D(0), 2: D(3)}),
        ([lot(1, "20", None), lot(2, "10", 10)], "1", {2: D(10)}),  # a priority puts one before it
        ([lot(1, "20", None), lot(2, "10", 10)], "2.5", {2: D(5)}),
        ([lot(1, "5", 10, barred=True), lot(2, "10", 10)], "1", {1: D(5), 2: D(0)}),
        ([lot(1, "1", 7)], str(D(1) / D(3)), {1: D(0)}),
        ([lot(1, "100", -1), lot(2, "10", 5)], "1", {1: D(100), 2: D(5)}),  # expired, held by a call still
    ],
)  # fmt: skip
def test_what_will_be_left(lots: list[Any], per_day: str, left: dict[int, Decimal]) -> None:
    assert forecast(lots, D(per_day), NOW) == left


def give(tenant: Tenant, amount: str, days: float, **fields: Any) -> Any:
    given = {"kind": "promotional", "reason": "Trial", "key": f"{amount} {days}", **fields}
    return grant_credits(
        organisation=tenant.organisation, amount=D(amount), expires_at=billing_now() + timedelta(days=days), **given
    )


def test_the_overview_warns_of_what_expires_within_fourteen_days(
    tenant: Tenant, api: Api, owner: User, client_for: Any
) -> None:
    make_model({"input": "10", "output": "20"})
    give(tenant, "20", 10)
    give(tenant, "30", 15)
    spend(api, input=700_000)  # $7.00, so $1.00 a day
    seen = text_of(client_for(owner).get("/o/ada/").content.decode())
    assert "$13.00 of promotional credits expire on" in seen
    assert "At the present rate $3.00 of them will be left then, and lost." in seen
    assert "The present rate is $1.00 a day, the average of the last 7 days." in seen
    assert "$30.00 of promotional" not in seen
    database.advance_clock(2 * DAY)
    assert "$30.00 of promotional" in text_of(client_for(owner).get("/o/ada/").content.decode())


def test_finance_reads_the_same_on_the_wallets_page(tenant: Tenant, client_for: Any, support: User) -> None:
    page = f"/admin/wallets/wallet/{tenant.id}/change/"
    assert "expire on" not in client_for(support).get(page).content.decode()
    give(tenant, "20", 10)
    seen = text_of(client_for(support).get(page).content.decode())
    assert "$20.00 of promotional credits expire on" in seen
    assert "At the present rate all of them will be left then, and lost." in seen


def test_one_mail_a_lot_seven_days_before(tenant: Tenant, api: Api) -> None:
    make_model({"input": "10", "output": "20"})
    give(tenant, "20", 8)
    spend(api, input=700_000)
    assert (warn_of_expiry(), mail.outbox) == (0, [])
    database.advance_clock(DAY + 60)
    assert [warn_of_expiry(), warn_of_expiry()] == [1, 0]
    [sent] = mail.outbox
    at = one("SELECT expires_at AT TIME ZONE 'UTC' FROM wallets_grant WHERE expires_at IS NOT NULL")[0]
    assert (sent.to, sent.subject) == (["ada@example.com"], f"$13.00 of Ada's credits expire {at:%-d %B}")
    expires = f"$13.00 of the promotional credits of Ada expire on {at:%-d %b %Y, %H:%M:%S} (UTC)."
    for line in (expires, "http://testserver/o/ada/"):
        assert line in sent.body.splitlines(), line
    assert "$6.0" in sent.body  # at $1.00 a day, seven days less a minute
    give(tenant, "5", 3)
    give(tenant, "6", 8)
    assert warn_of_expiry() == 1  # given late, told at once
    verified()


def test_nothing_is_told_of_what_is_spent_or_over(tenant: Tenant, api: Api) -> None:
    make_model({"input": "10", "output": "20"})
    give(tenant, "1", 3)
    spend(api, input=100_000)
    assert warn_of_expiry() == 0
    other = make_tenant("ben")
    give(other, "5", 0.5)
    database.advance_clock(DAY)
    assert (warn_of_expiry(), mail.outbox) == (0, [])


def test_a_warning_that_was_refused_is_tried_again(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    give(tenant, "5", 3)

    def refuses(*args: Any, **kwargs: Any) -> None:
        raise ConnectionRefusedError

    with monkeypatch.context() as patched:
        patched.setattr("common.mail.send_mail", refuses)
        assert warn_of_expiry() == 0
    assert (warn_of_expiry(), len(mail.outbox)) == (1, 1)


def test_a_sandbox_is_told_nothing(tenant: Tenant) -> None:
    give(tenant, "6", 3)
    with platform("write"):
        Organisation.objects.filter(pk=tenant.id).update(sandbox=True)
    assert (warn_of_expiry(), mail.outbox) == (0, [])
    with platform("write"):
        Organisation.objects.filter(pk=tenant.id).update(sandbox=False)
    assert warn_of_expiry() == 1
