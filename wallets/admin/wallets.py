"""Finance's pages of wallets: find, read down to the transfer, give credits."""

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, reverse

from common.admin import StaffAdmin, require_writer
from common.clock import billing_day, billing_now
from common.forms import attempt
from common.templatetags.figures import money_text
from organisations.admin.approvals import asked_for
from organisations.admin.tenants import organisations_like
from organisations.errors import FormSentBefore, NeedsSecondPerson
from organisations.models import Approval, Organisation, User
from wallets import selectors
from wallets.approvals import ask_for_grant
from wallets.errors import GrantKeyReused
from wallets.explaining import explain
from wallets.forms import BalanceTimeForm, GiveCreditsForm
from wallets.models import Grant, Wallet
from wallets.selectors import LedgerPage
from wallets.services import grant_credits

READING = ("GET", "HEAD")
PER_PAGE, PAGES = 50, 100


@admin.register(Wallet)
class WalletAdmin(StaffAdmin):
    """Pages by organisation rather than by row: one that never had credits has no row and is the first to ask for."""

    def own_urls(self) -> list[URLPattern]:
        return [
            self.own("<int:organisation_id>/give-credits/", self.give_credits, "wallets_give_credits"),
            self.own("<int:organisation_id>/explain/", self.explain, "wallets_explain"),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Organisations with what they have; `?state=` stopped, low, ok or sandbox, `?q=` for their names."""
        if request.method not in READING:
            return HttpResponseNotAllowed(READING)
        state, term = request.GET.get("state", ""), request.GET.get("q", "").replace("\0", "")[:200]
        page = _number(request, "p") or 1
        if state not in ("", *selectors.STATES, selectors.SANDBOX) or page > PAGES:
            raise Http404
        found = selectors.organisations_by_state(state)
        if term:
            found = found.filter(pk__in=organisations_like(term))
        start = (page - 1) * PER_PAGE
        rows = [selectors.standing(organisation) for organisation in found[start : start + PER_PAGE + 1]]
        return self.page(
            request, "admin/wallets/wallets.html", title="Wallets", rows=rows[:PER_PAGE], state=state, term=term,
            states=[*selectors.STATES, selectors.SANDBOX], number=page, previous=page - 1,
            following=page + 1 if len(rows) > PER_PAGE and page < PAGES else None,
        )  # fmt: skip

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """A wallet: figures, lots in spending order, the ledger (`?before=<id>` for older rows), running calls."""
        if request.method not in READING:
            return HttpResponseNotAllowed(READING)
        if not object_id.isdecimal():
            raise Http404
        organisation = get_object_or_404(Organisation.objects.select_related("wallet"), pk=object_id)
        return self.page(
            request, "admin/wallets/wallet.html", title=f"Wallet of {organisation}", organisation=organisation,
            standing=selectors.standing_with_accrued(organisation),
            grants=selectors.grants_in_spending_order(organisation),
            ledger=selectors.ledger_page(organisation, _number(request, "before")),
            holds=selectors.open_holds(organisation).order_by("-authorised_at")[: selectors.HOLDS_SHOWN],
            holds_shown=selectors.HOLDS_SHOWN,
            adjustments=selectors.newest_adjustments(organisation),
            claw_backs=selectors.newest_claw_backs(organisation),
        )  # fmt: skip

    def give_credits(self, request: HttpRequest, organisation_id: int) -> HttpResponse:
        """Give a lot of credits with a reason; above the limit of one person, ask for them."""
        require_writer(request)
        organisation = get_object_or_404(Organisation, pk=organisation_id)
        back = reverse("admin:wallets_wallet_change", args=[organisation.pk])
        zone = organisation.billing_zone
        form = GiveCreditsForm(
            request.POST if request.method == "POST" else None, currency=organisation.currency,
            limit=Decimal(settings.GRANT_LIMIT), zone=zone, today=billing_day(billing_now(), zone),
        )  # fmt: skip
        done = attempt(form, lambda data: _give(organisation, request.user, form))
        if isinstance(done, Approval):
            return asked_for(request, done)
        if done:
            self.message_user(request, _told(done), messages.SUCCESS)
            return redirect(back)
        return self.form_page(
            request, form, title="Give credits", organisation=organisation, submit="Give credits", back=back,
            intro=f"{organisation.name} can spend them at once. A grant can't be changed; bought credits can be taken"
            " back, others by an adjustment.",
        )  # fmt: skip

    def explain(self, request: HttpRequest, organisation_id: int) -> HttpResponse:
        """Why the balance was what it was at `?at=`, with what moved since `?since=` day, month or beginning."""
        if request.method not in READING:
            return HttpResponseNotAllowed(READING)
        organisation = get_object_or_404(Organisation, pk=organisation_id)
        now = billing_now()
        form = BalanceTimeForm({"at": f"{now:%Y-%m-%dT%H:%M:%S.%fZ}", "since": "day", **request.GET.dict()}, now=now)
        told = explain(organisation, form.cleaned_data["at"], form.start()) if form.is_valid() else None
        return self.page(
            request, "admin/wallets/explain.html", title="Explain a balance", organisation=organisation, form=form,
            told=told, ledger=LedgerPage(told.rows, None) if told else None, status=200 if told else 422,
        )  # fmt: skip


def _number(request: HttpRequest, name: str) -> int | None:
    """A whole number above zero out of the address; 404 for anything else."""
    text = request.GET.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 19 and int(text) > 0):
        raise Http404
    return int(text)


def _give(organisation: Organisation, by: Any, form: GiveCreditsForm) -> Grant | Approval:
    assert isinstance(by, User)  # the admin's door stands before
    data = form.cleaned_data
    wanted = {name: data[name] for name in ("kind", "amount", "reason")}
    wanted |= {
        "organisation": organisation, "by": by, "key": f"admin:{data['form_id']}", "expires_at": form.expires_at(),
    }  # fmt: skip
    try:
        return grant_credits(**wanted)
    except NeedsSecondPerson:
        return _ask(wanted)
    except GrantKeyReused as error:
        raise ValidationError("This form gave credits already. Open it anew to give more.") from error


def _ask(wanted: dict[str, Any]) -> Approval:
    try:
        return ask_for_grant(**wanted)
    except FormSentBefore as error:
        raise ValidationError("This form asked for other credits already. Open it anew to ask for more.") from error


def _told(grant: Grant) -> str:
    currency = grant.organisation.currency
    balance = Wallet.objects.get(pk=grant.organisation_id).balance
    given = f"{grant.get_kind_display()} credits of {money_text(grant.amount, currency)} are given."
    return f"{given} The balance is {money_text(balance, currency)}."
