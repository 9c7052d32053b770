"""Finance corrects a wallet: adds, takes, undoes, takes bought credits back and gives them back; once per form."""

import re
import uuid
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from common.clock import billing_now
from common.tenancy import platform
from tests import cast
from tests.api import Api
from tests.factories import Tenant, give, make_model, make_tenant
from tests.metering.figures import one, rows_of, verified, wallet
from wallets.models import Adjustment
from wallets.services import adjust, claw_back

D = Decimal
WALLET = "/admin/wallets/wallet/{}/change/"
ADJUST = "/admin/wallets/adjustment/make/{}/"
UNDO = "/admin/wallets/adjustment/{}/undo/"
TAKE = "/admin/wallets/clawback/take/{}/"
GIVE_BACK = "/admin/wallets/clawback/{}/give-back/"


def form(**fields: Any) -> dict[str, Any]:
    return {"form_id": str(uuid.uuid4()), "act": "add", "amount": "5", "reason": "Wrong rate of May", **fields}


def taking(**fields: Any) -> dict[str, Any]:
    given = {"cause": "dispute", "amount": "5", "reason": "dp_4711", **fields}
    return {"form_id": str(uuid.uuid4()), **given}


def text(answer: Any) -> str:
    words = " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())
    return re.sub(r" (?=[.,)])|(?<=\() ", "", words)


def transfers(tenant: Tenant, kind: str) -> list[Any]:
    found = "SELECT debit, credit, amount FROM wallets_transfer WHERE organisation_id = %s AND kind = %s ORDER BY id"
    return rows_of(found, tenant.id, kind)


@pytest.fixture
def ada(transactional_db: None) -> Tenant:
    return make_tenant(credits="20")


@pytest.fixture
def client(client_for: Any, staff: SimpleNamespace) -> Any:
    return client_for(staff.finance)


def test_credits_are_added_and_taken_with_a_reason(client: Any, ada: Tenant, staff: SimpleNamespace) -> None:
    answer = client.post(ADJUST.format(ada.id), form(), follow=True)
    assert answer.redirect_chain == [(WALLET.format(ada.id), 302)]
    assert "Adjusted: $5.00 added." in text(answer)
    client.post(ADJUST.format(ada.id), form(act="take", amount="0.000000001"))
    assert wallet(ada.id) == (D("24.999999999"), D(0))
    assert rows_of("SELECT amount, reason, made_by_id FROM wallets_adjustment ORDER BY id") == [
        (D(5), "Wrong rate of May", staff.finance.pk), (D("-0.000000001"), "Wrong rate of May", staff.finance.pk),
    ]  # fmt: skip
    assert transfers(ada, "adjustment") == [
        ("promotional_expense", "credits_promotional", D(5)),
        ("credits_promotional", "promotional_expense", D("0.000000001")),  # free before paid
    ]
    verified()


def test_the_same_form_twice_adjusts_once_and_another_content_is_refused(client: Any, ada: Tenant) -> None:
    sent = form()
    for _ in range(2):
        assert client.post(ADJUST.format(ada.id), sent).status_code == 302
    again = client.post(ADJUST.format(ada.id), {**sent, "amount": "6"})
    assert again.status_code == 422
    assert "This form was sent before" in text(again)
    assert wallet(ada.id)[0] == 25


def test_no_more_is_taken_than_is_available(client: Any, ada: Tenant) -> None:
    make_model({"input": "0", "output": "20"})
    Api(ada).authorise(max_output_tokens=100_000)  # holds 2.00
    answer = client.post(ADJUST.format(ada.id), form(act="take", amount="18.01"))
    assert answer.status_code == 422
    assert answer.context["form"].errors["amount"] == ["Only $18.00 can be taken now."]
    assert client.post(ADJUST.format(ada.id), form(act="take", amount="18")).status_code == 302
    assert wallet(ada.id) == (D(2), D(2))
    verified()


@pytest.mark.parametrize(("act", "after"), [("add", 170), ("take", 0)])
def test_above_the_limit_another_person_approves(
    client: Any, client_for: Any, staff: SimpleNamespace, act: str, after: int, transactional_db: None
) -> None:
    ada = make_tenant(credits="20" if act == "add" else "150")
    sent = form(act=act, amount="150")
    answers = [client.post(ADJUST.format(ada.id), sent) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [302, 302]
    assert answers[0].url == answers[1].url  # asked once
    assert answers[0].url.startswith("/admin/organisations/approval/")
    assert one("SELECT count(*) FROM wallets_adjustment") == (0,)
    done = client_for(staff.superuser).post(answers[0].url, {"act": "approve"}, follow=True)
    assert "Approved and done." in text(done)
    assert wallet(ada.id)[0] == after
    verified()


def test_an_adjustment_is_undone_once_by_opposite_transfers(client: Any, ada: Tenant) -> None:
    client.post(ADJUST.format(ada.id), form())
    [made] = rows_of("SELECT id FROM wallets_adjustment")
    page = client.get(WALLET.format(ada.id))
    assert UNDO.format(made[0]) in page.content.decode()
    sent = {"form_id": str(uuid.uuid4()), "reason": "By mistake"}
    for _ in range(2):
        assert client.post(UNDO.format(made[0]), sent).status_code == 302
    assert wallet(ada.id)[0] == 20
    assert transfers(ada, "correction") == [("credits_promotional", "promotional_expense", D(5))]
    page = client.get(WALLET.format(ada.id))
    assert UNDO.format(made[0]) not in page.content.decode()
    assert "Undone" in text(page)
    other = client.post(UNDO.format(made[0]), {**sent, "form_id": str(uuid.uuid4())})
    assert (other.status_code, "It was undone before." in text(other)) == (422, True)
    verified()


def test_an_undoing_is_not_undone(client: Any, ada: Tenant) -> None:
    client.post(ADJUST.format(ada.id), form())
    first = one("SELECT id FROM wallets_adjustment")[0]
    client.post(UNDO.format(first), {"form_id": str(uuid.uuid4()), "reason": "By mistake"})
    undoing = one("SELECT id FROM wallets_adjustment WHERE undoes_id = %s", first)[0]
    assert client.post(UNDO.format(undoing), {"form_id": str(uuid.uuid4()), "reason": "No"}).status_code == 404
    assert wallet(ada.id)[0] == 20


def test_what_was_added_and_is_spent_can_not_be_undone(client: Any, transactional_db: None) -> None:
    ben = make_tenant("ben")
    make_model({"input": "0", "output": "20"})
    client.post(ADJUST.format(ben.id), form())
    api = Api(ben)
    api.settle(api.authorise(max_output_tokens=100_000).json()["id"], output=100_000)
    first = one("SELECT id FROM wallets_adjustment")[0]
    answer = client.post(UNDO.format(first), {"form_id": str(uuid.uuid4()), "reason": "By mistake"})
    assert answer.status_code == 422
    assert "Only $3.00 can be taken now. The rest is spent or held." in text(answer)
    assert wallet(ben.id)[0] == 3


BAD = [
    ("amount", value) for value in ("", "0", "-1", "NaN", "1e2", "1_0", "٥", "0.0000000001", "1,000", "9" * 30, "ten")
] + [("act", "give"), ("act", ""), ("reason", ""), ("reason", "  "), ("reason", "x" * 501), ("form_id", "none")]


@pytest.mark.parametrize(("field", "value"), BAD)
def test_bad_input_is_told_beside_its_field(field: str, value: str, client: Any, ada: Tenant) -> None:
    before = cast.contents()
    answer = client.post(ADJUST.format(ada.id), form(**{field: value}))
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert (cast.contents(), one("SELECT count(*) FROM wallets_adjustment")) == (before, (0,))


def test_bought_credits_are_taken_back_and_what_is_spent_is_owed(client: Any, ada: Tenant) -> None:
    make_model({"input": "0", "output": "20"})
    api = Api(ada)
    api.settle(api.authorise(max_output_tokens=750_000).json()["id"], output=750_000)  # 15.00 of 20.00
    lot = one("SELECT id FROM wallets_grant")[0]
    assert TAKE.format(lot) in client.get(WALLET.format(ada.id)).content.decode()
    sent = taking(amount="8")
    for _ in range(2):
        answer = client.post(TAKE.format(lot), sent, follow=True)
        assert answer.redirect_chain == [(WALLET.format(ada.id), 302)]
    assert "$8.00 is taken back: dispute." in text(answer)
    assert transfers(ada, "claw_back") == [
        ("credits_paid", "disputes", D(5)), ("receivable", "disputes", D(3)),
    ]  # fmt: skip
    assert wallet(ada.id) == (D(0), D(0))
    left = client.post(TAKE.format(lot), taking(amount="12.01"))
    assert left.context["form"].errors["amount"] == ["Only $12.00 of this lot has not been taken back yet."]
    assert "Only" not in text(client.post(TAKE.format(lot), {**sent, "amount": "9"}))
    verified()


def test_what_was_taken_back_is_given_back_once(client: Any, ada: Tenant) -> None:
    lot = one("SELECT id FROM wallets_grant")[0]
    client.post(TAKE.format(lot), taking())
    taken = one("SELECT id FROM wallets_clawback")[0]
    assert "Give $5.00 back?" in text(client.get(GIVE_BACK.format(taken)))
    for _ in range(2):
        assert client.post(GIVE_BACK.format(taken)).status_code == 302
    assert wallet(ada.id)[0] == 20
    assert GIVE_BACK.format(taken) not in client.get(WALLET.format(ada.id)).content.decode()
    verified()


def test_much_is_taken_back_once_another_person_approves(
    client: Any, client_for: Any, staff: SimpleNamespace, transactional_db: None
) -> None:
    rich = make_tenant("rich", credits="500")
    lot = one("SELECT id FROM wallets_grant")[0]
    asked = client.post(TAKE.format(lot), taking(amount="300", cause="refund"))
    assert asked.url.startswith("/admin/organisations/approval/")
    assert "Take $300.00 of lot" in text(client.get(asked.url))
    assert wallet(rich.id)[0] == 500
    done = client_for(staff.superuser).post(asked.url, {"act": "approve"}, follow=True)
    assert "$300.00 of the lot is taken back." in text(done)
    assert wallet(rich.id)[0] == 200
    second = client.post(TAKE.format(lot), taking(amount="150"))
    claw_back(lot=_lot(lot), cause="dispute", amount=D(100), reason="dp_1", key="dp_1")
    late = client_for(staff.superuser).post(second.url, {"act": "approve"})
    assert "Only $100.00 of the lot has not been taken back yet." in text(late)
    assert wallet(rich.id)[0] == 100
    verified()


def _lot(pk: int) -> Any:
    from wallets.models import Grant

    with platform("read"):
        return Grant.objects.get(pk=pk)


def test_only_bought_credits_can_be_taken_back(client: Any, ada: Tenant) -> None:
    gift = give(ada.organisation, "5", "promotional")
    assert (
        client.get(TAKE.format(gift.pk)).status_code == client.post(TAKE.format(gift.pk), taking()).status_code == 404
    )
    assert TAKE.format(gift.pk) not in client.get(WALLET.format(ada.id)).content.decode()


def test_support_reads_and_changes_nothing(client_for: Any, ada: Tenant, staff: SimpleNamespace) -> None:
    made = adjust(organisation=ada.organisation, amount=D(1), reason="r", key="k", by=staff.finance)
    lot = one("SELECT id FROM wallets_grant WHERE kind = 'paid'")[0]
    taken = claw_back(lot=_lot(lot), cause="refund", amount=D(1), reason="r", key="c")
    before, support = cast.contents(), client_for(staff.support)
    page = support.get(WALLET.format(ada.id)).content.decode()
    for address, sent in (
        (ADJUST.format(ada.id), form()), (UNDO.format(made.pk), form()), (TAKE.format(lot), taking()),
        (GIVE_BACK.format(taken.pk), {}),
    ):  # fmt: skip
        assert address not in page
        assert support.get(address).status_code == support.post(address, sent).status_code == 403
    assert "Wrong" not in page
    assert cast.contents() == before
    assert one("SELECT count(*) FROM wallets_adjustment") == (1,)


def test_lots_show_when_they_expire_and_what_is_owed(client: Any, ada: Tenant) -> None:
    make_model({"input": "0", "output": "20"})
    zone_day = one("SELECT (billing_now() AT TIME ZONE 'UTC')::date")[0] + timedelta(days=3)
    given = {"form_id": str(uuid.uuid4()), "kind": "promotional", "amount": "5.00", "reason": "Trial"}
    answer = client.post(f"/admin/wallets/wallet/{ada.id}/give-credits/", {**given, "last_day": zone_day.isoformat()})
    assert answer.status_code == 302
    api = Api(ada)
    api.authorise(max_output_tokens=100_000)
    api.authorise(max_output_tokens=500_000)  # holds 10.00 of what was bought, too
    lot = one("SELECT id FROM wallets_grant WHERE kind = 'paid'")[0]
    client.post(TAKE.format(lot), taking(amount="20"))
    seen = text(client.get(WALLET.format(ada.id)))
    assert f"{zone_day + timedelta(days=1):%-d %b %Y}, 00:00:00 UTC" in seen
    assert "$7.00 owed" in seen
    assert "barred since" in seen
    verified()


def test_credits_can_end_with_a_day_of_the_billing_zone(client: Any, transactional_db: None) -> None:
    tokyo = make_tenant("tokyo", billing_zone="Asia/Tokyo")
    address = f"/admin/wallets/wallet/{tokyo.id}/give-credits/"
    today = one("SELECT (billing_now() AT TIME ZONE 'Asia/Tokyo')::date")[0]
    given = {"form_id": str(uuid.uuid4()), "kind": "promotional", "amount": "5.00", "reason": "Trial"}
    for wrong in ((today - timedelta(days=1)).isoformat(), "3000-01-01", "tomorrow", "2027-02-30"):
        answer = client.post(address, {**given, "last_day": wrong})
        assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["last_day"]), wrong
    for _ in range(2):
        assert client.post(address, {**given, "last_day": today.isoformat()}).status_code == 302
    [(at,)] = rows_of("SELECT expires_at AT TIME ZONE 'Asia/Tokyo' FROM wallets_grant")
    assert f"{at:%Y-%m-%d %H:%M:%S}" == f"{today + timedelta(days=1)} 00:00:00"


def test_credits_above_the_limit_keep_their_last_day_through_the_approval(
    client: Any, client_for: Any, ada: Tenant, staff: SimpleNamespace
) -> None:
    day = (billing_now() + timedelta(days=30)).date()
    given = {"form_id": str(uuid.uuid4()), "kind": "promotional", "amount": "500", "reason": "Launch"}
    asked = client.post(f"/admin/wallets/wallet/{ada.id}/give-credits/", {**given, "last_day": day.isoformat()})
    client_for(staff.superuser).post(asked.url, {"act": "approve"})
    [(at,)] = rows_of("SELECT expires_at AT TIME ZONE 'UTC' FROM wallets_grant WHERE amount = 500")
    assert at.date() == day + timedelta(days=1)


def test_every_adjustment_is_in_the_list(client: Any, ada: Tenant) -> None:
    for n in range(12):
        adjust(organisation=ada.organisation, amount=D(-1), reason=f"reason {n}", key=f"k{n}")
    page = text(client.get(WALLET.format(ada.id)))
    assert "reason 11" in page
    assert "reason 1 " not in page  # the newest ten
    assert "reason 1 " in text(client.get(f"/admin/wallets/adjustment/?organisation={ada.id}"))
    with platform("read"):
        assert Adjustment.objects.count() == 12
