"""How figures are written on pages: the currency's usual places, three below one unit, everything in the title."""

from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
MINOR_UNITS = {"JPY": 0, "KRW": 0, "KWD": 3, "BHD": 3}


def money_text(amount: Decimal, currency: str = "USD") -> str:
    """`amount` for people: "$1,204.50"; below one unit with three places ("$0.029"), never more than it has."""
    places = MINOR_UNITS.get(currency, 2)
    if 0 < abs(amount) < 1:
        places = max(places, 3)
    rounded = abs(amount).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    sign = "−" if amount < 0 else ""
    return f"{sign}{SIGNS.get(currency, currency + ' ')}{rounded:,f}"


@register.filter
def money(amount: Decimal | None, currency: str = "USD") -> SafeString | str:
    """An amount with its cents quieter than its units and the exact value in the title."""
    if amount is None:
        return "–"
    whole, dot, cents = money_text(amount, currency).partition(".")
    quiet = format_html('<span class="cents">{}</span>', dot + cents) if dot else ""
    return format_html('<span class="money" title="{} {}">{}{}</span>', format(amount, "f"), currency, whole, quiet)


@register.filter
def exact(amount: Decimal | None) -> str:
    """All nine places."""
    return "–" if amount is None else f"{amount:,f}"


@register.filter
def count(number: int | None) -> str:
    """A whole number with separators."""
    return "–" if number is None else f"{number:,}"


@register.filter
def utc(moment: datetime | None) -> SafeString | str:
    """A moment in UTC, to the second, machine-readable beside."""
    if moment is None:
        return "–"
    return format_html('<time datetime="{}">{}</time>', moment.isoformat(), moment.strftime("%-d %b %Y, %H:%M:%S UTC"))
