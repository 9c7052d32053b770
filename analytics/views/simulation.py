"""Start, pause, speed and reset of a sandbox's agents: one form's act, then back to the live page."""

from collections.abc import Callable

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import BadRequest, PermissionDenied
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from analytics import simulation
from analytics.page import member_of
from organisations.models import Organisation

_ACTS: dict[str, Callable[[Organisation], None]] = {
    "start": simulation.start,
    "pause": simulation.pause,
    "reset": simulation.reset,
}


class ActForm(forms.Form):
    """What a button sends; `speed` counts for the act of that name."""

    act = forms.ChoiceField(choices=[(act, act) for act in (*_ACTS, "speed")])
    speed = forms.TypedChoiceField(
        choices=[(speed, speed) for speed in simulation.SPEEDS], coerce=int, required=False, empty_value=None
    )

    def clean(self) -> None:
        if self.cleaned_data.get("act") == "speed" and not self.cleaned_data.get("speed"):
            raise forms.ValidationError("Which speed?")


@require_POST
@login_required
def control(request: HttpRequest, slug: str) -> HttpResponse:
    """Do what the form says; 404 where nothing is simulated."""
    member = member_of(request, slug)
    if not simulation.is_simulated(member.organisation):
        raise Http404
    if member.role not in simulation.OPERATORS:
        raise PermissionDenied
    form = ActForm(request.POST)
    if not form.is_valid():
        raise BadRequest
    try:
        _act(member.organisation, **form.cleaned_data)
    except simulation.NoSwitchboard:
        messages.error(
            request,
            "The agents' switchboard does not answer. Look at the balance before you try again.",
        )
    except OperationalError:
        messages.error(request, "The wallet is busy. The agents are paused, nothing else was changed; reset once more.")
    response = redirect("analytics:live", slug=slug)
    response.status_code = 303  # the browser reads the page anew, whatever it sent
    return response


def _act(organisation: Organisation, act: str, speed: int | None) -> None:
    if speed and act == "speed":
        simulation.set_speed(organisation, speed)
    else:
        _ACTS[act](organisation)
