"""Finance adds or takes credits with a reason, and undoes it by opposite transfers.

Above the limit of one person an adjustment is asked for. Undoing takes one person: it only restores what was there.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, reverse

from common.admin import require_writer
from common.forms import attempt
from common.templatetags.figures import money_text, utc
from organisations.admin.approvals import asked_for
from organisations.errors import FormSentBefore, NeedsSecondPerson
from organisations.models import Approval, Organisation, User
from wallets.admin.rows import MoneyAdmin
from wallets.approvals import ask_for_adjustment
from wallets.errors import GrantKeyReused, NotAvailable, UndoneAlready
from wallets.finance_forms import AdjustForm, ReasonForm
from wallets.models import Adjustment
from wallets.services import adjust, undo_adjustment

USED = "This form was sent before, with something else in it. Open it anew."


@admin.register(Adjustment)
class AdjustmentAdmin(MoneyAdmin):
    list_display = ("moment", "organisation", "figure", "reason", "made_by", "undone")
    list_select_related = ("organisation", "made_by", "undone_by")
    ordering = ("-pk",)

    def own_urls(self) -> list[URLPattern]:
        return [
            self.own("make/<int:organisation_id>/", self.make, "wallets_adjust"),
            self.own("<int:pk>/undo/", self.undo, "wallets_undo_adjustment"),
        ]

    def make(self, request: HttpRequest, organisation_id: int) -> HttpResponse:
        """Add or take credits; above the limit of one person, ask for it."""
        require_writer(request)
        organisation = get_object_or_404(Organisation, pk=organisation_id)
        form = AdjustForm(
            request.POST if request.method == "POST" else None, currency=organisation.currency,
            limit=Decimal(settings.GRANT_LIMIT),
        )  # fmt: skip
        done = attempt(form, lambda data: _adjust(organisation, request.user, form))
        if isinstance(done, Approval):
            return asked_for(request, done)
        if done:
            self.message_user(request, f"Adjusted: {_signed(done)}.", messages.SUCCESS)
            return redirect(wallet_page(organisation.pk))
        return self.form_page(
            request, form, title="Adjust a wallet", organisation=organisation, submit="Adjust",
            back=wallet_page(organisation.pk),
            intro=f"Corrects what {organisation.name} has. It is posted at once, and can be undone by opposite"
            " transfers.",
        )  # fmt: skip

    def undo(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Undo an adjustment, with a reason."""
        require_writer(request)
        first = get_object_or_404(Adjustment.objects.select_related("organisation"), pk=pk)
        if first.undoes_id is not None:  # make the adjustment anew instead
            raise Http404
        form = ReasonForm(request.POST if request.method == "POST" else None)
        if attempt(form, lambda data: _undo(first, request.user, data)):
            self.message_user(request, f"Undone: {_signed(first)}.", messages.SUCCESS)
            return redirect(wallet_page(first.organisation_id))
        return self.form_page(
            request, form, title="Undo an adjustment", organisation=first.organisation, submit="Undo it", danger=True,
            back=wallet_page(first.organisation_id),
            intro=f"{_signed(first)}, {first.reason}. Each of its transfers is posted the other way round.",
        )  # fmt: skip

    @admin.display(description="Made")
    def moment(self, made: Adjustment) -> str:
        return utc(made.made_at)

    @admin.display(description="Undone")
    def undone(self, made: Adjustment) -> str:
        if made.undoes_id is not None:
            return f"undoes {made.undoes_id}"
        undone = getattr(made, "undone_by", None)
        return utc(undone.made_at) if undone else "–"


def wallet_page(organisation_id: int) -> str:
    """Where finance goes on after an act."""
    return reverse("admin:wallets_wallet_change", args=[organisation_id])


def once(act: Callable[[], Any]) -> Any:
    """Do what a form says; that it was sent before with other content is told beside no field."""
    try:
        return act()
    except (GrantKeyReused, FormSentBefore) as error:
        raise ValidationError(USED) from error


def _adjust(organisation: Organisation, by: Any, form: AdjustForm) -> Adjustment | Approval:
    assert isinstance(by, User)  # the admin's door stands before
    wanted: dict[str, Any] = {
        "organisation": organisation, "amount": form.signed(), "reason": form.cleaned_data["reason"], "by": by,
        "key": f"admin:{form.cleaned_data['form_id']}",
    }  # fmt: skip
    try:
        made: Adjustment = once(lambda: adjust(**wanted))
    except NeedsSecondPerson:
        asked: Approval = once(lambda: ask_for_adjustment(**wanted))
        return asked
    except NotAvailable as error:
        raise ValidationError({"amount": _only(error, organisation)}) from error
    return made


def _undo(first: Adjustment, by: Any, data: dict[str, Any]) -> Adjustment:
    assert isinstance(by, User)  # the admin's door stands before
    try:
        return undo_adjustment(first, reason=data["reason"], key=f"admin:{data['form_id']}", by=by)
    except UndoneAlready as error:
        raise ValidationError("It was undone before.") from error
    except NotAvailable as error:
        raise ValidationError(f"{_only(error, first.organisation)} The rest is spent or held.") from error


def _only(error: NotAvailable, organisation: Organisation) -> str:
    return f"Only {money_text(error.available, organisation.currency)} can be taken now."


def _signed(made: Adjustment) -> str:
    """ "$5.00 added" or "$5.00 taken"."""
    done = "added" if made.amount > 0 else "taken"
    return f"{money_text(abs(made.amount), made.organisation.currency)} {done}"
