"""How figures are written on pages: the currency's usual places, three below one unit, everything in the title.

Amounts may be `Decimal` or the API's decimal strings; None and "" are written as a dash, since "not measured" is not 0.
"""

import json
import re
from datetime import datetime
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

from django import template
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from common.money import EXACT

register = template.Library()

SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
MINOR_UNITS = {"JPY": 0, "KRW": 0, "KWD": 3, "BHD": 3}
LEDGER_PLACES = 9
NONE = "–"

Amount = Decimal | str


def _signed(amount: Decimal, digits: str, currency: str) -> str:
    minus = "−" if amount < 0 else ""
    return f"{minus}{SIGNS.get(currency, f'{currency} ' if currency else '')}{digits}"


def _with_places(amount: Decimal, places: int) -> str:
    """Absolute value with separators and at least `places` decimals; more where the amount has more."""
    exponent = amount.normalize(EXACT).as_tuple().exponent
    has = -exponent if isinstance(exponent, int) and exponent < 0 else 0
    return f"{amount.copy_abs():,.{max(places, has)}f}"


def money_text(amount: Amount, currency: str = "USD") -> str:
    """`amount` for people: "$1,204.50"; below one unit with three places ("$0.029").

    Something that would round to nothing says so ("< $0.001"): a charge is never shown as zero.
    """
    value = Decimal(amount)
    usual = MINOR_UNITS.get(currency, 2)
    finer = Decimal(1).scaleb(-max(usual, 3))
    rounded = value.copy_abs().quantize(finer, rounding=ROUND_HALF_UP, context=EXACT)
    if value and not rounded:
        return f"{'<' if value > 0 else '>'} {_signed(value, str(finer), currency)}"
    if not value or rounded >= 1:
        rounded = value.copy_abs().quantize(Decimal(1).scaleb(-usual), rounding=ROUND_HALF_UP, context=EXACT)
    return _signed(value, f"{rounded:,f}", currency)


@register.filter
def money(amount: Amount | None, currency: str = "USD") -> SafeString | str:
    """An amount with its cents quieter than its units and the exact value in the title."""
    if amount is None or amount == "":
        return NONE
    whole, dot, cents = money_text(amount, currency).partition(".")
    quiet = format_html('<span class="cents">{}</span>', dot + cents) if dot else ""
    title = format(Decimal(amount), "f")
    return format_html('<span class="money" title="{} {}">{}{}</span>', title, currency, whole, quiet)


@register.filter
def exact(amount: Amount | None, currency: str = "") -> str:
    """All nine places of the ledger, or more where an unrounded product has more; with the currency's sign if given."""
    if amount is None or amount == "":
        return NONE
    return _signed(Decimal(amount), _with_places(Decimal(amount), LEDGER_PLACES), currency)


@register.filter
def rate(amount: Amount | None, currency: str = "USD") -> str:
    """A price per million: the currency's places, more only where it has more ("$5.00", "$0.0375")."""
    if amount is None or amount == "":
        return NONE
    return _signed(Decimal(amount), _with_places(Decimal(amount), MINOR_UNITS.get(currency, 2)), currency)


@register.filter
def decimal(amount: Amount) -> Decimal:
    """The amount as a number, to compare in a template."""
    return Decimal(amount)


@register.filter
def minus(amount: Amount, other: Amount) -> Decimal:
    """`amount` − `other`, exactly."""
    return EXACT.subtract(Decimal(amount), Decimal(other))


@register.filter
def share(part: Amount, whole: Amount) -> int:
    """`part` of `whole` in thousandths, for bars; 0 of nothing."""
    if not Decimal(whole):
        return 0
    return int((1000 * Decimal(part) / Decimal(whole)).quantize(Decimal(1), rounding=ROUND_DOWN))


@register.filter
def count(number: int | None) -> str:
    """A whole number with separators."""
    return NONE if number is None else f"{number:,}"


@register.filter
def words(code: str) -> str:
    """A code of ours as words: "cache_read" → "Cache read"."""
    return code.replace("_", " ").capitalize()


@register.filter
def codes(text: str) -> SafeString:
    """Text in which `backticks` set code off."""
    return mark_safe(re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text)))  # noqa: S308  (escaped before)


@register.filter
def utc(moment: datetime | str | None) -> SafeString | str:
    """A moment in UTC, to the second, machine-readable beside. Strings are ISO 8601, as the API writes them."""
    if not moment:
        return NONE
    at = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return format_html('<time datetime="{}">{}</time>', at.isoformat(), at.strftime("%-d %b %Y, %H:%M:%S UTC"))


@register.filter
def day(moment: datetime) -> SafeString:
    """Only the day, in UTC; the whole moment in the title."""
    whole = moment.strftime("%-d %b %Y, %H:%M:%S UTC")
    return format_html('<time datetime="{}" title="{}">{}</time>', moment.isoformat(), whole, f"{moment:%-d %b %Y}")


@register.filter
def clock(moment: datetime) -> SafeString:
    """Only the time of day, in UTC, to the millisecond: for steps that follow each other closely."""
    text = f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}"
    return format_html('<time datetime="{}">{}</time>', moment.isoformat(), text)


@register.filter
def time_in(moment: datetime, zone: str) -> SafeString:
    """The time of day in an organisation's billing zone, to the second; machine-readable beside."""
    local = moment.astimezone(ZoneInfo(zone))
    return format_html('<time datetime="{}">{}</time>', moment.isoformat(), local.strftime("%H:%M:%S"))


@register.filter
def day_time_in(moment: datetime, zone: str) -> SafeString:
    """Day and time in an organisation's billing zone, to the second: "25 Nov 2026, 12:04:31"."""
    local = moment.astimezone(ZoneInfo(zone))
    return format_html('<time datetime="{}">{}</time>', moment.isoformat(), local.strftime("%-d %b %Y, %H:%M:%S"))


@register.filter
def moment_in(moment: datetime, zone: str) -> str:
    """The same in bare text with the zone, for mails: "25 Nov 2026, 12:04:31 (Europe/Berlin)"."""
    return f"{moment.astimezone(ZoneInfo(zone)):%-d %b %Y, %H:%M:%S} ({zone})"


@register.filter
def compact(number: int | None) -> SafeString | str:
    """A large count for cards, with the exact one in its title: "58.3 M"; below a hundred thousand as it is."""
    if number is None or abs(number) < 100_000:
        return count(number)
    name, size = next((n, s) for n, s in (("bn", 10**9), ("M", 10**6), ("k", 10**3)) if abs(number) >= s)
    short = (Decimal(number) / size).quantize(Decimal("0.1"), rounding=ROUND_HALF_UP)
    return format_html('<span title="{}">{} {}</span>', f"{number:,}", f"{short:,}", name)


@register.filter
def date_in(moment: datetime, zone: str) -> str:
    """The local day of a moment in words: "1 November"."""
    return f"{moment.astimezone(ZoneInfo(zone)):%-d %B}"


@register.filter
def plain_money(amount: Amount, currency: str = "USD") -> str:
    """The same as `money` in bare text, for labels and drawings."""
    return money_text(amount, currency)


@register.filter
def tick(amount: Decimal, currency: str = "USD") -> str:
    """An amount beside an axis: no cents where there are none ("$60"), large ones short ("$20k", "$2.5M")."""
    name, size = next(((n, s) for n, s in (("M", 10**6), ("k", 10**3)) if abs(amount) >= 10 * s), ("", 1))
    places = 0 if size > 1 or amount == amount.to_integral_value() else MINOR_UNITS.get(currency, 2)
    return _signed(amount, _with_places(amount / size, places) + name, currency)


@register.filter
def plus(amount: Decimal, more: int) -> Decimal:
    """A coordinate, moved."""
    return amount + more


@register.filter
def day_of(moment: str) -> str:
    """The day of an ISO 8601 moment, as the API writes it, in UTC."""
    return f"{datetime.fromisoformat(moment):%-d %b %Y}"


@register.filter
def json_text(document: object) -> str:
    """A JSON document, indented to be read."""
    return json.dumps(document, indent=2, ensure_ascii=False)
