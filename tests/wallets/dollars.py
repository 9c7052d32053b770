"""Calls whose output costs one dollar a token, so that tests speak of round sums; and what the ledger says of them."""

import itertools
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from common.clock import billing_now
from common.tenancy import tenant as scope
from tests.api import Api
from tests.factories import Tenant, make_model
from tests.metering.figures import one, rows_of
from wallets.models import Grant
from wallets.services import grant_credits

D = Decimal
_keys = itertools.count(1)


def dollar_model() -> Any:
    """Free input, output at one dollar a token."""
    return make_model({"input": "0", "output": "1000000"})


def give(tenant: Tenant, amount: str, kind: str = "paid", **fields: Any) -> Grant:
    wanted = {"kind": kind, "amount": D(amount), "reason": "test", "key": f"lot {next(_keys)}", **fields}
    return grant_credits(organisation=tenant.organisation, **wanted)


def hold(api: Api, dollars: int, **fields: Any) -> str:
    """Authorise a call that may cost so much, all of it."""
    answer = api.authorise(max_output_tokens=dollars, min_output_tokens=dollars, **fields)
    assert answer.status_code == 201, answer.json()
    return answer.json()["id"]


def spend(api: Api, dollars: int, **fields: Any) -> None:
    """One call that costs so much."""
    assert api.settle(hold(api, dollars, **fields), output=dollars).json()["charged"] == f"{dollars}.000000000"


def refused(api: Api, dollars: int, **fields: Any) -> dict[str, Any]:
    """What is said to a call that may cost so much and can't be paid."""
    answer = api.authorise(max_output_tokens=dollars, min_output_tokens=dollars, **fields)
    assert answer.status_code == 402, answer.json()
    return answer.json()


def available(api: Api) -> int:
    """How many dollars a call could hold now, as the API finds it out: the most that is granted."""
    answer = api.authorise(max_output_tokens=1_000_000)
    if answer.status_code == 402:
        return int(answer.json()["affordable_output_tokens"])
    api.release(answer.json()["id"])
    return int(answer.json()["max_output_tokens"])


def left(lot: Grant) -> Decimal:
    with scope(lot.organisation_id):
        return Grant.objects.values_list("remaining", flat=True).get(pk=lot.pk)


def posted(*kinds: str) -> list[tuple[str, str, str, str]]:
    """The transfers of these kinds (else all), oldest first: kind, debit, credit, amount."""
    rows = rows_of("SELECT kind, debit, credit, trim_scale(amount)::text FROM wallets_transfer ORDER BY id")
    return [row for row in rows if not kinds or row[0] in kinds]


def balance(tenant: Tenant) -> str:
    [figure] = one("SELECT trim_scale(balance)::text FROM wallets_wallet WHERE organisation_id = %s", tenant.id)
    return figure


def in_(**time: float) -> datetime:
    """So far from now, on the billing clock."""
    return billing_now() + timedelta(**time)
