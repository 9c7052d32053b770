"""Amounts: rounded once, half away from zero, to nine places; written plainly; shown so that nothing looks free."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.money import plain, round_charge, round_up
from common.templatetags import figures
from tests.metering.figures import one

D = Decimal
amounts = st.decimals(min_value=-(10**9), max_value=10**9, places=18, allow_nan=False)


@pytest.mark.parametrize(
    ("exact", "charge", "hold"),
    [
        ("0.0000000005", "0.000000001", "0.000000001"),
        ("0.00000000049999", "0", "0.000000001"),
        ("-0.0000000005", "-0.000000001", "0"),
        ("0.0000000025", "0.000000003", "0.000000003"),
        ("1.0000000000000000000000001", "1", "1.000000001"),
        ("99999999999.9999999985", "99999999999.999999999", "99999999999.999999999"),
    ],
)
@pytest.mark.usefixtures("django_db_setup")
def test_rounding_is_half_away_from_zero_and_holds_go_up(exact: str, charge: str, hold: str) -> None:
    assert round_charge(D(exact)) == D(charge)
    assert round_up(D(exact)) == D(hold)
    assert one("SELECT round(%s::numeric, 9), wallets_round_up(%s::numeric)", exact, exact) == (D(charge), D(hold))


@given(amounts)
def test_a_rounded_charge_is_the_nearest_of_nine_places(amount: Decimal) -> None:
    assert abs(Fraction(round_charge(amount)) - Fraction(amount)) <= Fraction(5, 10**10)
    assert Fraction(amount) <= Fraction(round_up(amount)) < Fraction(amount) + Fraction(1, 10**9)


@given(amounts)
def test_the_api_writes_amounts_without_an_exponent(amount: Decimal) -> None:
    assert "E" not in plain(amount).upper()
    assert D(plain(amount)) == amount


def test_zero_has_no_exponent() -> None:
    assert plain(D("0E-9")) == "0.000000000"


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        ("0.0289", "USD", "$0.029"),
        ("0.186", "USD", "$0.186"),
        ("0.082", "USD", "$0.082"),
        ("327.2", "USD", "$327.20"),
        ("1204.5", "USD", "$1,204.50"),
        ("0", "USD", "$0.00"),
        ("0.000000001", "USD", "< $0.001"),
        ("0.0005", "USD", "$0.001"),
        ("-0.0289", "USD", "−$0.029"),
        ("1999.5", "JPY", "¥2,000"),
        ("0.029", "KWD", "KWD 0.029"),
        ("12.3456", "KWD", "KWD 12.346"),
    ],
)
def test_amounts_on_pages(amount: str, currency: str, shown: str) -> None:
    assert figures.money_text(D(amount), currency) == shown


def test_the_exact_amount_is_in_the_title_and_absent_is_not_zero() -> None:
    assert 'title="0.028900000 USD"' in figures.money(D("0.028900000"))
    assert figures.money(None) == figures.money("") == figures.exact(None) == figures.count(None) == "–"
    assert figures.exact(D("0.0289"), "USD") == "$0.028900000"
    assert figures.count(0) == "0"
