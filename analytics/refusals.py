"""What the services of an organisation refuse, as words beside a form's fields."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.core.exceptions import ValidationError

from organisations.errors import AlreadyMember, FormSentBefore, LastOwner, RoleNotYours, StaffIsNeverMember

T = TypeVar("T")


def told(act: Callable[..., T], **arguments: Any) -> T:
    """Call a service; its own refusals become `ValidationError`s."""
    try:
        return act(**arguments)
    except AlreadyMember as error:
        raise ValidationError({"email": f"{error} is a member already."}) from error
    except StaffIsNeverMember as error:
        # Not why: who works for the platform is nobody's business here.
        raise ValidationError({"email": "This address can't be a member's. Use another one."}) from error
    except LastOwner as error:
        raise ValidationError("This is the only owner. Make somebody else an owner first.") from error
    except RoleNotYours as error:
        raise ValidationError("Only an owner makes, changes or removes owners.") from error
    except FormSentBefore as error:
        raise ValidationError(
            f"This form has issued a key already, tb_{error}_…. Its secret was shown then and can't be shown again. "
            "If it is lost, revoke that key. Open this form anew to issue another."
        ) from error
