"""One id per request: in the answer, and in the audit trail of what the request changed."""

import re

import pytest
from django.test import Client

from organisations.models import User
from tests.factories import make_user
from tests.metering.figures import one


@pytest.mark.parametrize("given", ["0123456789abcdef", "a.b_c-D8", "x" * 64])
def test_a_sane_id_of_the_caller_is_kept(given: str) -> None:
    assert Client().get("/livez", headers={"X-Request-Id": given}).headers["X-Request-Id"] == given


@pytest.mark.parametrize(
    "given", ["", "short", "x" * 65, "line\nbreak12", "<script>alert</script>", "ünïcödé12", 'quote"quote"']
)
def test_any_other_id_is_replaced(given: str) -> None:
    got = Client().get("/livez", headers={"X-Request-Id": given}).headers["X-Request-Id"]
    assert re.fullmatch(r"[0-9a-f]{32}", got)
    assert got != Client().get("/livez").headers["X-Request-Id"]


@pytest.mark.usefixtures("transactional_db")
def test_an_audit_entry_names_its_request() -> None:
    user = make_user("ada@example.com")
    client = Client()
    client.post(
        "/accounts/login/", {"login": user.email, "password": "a good password"}, headers={"X-Request-Id": "sign-in-1"}
    )
    assert "_auth_user_id" in client.session
    User.objects.filter(pk=user.pk).update(name="Ada")
    assert one("SELECT request FROM organisations_auditentry WHERE after ->> 'name' = 'Ada'") == ("",)
