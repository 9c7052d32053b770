"""What staff fill in about organisations and keys; people's forms stand in `organisations.people_forms`."""

import uuid
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from common.clock import zones
from organisations.models import Agent, ApiKey, Organisation, Project

REASON = 500


class ConfirmForm(forms.Form):
    """Nothing to fill in: sending it is the answer."""


class SuspendForm(forms.Form):
    reason = forms.CharField(
        max_length=REASON, widget=forms.Textarea(attrs={"rows": 3}), help_text="Staff see it; the audit trail keeps it."
    )


class DecisionForm(forms.Form):
    """What to do with an approval; the buttons send `act`."""

    act = forms.ChoiceField(choices=[(act, act) for act in ("approve", "refuse", "withdraw")])
    reason = forms.CharField(
        required=False, max_length=REASON, widget=forms.Textarea(attrs={"rows": 2}), label="Reason",
        help_text="Needed to refuse. Who asked reads it.",
    )  # fmt: skip


class OrganisationForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Organisation
        fields = ("name", "email", "billing_zone")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            # Compared with what was on the page, so that a form left open doesn't put back what others changed.
            field.show_hidden_initial = True

    def clean_billing_zone(self) -> str:
        zone: str = self.cleaned_data["billing_zone"]
        if zone not in zones():
            raise ValidationError(f"{zone} is not an IANA time zone, such as Europe/Berlin.")
        return zone


class ReadKeyForm(forms.Form):
    """A customer's own key, for reading. `form_id` makes a form that is sent twice issue one key."""

    LIFETIMES = {"30": "30 days", "90": "90 days", "365": "A year", "": "No end"}

    form_id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)
    name = forms.CharField(
        max_length=100, help_text="What will use it, such as: cost dashboard.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip
    days = forms.TypedChoiceField(
        choices=list(LIFETIMES.items()), coerce=int, empty_value=None, required=False, initial="365", label="Works for",
        help_text="A key that ends by itself can't be forgotten.",
    )  # fmt: skip


class IssueKeyForm(forms.Form):
    """A key for the platform's own agent runtime; projects and agents are the organisation's only."""

    name = forms.CharField(max_length=100, help_text="What will use it.")
    scopes = forms.MultipleChoiceField(
        choices=ApiKey.Scope.choices, widget=forms.CheckboxSelectMultiple, initial=["calls", "read"]
    )
    project = forms.ModelChoiceField(Project.objects.none(), required=False, help_text="Calls are booked on it.")
    agent = forms.ModelChoiceField(Agent.objects.none(), required=False)
    expires_at = forms.DateTimeField(
        required=False, label="Expires at (UTC)", help_text="Empty: never.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )  # fmt: skip

    def __init__(self, *args: Any, organisation: Organisation, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._field("project").queryset = Project.objects.filter(organisation=organisation).order_by("name")
        agents = Agent.objects.filter(organisation=organisation).select_related("project")
        self._field("agent").queryset = agents.order_by("project__name", "name")
        self._field("agent").label_from_instance = lambda agent: f"{agent.project.name}: {agent.name}"

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        project, agent = data.get("project"), data.get("agent")
        for name in ("project", "agent"):
            if ApiKey.Scope.CALLS in data.get("scopes", []) and name not in self.errors and not data.get(name):
                self.add_error(name, "A key for calls needs one: calls are booked on it.")
        if agent and "project" not in self.errors and (project is None or agent.project_id != project.pk):
            self.add_error("agent", f"{agent} is not an agent of {project or 'no project'}.")
        return data

    def _field(self, name: str) -> Any:
        return self.fields[name]
