"""What all forms have in common: what a service refuses is told beside the field."""

from collections.abc import Callable
from typing import Any, TypeVar

from django import forms
from django.core.exceptions import ValidationError

T = TypeVar("T")


def attempt(form: forms.Form, act: Callable[[dict[str, Any]], T]) -> T | None:
    """Run `act` with a valid form's data. What it refuses (`ValidationError`) is told beside the field; then None."""
    if not form.is_valid():
        return None
    try:
        return act(form.cleaned_data)
    except ValidationError as error:
        told = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
        for field, messages in told.items():
            form.add_error(field if field in form.fields else None, [*messages])
        return None
