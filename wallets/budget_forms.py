"""What owners and admins fill in about budgets."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from common.money import plain
from organisations.models import Agent, Member, Organisation, Project
from organisations.selectors import is_in_force, keys_of
from wallets.forms import AmountField
from wallets.models import Budget

Scope, Period = Budget.Scope, Budget.Period
A_RUN = "run:"
PERIODS = [(Period.DAY, "a day"), (Period.MONTH, "a month"), (Period.TOTAL, "in total")]
STOPS = [("yes", "Refuse calls that it can't pay for"), ("no", "Only alert, and let calls go on")]
Choices = list[tuple[str, Any]]


class BudgetForm(forms.Form):
    """How much, and what happens then. `currency` is the organisation's."""

    amount = AmountField(max_digits=20)
    stops = forms.ChoiceField(choices=STOPS, initial="yes", label="When it is reached")
    alert_percent = forms.IntegerField(
        required=False, min_value=1, max_value=100, initial=80, label="Alert at, in percent",
        help_text="When so much of it is used, a mail goes to the organisation's address. Empty: no alert.",
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )  # fmt: skip

    def __init__(self, *args: Any, organisation: Organisation, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.organisation = organisation
        self.fields["amount"] = AmountField(
            max_digits=20, decimal_places=9, min_value=Decimal(0), label=f"Amount in {organisation.currency}",
            say="Write an amount such as 25.00.", help_text="0 stops all calls at once, where calls are refused.",
            widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
        )  # fmt: skip

    def terms(self) -> dict[str, Any]:
        """What the service takes of a valid form."""
        data = self.cleaned_data
        return {"amount": data["amount"], "hard": data["stops"] == "yes", "alert_percent": data["alert_percent"]}


class SetBudgetForm(BudgetForm):
    """A budget for something of the organisation's; built inside its scope, which the choices are read in."""

    field_order = ("subject", "run", "period", "amount", "stops", "alert_percent")
    subject = forms.ChoiceField(label="For")
    run = forms.CharField(
        required=False, max_length=200, label="Label of the run", widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text="Only for a run: what its calls send as <code>run</code>.",
    )  # fmt: skip
    period = forms.ChoiceField(choices=PERIODS, label="Period")

    def __init__(self, *args: Any, organisation: Organisation, **kwargs: Any) -> None:
        super().__init__(*args, organisation=organisation, **kwargs)
        self.fields["subject"] = forms.ChoiceField(label="For", choices=_choices(organisation))
        self.fields["period"].help_text = f"Days and months begin at midnight in {organisation.billing_zone}."
        self.order_fields(self.field_order)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        run = data.get("run", "").strip()
        if data.get("subject") == A_RUN:
            if "run" not in self.errors and (not run or any(ord(c) < 32 or ord(c) == 127 for c in run)):
                self.add_error("run", "Write the run's label, in one line.")
        elif run:
            self.add_error("run", "Leave this empty, or choose “A run, by its label” above.")
        return data

    def about(self) -> dict[str, str]:
        """Scope, target and period of a valid form."""
        scope, _, target = self.cleaned_data["subject"].partition(":")
        if scope == Scope.RUN:
            target = self.cleaned_data["run"].strip()
        return {"scope": scope, "target": target, "period": self.cleaned_data["period"]}


def require_new(organisation: Organisation, asked: dict[str, Any]) -> None:
    """Raise `ValidationError` where the subject has a budget of this period that differs; the same one may be sent
    twice."""
    about = {name: asked[name] for name in ("scope", "target", "period")}
    there = Budget.objects.filter(organisation=organisation, ended_at=None, **about).first()
    if there is not None and any(getattr(there, n) != asked[n] for n in ("amount", "hard", "alert_percent")):
        told = f"There is one for this period already, of {plain(there.amount.normalize())}. Change that one instead."
        raise ValidationError({"subject": told})


def _choices(organisation: Organisation) -> Choices:
    projects = Project.objects.filter(organisation=organisation).order_by("name", "pk")
    agents = Agent.objects.filter(organisation=organisation).select_related("project").order_by("project__name", "name")
    members = Member.objects.filter(organisation=organisation).select_related("user").order_by("user__email")
    groups = {
        "Projects": ((f"project:{p.pk}", p.name) for p in projects),
        "Agents": ((f"agent:{a.pk}", f"{a.project.name}: {a.name}") for a in agents),
        "API keys": ((f"key:{k.pk}", str(k)) for k in keys_of(organisation) if is_in_force(k)),
        "Members, as calls name them": ((f"member:{m.user.email}", m.user.email) for m in members),
    }
    return [
        ("organisation:", f"All of {organisation.name}"), *_groups(groups), (A_RUN, "A run, by its label"),
    ]  # fmt: skip


def _groups(groups: Mapping[str, Iterable[tuple[str, str]]]) -> Choices:
    made = {label: list(choices) for label, choices in groups.items()}
    return [(label, choices) for label, choices in made.items() if choices]
