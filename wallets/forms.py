"""What staff fill in about wallets."""

import re
import uuid
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError

from common.clock import end_of_day
from common.money import plain
from common.templatetags.figures import MINOR_UNITS, money_text
from wallets.models import Grant

LATEST = date(2999, 12, 31)
_PLAIN = re.compile(r"\d{1,9}(\.\d+)?", re.ASCII)


class AmountField(forms.DecimalField):
    """An amount in plain digits: Python alone would take "1_000", "1e3" and other scripts' digits, too.

    `say` tells what to write instead of anything else.
    """

    pattern: ClassVar[re.Pattern[str]] = _PLAIN

    def __init__(self, *, say: str = "Write an amount such as 25.00, above zero.", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.say = say

    def to_python(self, value: object) -> Decimal | None:  # type: ignore[override]
        text = "" if value is None else str(value).strip()
        if text and not self.pattern.fullmatch(text):
            raise ValidationError(self.say)
        return super().to_python(text)


class GiveCreditsForm(forms.Form):
    """Credits for one organisation. `form_id` makes a form that is sent twice give once.

    `last_day` is the last local day (in `zone`, where it is `today`) on which they can be spent.
    Above `limit` they are asked for: `js/limit.js` has the button say so as soon as such an amount is written.
    """

    class Media:
        js = ("js/limit.js",)

    form_id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)
    kind = forms.ChoiceField(
        choices=[(kind.value, kind.label) for kind in (Grant.Kind.PAID, Grant.Kind.PROMOTIONAL)],
        help_text="Paid: the money came in outside of this page.",
    )
    amount = AmountField(max_digits=20)
    last_day = forms.DateField(
        required=False, label="Can be spent until the end of", input_formats=["%Y-%m-%d"],
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )  # fmt: skip
    reason = forms.CharField(
        max_length=500, widget=forms.Textarea(attrs={"rows": 3}), help_text="Kept with the grant, for good."
    )

    def __init__(self, *args: Any, currency: str, limit: Decimal, zone: str, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.zone, self.today = zone, today
        self.fields["last_day"].help_text = f"A day in {zone}. Empty: they don't expire."
        places = MINOR_UNITS.get(currency, 2)
        self.fields["amount"] = AmountField(
            max_digits=20, decimal_places=places, min_value=Decimal(1).scaleb(-places), label=f"Amount in {currency}",
            help_text=f"Above {money_text(limit, currency)} nothing is given yet: a second person has to approve it.",
            widget=forms.TextInput(
                attrs={"inputmode": "decimal", "autocomplete": "off", "data-limit": plain(limit),
                       "data-above": "Ask for approval"}
            ),
        )  # fmt: skip

    def clean_last_day(self) -> date | None:
        day: date | None = self.cleaned_data["last_day"]
        if day is not None and not self.today <= day <= LATEST:
            raise ValidationError("That day is over." if day < self.today else f"There are days up to {LATEST}.")
        return day

    def expires_at(self) -> datetime | None:
        """The first moment at which the credits of a valid form can't be spent any more; None: never."""
        day = self.cleaned_data["last_day"]
        return None if day is None else end_of_day(day, self.zone)


class BalanceTimeForm(forms.Form):
    """A moment in UTC whose balance is to be explained, and from when on. Both may be left out: now, today.

    `now` is the billing time: a balance of the future can't be explained.
    """

    SINCE: ClassVar[dict[str, str]] = {
        "day": "that day began",
        "month": "that month began",
        "beginning": "the beginning",
    }

    at = forms.CharField(
        required=False, label="Time, in UTC", max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "size": 24}),
        help_text="Such as 2026-11-25T09:00Z. What was posted at that very moment counts.",
    )  # fmt: skip
    since = forms.ChoiceField(required=False, label="Movements since", choices=SINCE.items())

    def __init__(self, *args: Any, now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.now = now

    def clean_at(self) -> datetime:
        """The moment, aware and in UTC; written without a zone it is UTC."""
        text = self.cleaned_data["at"].strip()
        if not text:
            return self.now
        try:
            written = datetime.fromisoformat(text)
            at = written.replace(tzinfo=UTC) if written.tzinfo is None else written.astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise ValidationError("Write a time in UTC, such as 2026-11-25T09:00Z.") from error
        if at > self.now:
            raise ValidationError(f"That is still to come: it is {self.now:%Y-%m-%dT%H:%M:%SZ}.")
        return at

    def clean_since(self) -> str:
        return self.cleaned_data["since"] or "day"

    def start(self) -> datetime | None:
        """From when on movements are shown; None is the beginning of the ledger."""
        at: datetime = self.cleaned_data["at"]
        day = at.replace(hour=0, minute=0, second=0, microsecond=0)
        return {"day": day, "month": day.replace(day=1), "beginning": None}[self.cleaned_data["since"]]
