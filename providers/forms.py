"""What staff ask when they compare the price book with the list."""

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from common.clock import billing_now
from plans.selectors import access_classes
from providers.entering import Entered
from providers.importing.asking import Ask
from providers.importing.difference import Difference
from providers.importing.lines import to_be_accepted
from providers.importing.slots import STANDARD
from providers.leaves import Leaf
from providers.models import Model
from providers.selectors import all_models
from wallets.forms import AmountField

LONGEST = 2**31 - 1


class AskForm(forms.Form):
    """An `Ask`, in the address of the page."""

    dearer_than = forms.DecimalField(
        label="Mark what rises by more than, in %", min_value=0, max_digits=6, decimal_places=1, initial=Decimal(20),
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )  # fmt: skip
    retire = forms.BooleanField(
        label="End rates that the list no longer has", required=False,
        help_text="Also those that nothing in it stands in for. Otherwise these stay in force and are only shown.",
    )  # fmt: skip
    keep = forms.BooleanField(
        label="Keep prices entered by hand", required=False,
        help_text="Otherwise the list's replace them, which you have to accept.",
    )  # fmt: skip
    model = forms.CharField(
        label="Add a model", required=False, max_length=140, help_text="As provider/model, for instance openai/gpt-5.4."
    )
    access_class = forms.ChoiceField(label="Access class", required=False, help_text="Plans name those they include.")
    max_output = forms.IntegerField(
        label="Max output tokens", required=False, min_value=1, max_value=LONGEST, widget=forms.TextInput,
        help_text="The list doesn't know it.",
    )  # fmt: skip
    context_window = forms.IntegerField(
        label="Context window in tokens", required=False, min_value=1, max_value=LONGEST, widget=forms.TextInput,
        help_text="Only where the list doesn't know it.",
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["access_class"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", "–"), *((name, name) for name in access_classes())]

    def clean_model(self) -> tuple[tuple[str, str], ...]:
        """The model to add, as an `Ask` has it."""
        text = str(self.cleaned_data["model"]).strip()
        provider, _, name = text.partition("/")
        if text and not (provider and name):
            raise ValidationError("Write provider/model, for instance openai/gpt-5.4.")
        return ((provider, name),) if text else ()

    def ask(self) -> Ask:
        """What the valid form asks."""
        data = self.cleaned_data
        return Ask(
            models=data["model"],
            access_class=data["access_class"],
            max_output=data["max_output"],
            context=data["context_window"],
            dearer_than=data["dearer_than"],
            retire=data["retire"],
            keep=data["keep"],
        )


class RateForm(forms.Form):
    """One rate, entered by hand. `form_id` makes a form that is sent twice ask once."""

    form_id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)
    model = forms.ModelChoiceField(Model.objects.none())
    leaf = forms.ChoiceField(choices=[(leaf.value, leaf.value.replace("_", " ")) for leaf in Leaf])
    service_tier = forms.RegexField(
        r"\A[a-z][a-z_-]*\Z",
        max_length=20,
        initial=STANDARD,
        label="Service tier",
        help_text="As the provider names it.",
    )
    class_above = forms.IntegerField(
        label="For requests with more input tokens than", min_value=0, max_value=LONGEST, initial=0,
        widget=forms.TextInput(attrs={"inputmode": "numeric"}), help_text="0: for all requests.",
    )  # fmt: skip
    becomes = forms.ChoiceField(
        choices=[("priced", "Priced as below"), ("ended", "No longer priced, which is not the same as 0")]
    )
    price = AmountField(
        say="Write a price such as 6.25, or 0.", max_digits=20, decimal_places=9, min_value=Decimal(0), required=False,
        label="Price per 1M",
        help_text="Empty only for what is no longer priced.",
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )  # fmt: skip
    starts = forms.DateTimeField(
        required=False, label="From (UTC)", help_text="Empty: as soon as it is approved.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )  # fmt: skip
    source = forms.CharField(max_length=200, help_text="Where the price is from: kept with the rate.")
    reason = forms.CharField(
        max_length=500, widget=forms.Textarea(attrs={"rows": 2}), help_text="Who approves it reads this."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["model"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = all_models()

    def clean_starts(self) -> datetime | None:
        """In the future, or as soon as can be: no charge that was made is priced anew."""
        starts: datetime | None = self.cleaned_data["starts"]
        if starts and starts <= billing_now():
            raise ValidationError("This moment has passed. Leave it empty for as soon as it is approved.")
        return starts

    def clean(self) -> dict[str, Any]:
        """A price or none, as was chosen: a field that was forgotten ends no price."""
        data = super().clean() or self.cleaned_data
        chosen = not {"becomes", "price"} & self.errors.keys()
        if chosen and (data["becomes"] == "priced") != (data["price"] is not None):
            self.add_error("price", "Write a price, or choose that it is no longer priced and leave this empty.")
        return data

    def entered(self) -> Entered:
        """What the valid form says."""
        data = self.cleaned_data
        kept = {name: data[name] for name in ("leaf", "service_tier", "class_above", "price", "starts", "source")}
        return Entered(model_id=data["model"].pk, **kept)


class ApplyForm(forms.Form):
    """Apply the difference that `digest` stands for, or ask for it: then `form_id` makes a form sent twice ask once."""

    digest = forms.CharField(widget=forms.HiddenInput, max_length=64)
    form_id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)
    accept = forms.BooleanField(required=False)
    reason = forms.CharField(
        required=False, max_length=500, label="Reason", help_text="Who approves it reads this.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip

    @classmethod
    def of(cls, found: Difference) -> "ApplyForm":
        """The form below a difference that is shown."""
        form = cls(initial={"digest": found.digest, "reason": f"As listed in {found.edition}"})
        form.fields["accept"].label = f"I accept that {to_be_accepted(found)}"
        return form
