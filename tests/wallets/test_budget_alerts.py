"""A budget that reaches its alert is told by mail: once a period, outside of any transaction, never while one fails."""

import smtplib
import threading
from decimal import Decimal
from typing import Any

import pytest
from django.core import mail
from django.db import connection

from common.tenancy import platform
from organisations.models import Organisation
from tests import database
from tests.api import Api
from tests.factories import Tenant, make_model
from tests.metering.figures import one, rows_of, verified
from wallets.alerts import mail_alerts
from wallets.services import end_budget, set_budget

D = Decimal


@pytest.fixture
def budget(tenant: Tenant) -> Any:
    make_model({"input": "0", "output": "20"})
    return set_budget(
        organisation=tenant.organisation, scope="agent", target=str(tenant.agent.pk), period="day", amount=D(2),
        alert_percent=75,
    )  # fmt: skip


def spend(api: Api, output: int, **fields: Any) -> None:
    api.settle(api.authorise(max_output_tokens=output, **fields).json()["id"], output=output)


def test_it_is_told_once_a_period_and_again_in_the_next(budget: Any, api: Api) -> None:
    spend(api, 74_999)
    assert (mail_alerts(), mail.outbox) == (0, [])
    spend(api, 1)  # 1.50 of 2.00
    assert [mail_alerts(), mail_alerts()] == [1, 0]
    [sent] = mail.outbox
    assert (sent.to, sent.subject) == (["ada@example.com"], "75 % of a budget is used: Main: Agent")
    restarts = one("SELECT date_trunc('day', billing_now() AT TIME ZONE 'UTC') + interval '1 day'")[0]
    for line in (
        "A budget of Ada has reached its alert at 75 %.", "For: Agent Main: Agent", "Budget: $2.00 a day",
        "Used: $1.50", "Held by running calls: $0.00", "Left: $0.500",
        f"Restarts: {restarts:%-d %b %Y}, 00:00:00 (UTC)",
        "Once nothing is left, calls that it counts are refused until it restarts.",
        "http://testserver/o/ada/budgets/",
    ):  # fmt: skip
        assert line in sent.body.splitlines(), line
    spend(api, 20_000)
    assert mail_alerts() == 0
    database.advance_clock(86_400)
    spend(api, 80_000)
    assert mail_alerts() == 1
    verified()


def test_one_that_only_alerts_says_so(tenant: Tenant, api: Api) -> None:
    make_model({"input": "0", "output": "20"})
    for scope, target in (("run", "nightly & <b>more</b>"), ("organisation", "")):
        set_budget(
            organisation=tenant.organisation, scope=scope, target=target, period="total", amount=D(1), hard=False,
            alert_percent=100,
        )  # fmt: skip
    spend(api, 75_000, run="nightly & <b>more</b>")
    assert mail_alerts() == 2
    run, whole = sorted(mail.outbox, key=lambda m: "nightly" not in m.subject)
    assert run.subject == "100 % of a budget is used: nightly & <b>more</b>"
    assert "For: Organisation Ada" in whole.body
    for line in ("Left: nothing, $0.500 over", "Restarts: never", "It only alerts: calls go on when it is reached."):
        assert line in run.body.splitlines(), line


def test_a_mail_that_was_refused_is_tried_again(budget: Any, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    spend(api, 80_000)

    def refuses(*args: Any, **kwargs: Any) -> None:
        assert not connection.in_atomic_block
        raise smtplib.SMTPServerDisconnected

    with monkeypatch.context() as patched:
        patched.setattr("common.mail.send_mail", refuses)
        assert mail_alerts() == 0
    assert one("SELECT mailed_at FROM wallets_budgetperiod") == (None,)
    assert (mail_alerts(), len(mail.outbox)) == (1, 1)


def test_a_budget_that_has_ended_is_told_no_more(budget: Any, api: Api) -> None:
    spend(api, 80_000)
    end_budget(budget)
    assert (mail_alerts(), mail.outbox) == (0, [])


def test_several_workers_send_one_mail_each(tenant: Tenant, api: Api) -> None:
    make_model({"input": "0", "output": "20"})
    for n in range(6):
        set_budget(
            organisation=tenant.organisation, scope="run", target=f"run {n}", period="total", amount=D(1),
            alert_percent=50,
        )  # fmt: skip
        spend(api, 30_000, run=f"run {n}")
    start = threading.Barrier(3)

    def work() -> None:
        start.wait()
        mail_alerts()
        connection.close()

    workers = [threading.Thread(target=work) for _ in range(3)]
    [worker.start() for worker in workers]
    [worker.join() for worker in workers]
    mail_alerts()  # what each left to the other
    assert sorted(m.subject[-5:] for m in mail.outbox) == [f"run {n}" for n in range(6)]
    assert rows_of("SELECT 1 FROM wallets_budgetperiod WHERE mailed_at IS NULL") == []


def test_no_mail_is_sent_inside_a_transaction(tenant: Tenant) -> None:
    from common.mail import send_text
    from common.tenancy import platform

    with platform("read"), pytest.raises(RuntimeError, match="outside"):
        send_text("budget_alert", to="a@b.example", context={})


def test_a_sandbox_is_told_nothing(budget: Any, api: Api, tenant: Tenant) -> None:
    spend(api, 80_000)
    with platform("write"):
        Organisation.objects.filter(pk=tenant.id).update(sandbox=True)
    assert (mail_alerts(), mail.outbox) == (0, [])
    with platform("write"):
        Organisation.objects.filter(pk=tenant.id).update(sandbox=False)
    assert mail_alerts() == 1
