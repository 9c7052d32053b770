"""What staff ask when they compare the price book with the list."""

from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from plans.selectors import access_classes
from providers.importing.asking import Ask
from providers.importing.difference import Difference
from providers.importing.lines import to_be_accepted

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


class ApplyForm(forms.Form):
    """Apply the difference that `digest` stands for."""

    digest = forms.CharField(widget=forms.HiddenInput, max_length=64)
    accept = forms.BooleanField(required=False)

    @classmethod
    def of(cls, found: Difference) -> "ApplyForm":
        """The form below a difference that is shown."""
        form = cls(initial={"digest": found.digest})
        form.fields["accept"].label = f"I accept that {to_be_accepted(found)}"
        return form
