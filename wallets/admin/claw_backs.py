"""Credits of a bought lot are taken back, since the money for them went back; and given back again.

Above the limit of one person it is asked for. Giving back takes one person: it only restores what was there.
"""

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern

from common.admin import require_writer
from common.forms import attempt
from common.templatetags.figures import money_text, utc
from organisations.admin.approvals import asked_for
from organisations.forms import ConfirmForm
from organisations.models import Approval, User
from wallets.admin.adjustments import USED, once, wallet_page
from wallets.admin.rows import MoneyAdmin
from wallets.claw_back_approvals import ask_for_claw_back, needs_second_person
from wallets.finance_forms import TakeBackForm
from wallets.models import ClawBack, Grant
from wallets.selectors import not_taken_back
from wallets.services import claw_back, give_back


@admin.register(ClawBack)
class ClawBackAdmin(MoneyAdmin):
    list_display = ("moment", "organisation", "cause", "figure", "grant", "reason", "given_back")
    list_select_related = ("organisation", "grant")
    ordering = ("-pk",)

    def own_urls(self) -> list[URLPattern]:
        return [
            self.own("take/<int:lot_id>/", self.take, "wallets_take_back"),
            self.own("<int:pk>/give-back/", self.give, "wallets_give_back"),
        ]

    def take(self, request: HttpRequest, lot_id: int) -> HttpResponse:
        """Take credits of a bought lot back; above the limit of one person, ask for it."""
        require_writer(request)
        bought = Grant.objects.filter(kind=Grant.Kind.PAID).select_related("organisation")
        lot = get_object_or_404(bought, pk=lot_id)
        currency = lot.organisation.currency
        form = TakeBackForm(
            request.POST if request.method == "POST" else None, currency=currency, limit=Decimal(settings.GRANT_LIMIT)
        )
        done = attempt(form, lambda data: _take(lot, request.user, data))
        if isinstance(done, Approval):
            return asked_for(request, done)
        if done:
            self.message_user(request, _told(done, currency), messages.SUCCESS)
            return redirect(wallet_page(lot.organisation_id))
        return self.form_page(
            request, form, title="Take credits back", organisation=lot.organisation, submit="Take back", danger=True,
            back=wallet_page(lot.organisation_id),
            intro=f"Lot {lot.pk}, {lot.reason}: {money_text(lot.amount, currency)} bought,"
            f" {money_text(lot.remaining, currency)} left, {money_text(not_taken_back(lot), currency)} not taken back."
            " What is spent already is owed by the customer (receivable); what running calls hold is collected"
            " when they end.",
        )  # fmt: skip

    def give(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Undo a claw-back, after a page that asks."""
        require_writer(request)
        taken = get_object_or_404(ClawBack.objects.select_related("organisation"), pk=pk)
        form = ConfirmForm(request.POST if request.method == "POST" else None)
        amount = money_text(taken.amount, taken.organisation.currency)
        if form.is_valid():
            give_back(taken)  # one that was given back before stays as it is
            self.message_user(request, f"{amount} is given back.", messages.SUCCESS)
            return redirect(wallet_page(taken.organisation_id))
        return self.form_page(
            request, form, title=f"Give {amount} back?", organisation=taken.organisation, submit="Give back",
            back=wallet_page(taken.organisation_id),
            intro=f"{taken.get_cause_display()}, {taken.reason}. The dispute was won, or the payment succeeded after"
            " all: each of its transfers is posted the other way round.",
        )  # fmt: skip

    @admin.display(description="Taken back")
    def moment(self, taken: ClawBack) -> str:
        return utc(taken.made_at)

    @admin.display(description="Given back")
    def given_back(self, taken: ClawBack) -> str:
        return utc(taken.given_back_at)


def _take(lot: Grant, by: Any, data: dict[str, Any]) -> ClawBack | Approval:
    assert isinstance(by, User)  # the admin's door stands before
    wanted = {name: data[name] for name in ("cause", "amount", "reason")}
    key = f"admin:{data['form_id']}"
    if needs_second_person(data["amount"]):
        asked: Approval = once(lambda: ask_for_claw_back(lot=lot, key=key, by=by, **wanted))
        return asked
    first = ClawBack.objects.filter(organisation=lot.organisation, key=key).first()
    if first is None and (there := not_taken_back(lot)) < data["amount"]:
        left = money_text(there, lot.organisation.currency)
        raise ValidationError({"amount": f"Only {left} of this lot has not been taken back yet."})
    taken = claw_back(lot=lot, key=key, **wanted)
    if (taken.grant_id, taken.cause, taken.amount) != (lot.pk, data["cause"], data["amount"]):
        raise ValidationError(USED)
    return taken


def _told(taken: ClawBack, currency: str) -> str:
    return f"{money_text(taken.amount, currency)} is taken back: {taken.get_cause_display().lower()}."
