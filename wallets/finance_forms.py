"""What finance fills in to correct a wallet. `form_id` makes a form that is sent twice act once."""

import uuid
from decimal import Decimal
from typing import Any

from django import forms

from common.money import plain
from common.templatetags.figures import money_text
from wallets.forms import AmountField
from wallets.models import ClawBack

SMALLEST = Decimal(1).scaleb(-9)


class ReasonForm(forms.Form):
    """Why something is done."""

    form_id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)
    reason = forms.CharField(max_length=500, widget=forms.Textarea(attrs={"rows": 3}), help_text="Kept for good.")


class _AmountForm(ReasonForm):
    """An amount above zero, to the ledger's last place. Above `limit` it is asked for (`js/limit.js` says so)."""

    class Media:
        js = ("js/limit.js",)

    amount = AmountField(max_digits=20)

    def __init__(self, *args: Any, currency: str, limit: Decimal, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["amount"] = AmountField(
            max_digits=20, decimal_places=9, min_value=SMALLEST, label=f"Amount in {currency}",
            help_text=f"Above {money_text(limit, currency)} nothing is done yet: a second person has to approve it.",
            widget=forms.TextInput(
                attrs={"inputmode": "decimal", "autocomplete": "off", "data-limit": plain(limit),
                       "data-above": "Ask for approval"}
            ),
        )  # fmt: skip


class AdjustForm(_AmountForm):
    """Credits added or taken."""

    field_order = ("act", "amount", "reason")
    act = forms.ChoiceField(
        choices=[("add", "Add credits"), ("take", "Take credits")], label="What",
        help_text="Added credits are promotional. Taken ones come out of the lots in spending order.",
    )  # fmt: skip

    def signed(self) -> Decimal:
        """The amount of a valid form, below zero where credits are taken."""
        amount: Decimal = self.cleaned_data["amount"]
        return amount if self.cleaned_data["act"] == "add" else -amount


class TakeBackForm(_AmountForm):
    """Credits of one bought lot, taken back since the money for them went back."""

    field_order = ("cause", "amount", "reason")
    cause = forms.ChoiceField(choices=ClawBack.Cause.choices, label="Cause")
