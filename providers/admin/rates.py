"""Rates, and how they come in: by the difference from the world's list, or entered by hand. What changes a price of a
model on sale is asked for, and written once another person approves it."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, reverse

from common.admin import StaffAdmin, require_writer
from common.forms import attempt
from organisations.admin.approvals import asked_for
from organisations.errors import FormSentBefore, NeedsSecondPerson
from organisations.models import Approval, User
from providers.approvals import ask_for_prices, ask_for_rate, asked_already
from providers.errors import DifferenceChanged, ImportRefused
from providers.forms import ApplyForm, AskForm, RateForm
from providers.importing.asking import Ask
from providers.importing.lines import applied, groups
from providers.importing.report import grouped
from providers.importing.services import apply_list, compare_with_list
from providers.models import Rate


@admin.register(Rate)
class RateAdmin(StaffAdmin):
    change_list_template = "admin/providers/rates.html"
    list_display = ("model", "leaf", "service_tier", "class_above", "price", "effective_from", "source")
    list_filter = ("model", "leaf", "service_tier")
    list_select_related = ("model__provider",)
    search_fields = ("model__name",)
    ordering = ("model__provider__slug", "model__name", "leaf", "service_tier", "class_above", "-effective_from")

    def own_urls(self) -> list[URLPattern]:
        return [
            self.own("import/", self.import_prices, "providers_import_prices"),
            self.own("enter/", self.enter, "providers_enter_rate"),
        ]

    def import_prices(self, request: HttpRequest) -> HttpResponse:
        """Show how the book differs from the list; a POST applies what was shown."""
        if request.method == "POST":
            require_writer(request)
        sent = request.POST if request.method == "POST" else request.GET
        form = AskForm(sent or None)
        if form.is_bound and not form.is_valid():
            return self._import_page(request, form, 422)
        ask = form.ask() if form.is_bound else Ask()
        try:
            if request.method == "POST":
                return self._apply(request, ask)
        except ImportRefused as error:
            return self._difference_page(request, form, ask, str(error))
        return self._difference_page(request, form, ask)

    def _apply(self, request: HttpRequest, ask: Ask) -> HttpResponse:
        form, by = ApplyForm(request.POST), request.user
        assert isinstance(by, User)  # the admin's door stands before
        form.full_clean()
        digest, accepted = form.cleaned_data.get("digest", ""), form.cleaned_data["accept"]
        try:
            found = apply_list(ask, digest=digest, accepted=accepted, by=by)
        except NeedsSecondPerson:
            return self._ask(request, by, form, ask)
        self.message_user(request, applied(found), messages.INFO if found.empty else messages.SUCCESS)
        return redirect(reverse("admin:providers_import_prices"))

    def _ask(self, request: HttpRequest, by: User, form: ApplyForm, ask: Ask) -> HttpResponse:
        if not form.is_valid() or not form.cleaned_data["reason"]:
            raise ImportRefused("Say why these prices are to change.")
        data, found = form.cleaned_data, compare_with_list(ask)
        if found.digest != data["digest"]:
            raise DifferenceChanged  # between its being applied, which one person may not, and now
        why = {"accepted": data["accept"], "reason": data["reason"], "key": f"prices:{data['form_id']}"}
        try:
            return asked_for(request, ask_for_prices(found, by=by, **why))
        except FormSentBefore as error:
            raise ImportRefused("This form asked for other prices already. Look again.") from error

    def enter(self, request: HttpRequest) -> HttpResponse:
        """Ask for one rate, entered by hand."""
        require_writer(request)
        form = RateForm(request.POST if request.method == "POST" else None)
        if asked := attempt(form, lambda data: _ask_for_rate(form, request.user)):
            return asked_for(request, asked)
        return self.form_page(
            request, form, title="Enter a price", submit="Ask for approval",
            intro="Another person of finance has to approve it; it holds from then on. What was charged stays.",
            back=reverse("admin:providers_rate_changelist"),
        )  # fmt: skip

    def _difference_page(self, request: HttpRequest, form: AskForm, ask: Ask, refused: str = "") -> HttpResponse:
        try:
            found = compare_with_list(ask)
        except ImportRefused as error:
            return self._import_page(request, form, 422, refused=str(error))
        applying = ApplyForm.of(found) if request.user.is_authenticated and request.user.writes_money else None
        return self._import_page(
            request, form, 422 if refused else 200, refused=refused, found=found, groups=groups(found),
            refusals=list(grouped(found.refusals)), applying=applying, asked=AskForm(form.data or None, auto_id=False),
            waiting=asked_already(found),
        )  # fmt: skip

    def _import_page(self, request: HttpRequest, form: AskForm, status: int, **context: object) -> HttpResponse:
        return self.page(
            request, "admin/providers/import_prices.html", title="Import prices", status=status, form=form, **context
        )


def _ask_for_rate(form: RateForm, by: Any) -> Approval:
    data = form.cleaned_data
    try:
        return ask_for_rate(form.entered(), reason=data["reason"], key=f"rate:{data['form_id']}", by=by)
    except FormSentBefore as error:
        raise ValidationError("This form asked for another price already. Open it anew to ask for more.") from error
