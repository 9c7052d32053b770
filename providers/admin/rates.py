"""Rates, and how they come in: the difference from the world's list is shown, and what was shown is applied."""

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, reverse

from common.admin import StaffAdmin, require_writer
from providers.errors import ImportRefused
from providers.forms import ApplyForm, AskForm
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
        return [self.own("import/", self.import_prices, "providers_import_prices")]

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
        form = ApplyForm(request.POST)
        form.full_clean()
        digest = form.cleaned_data.get("digest", "")
        found = apply_list(ask, digest=digest, accepted=form.cleaned_data["accept"])
        self.message_user(request, applied(found), messages.INFO if found.empty else messages.SUCCESS)
        return redirect(reverse("admin:providers_import_prices"))

    def _difference_page(self, request: HttpRequest, form: AskForm, ask: Ask, refused: str = "") -> HttpResponse:
        try:
            found = compare_with_list(ask)
        except ImportRefused as error:
            return self._import_page(request, form, 422, refused=str(error))
        applying = ApplyForm.of(found) if request.user.is_authenticated and request.user.writes_money else None
        return self._import_page(
            request, form, 422 if refused else 200, refused=refused, found=found, groups=groups(found),
            refusals=list(grouped(found.refusals)), applying=applying, asked=AskForm(form.data or None, auto_id=False),
        )  # fmt: skip

    def _import_page(self, request: HttpRequest, form: AskForm, status: int, **context: object) -> HttpResponse:
        return self.page(
            request, "admin/providers/import_prices.html", title="Import prices", status=status, form=form, **context
        )
