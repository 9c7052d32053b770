"""What a refusal calls affordable is exactly what can be had: n succeeds, n + 1 does not."""

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import database
from tests.api import Api
from tests.factories import make_model, make_tenant

PRICES = st.decimals(min_value="0.000000001", max_value="200000", places=9).map(lambda d: format(d, "f"))
CREDITS = st.decimals(min_value="0.000000001", max_value="5000", places=9).map(lambda d: format(d, "f"))
MOST = 1_000_000_000


@pytest.mark.django_db(transaction=True)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(price=PRICES, per_input=PRICES, credits=CREDITS, input_tokens=st.integers(0, 50))
def test_affordable_is_exact(price: str, per_input: str, credits: str, input_tokens: int) -> None:
    database.empty()
    make_model({"input": per_input, "output": price}, max_output=MOST)
    tenant = make_tenant(credits=credits)
    api = Api(tenant)

    def ask(n: int) -> object:
        return api.authorise(input_tokens=input_tokens, min_output_tokens=n, max_output_tokens=n)

    refused = ask(MOST)
    if refused.status_code == 201:  # a thousand million tokens fit: nothing to find
        assert Decimal(refused.json()["available"]) >= 0
        api.release(refused.json()["id"])
        return
    n = refused.json()["affordable_output_tokens"]
    assert Decimal(refused.json()["required"]) > Decimal(refused.json()["available"])
    assert ask(n + 1).status_code == 402
    if n > 0:
        held = ask(n)
        assert held.status_code == 201
        assert Decimal(held.json()["available"]) >= 0
