"""Money is `Decimal`, never a float. Amounts have nine places; this module is the only one that rounds them."""

from decimal import ROUND_CEILING, ROUND_HALF_UP, Context, Decimal

PLACES = Decimal("0.000000001")
# Far wider than numeric(20,9), so that a product of tokens, rate and markup is never rounded on its way.
EXACT = Context(prec=60)


def round_charge(amount: Decimal) -> Decimal:
    """Round an exact cost to nine places, half away from zero. Called once per settlement, on the sum.

    `ROUND_HALF_UP` of `decimal` rounds halves away from zero, as PostgreSQL's `round(numeric)` does.
    """
    return amount.quantize(PLACES, rounding=ROUND_HALF_UP, context=EXACT)


def round_up(amount: Decimal) -> Decimal:
    """Round to nine places upwards: what must be held so that an exact cost surely fits."""
    return amount.quantize(PLACES, rounding=ROUND_CEILING, context=EXACT)


def plain(amount: Decimal) -> str:
    """Plain notation for the API: never an exponent (`str(Decimal("0E-9"))` has one)."""
    return format(amount, "f")
