# ruff: noqa: E501  (statements and answers as they are)
"""A receipt works itself out again: agreeing when all is well, naming the figure that was tampered with."""

from decimal import Decimal
from typing import Any

import pytest

from organisations.models import User
from tests import database
from tests.api import Api
from tests.factories import Tenant, make_model, make_plan, make_tenant
from tests.metering.figures import one

D = Decimal
REVISION = """
INSERT INTO metering_usagerecord (id, organisation_id, hold_id, revision, project_id, agent_id, api_key_id, model_id, "user",
  run, status, service_tier, leaves, list_cost, cost, charge, absorbed, estimated, flags, occurred_at, posted_at, local_day)
SELECT gen_random_uuid(), organisation_id, hold_id, 1, project_id, agent_id, api_key_id, model_id, "user", run, status,
  service_tier, '{"output": -40}', -0.0008, -0.0008, -0.0008, 0, false, '[]', occurred_at, posted_at + interval '1 hour', local_day
FROM metering_usagerecord
"""


def settled(tenant: Tenant, **usage: int) -> Any:
    api = Api(tenant)
    call = api.authorise(input_tokens=10_000, max_output_tokens=1_000).json()["id"]
    return api.settle(call, **usage).json()


def owner_does(statement: str) -> None:
    with database.owner() as connection:
        connection.execute("SELECT set_config('app.platform', 'write', false)")
        assert connection.execute(statement).rowcount == 1


def test_everything_agrees_and_is_named(tenant: Tenant) -> None:
    make_model({"input": "3.33", "output": "15"})
    receipt = settled(tenant, input=7, output=3)
    assert receipt["agrees"] is True
    assert [check["agrees"] for check in receipt["checks"]] == [True] * 5
    assert {check["again"] for check in receipt["checks"]} == {"0.000068310", "0.000000000"}
    assert (receipt["clamped"], receipt["max_output_tokens"]) == (False, 1_000)
    assert receipt["revisions"] == []


def test_markup_and_rounding_are_part_of_it(transactional_db: None) -> None:
    make_model({"input": "0.0001"})
    tenant = make_tenant("marked", credits="5", plan=make_plan("third", markup="1.333333"))
    api = Api(tenant)
    make_model({"input": "0.0001", "output": "1"}, name="other")
    call = api.authorise(model="other", input_tokens=100, max_output_tokens=10).json()["id"]
    receipt = api.settle(call, input=7).json()
    assert receipt["rounding"]["before"] == "0.0000000009333331"
    assert (receipt["cost"], receipt["agrees"]) == ("0.000000001", True)


@pytest.mark.parametrize(
    ("statement", "broken"),
    [
        ("UPDATE metering_usagerecord SET list_cost = list_cost + 1", {"List price: leaves at the frozen rates"}),
        (
            "UPDATE metering_usagerecord SET cost = cost + 1, charge = charge + 1",
            {"Cost: with the markup, rounded once", "Charged: what the ledger took from the wallet"},
        ),
        (
            "UPDATE metering_usagerecord SET leaves = '{\"input\": 8}'",
            {"List price: leaves at the frozen rates", "Cost: with the markup, rounded once"},
        ),
        (
            "UPDATE metering_usagerecord SET charge = charge - 0.00001, absorbed = absorbed + 0.00001",
            {"Charged: what the ledger took from the wallet", "Absorbed: what the platform paid"},
        ),
        (
            "UPDATE wallets_transfer SET amount = amount + 1 WHERE kind = 'usage'",
            {"Charged: what the ledger took from the wallet"},
        ),
    ],
)
def test_what_was_tampered_with_is_named(
    tenant: Tenant, owner: User, client_for: Any, finance: User, statement: str, broken: set[str]
) -> None:
    make_model({"input": "3", "output": "15"})
    receipt = settled(tenant, input=7, output=3)
    owner_does(statement)
    again = Api(tenant).get(f"receipts/{receipt['id']}").json()
    assert again["agrees"] is False
    assert {check["what"] for check in again["checks"] if not check["agrees"]} == broken
    for user, path in (
        (owner, f"/o/ada/receipts/{receipt['id']}"),
        (finance, f"/admin/metering/usagerecord/receipt/{receipt['id']}/"),
    ):
        page = client_for(user).get(path).content.decode()
        assert "Recomputed: differs" in page
        assert "stored $" in page


def test_the_page_says_that_it_agrees(tenant: Tenant, owner: User, client_for: Any) -> None:
    make_model({"input": "3", "output": "15"})
    receipt = settled(tenant, input=7, output=3)
    page = client_for(owner).get(f"/o/ada/receipts/{receipt['id']}").content.decode()
    assert "Recomputed: agrees" in page
    assert "Recomputed: differs" not in page
    assert "since 1 Jan 2026" in page


def test_what_the_platform_absorbed_agrees_too(transactional_db: None) -> None:
    make_model({"input": "10", "output": "20"})
    poor = make_tenant("poor", credits="0.05")
    api = Api(poor)
    call = api.authorise(input_tokens=1_000, max_output_tokens=100).json()["id"]
    receipt = api.settle(call, input=1_000, output=100_000).json()
    assert (receipt["charged"], receipt["absorbed"], receipt["agrees"]) == ("0.050000000", "1.960000000", True)


def test_raw_usage_is_on_the_page_and_clamping_is_said(transactional_db: None, client_for: Any) -> None:
    from tests.factories import make_user

    make_model({"input": "10", "output": "20"}, provider="openai")
    poor = make_tenant("poor", credits="0.05")
    api = Api(poor)
    call = api.authorise(provider="openai", input_tokens=1_000, max_output_tokens=100_000).json()
    usage = {"prompt_tokens": 1_000, "completion_tokens": 40, "total_tokens": 1_040}
    body = {
        "provider_response": {
            "id": "chatcmpl-7",
            "model": "model",
            "usage": usage,
            "choices": [{"message": {"content": "secret words"}}],
        }
    }
    api.send("POST", f"authorisations/{call['id']}/settle", body, key="s")
    reader = make_user("r@poor.example", member_of=poor.organisation, as_="viewer")
    page = client_for(reader).get(f"/o/poor/receipts/{call['id']}").content.decode()
    assert "clamped to what the wallet could pay" in page
    assert "completion_tokens" in page
    assert "secret words" not in page


def test_a_corrected_settlement_is_shown_as_such_with_the_new_figures(
    tenant: Tenant, owner: User, client_for: Any
) -> None:
    make_model({"input": "10", "output": "20"})
    receipt = settled(tenant, input=100, output=100)
    owner_does(REVISION)
    now = Api(tenant).get(f"receipts/{receipt['id']}").json()
    assert (now["cost"], now["charged"]) == ("0.002200000", "0.002200000")
    assert {line["leaf"]: line["tokens"] for line in now["leaves"]} == {"input": 100, "output": 60}
    [revision] = now["revisions"]
    assert (revision["charged"], revision["leaves"]) == ("-0.000800000", {"output": -40})
    page = client_for(owner).get(f"/o/ada/receipts/{receipt['id']}").content.decode()
    assert "Corrected later" in page
    assert one("SELECT sum(charge) FROM metering_usagerecord") == (D("0.0022"),)


def test_a_repeated_settlement_gets_its_first_receipt_even_after_a_correction(tenant: Tenant) -> None:
    make_model({"input": "10", "output": "20"})
    api = Api(tenant)
    call = api.authorise(input_tokens=100, max_output_tokens=100).json()["id"]
    first = api.settle(call, key="once", input=100, output=100)
    owner_does(REVISION)
    assert api.settle(call, key="once", input=100, output=100).content == first.content
