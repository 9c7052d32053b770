"""Runs of the ledger's checks, to read."""

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString

from common.admin import StaffAdmin
from wallets.models import VerificationRun


@admin.register(VerificationRun)
class VerificationRunAdmin(StaffAdmin):
    change_form_template = "admin/wallets/verification.html"
    list_display = ("started_at", "scope", "result", "checks", "violations", "unfinished", "examined", "took")
    list_filter = ("scope",)
    ordering = ("-started_at", "-pk")
    fields = ()

    @admin.display(description="Result")
    def result(self, run: VerificationRun) -> SafeString:
        wrong = "Violated" if run.violations else "Did not finish"
        return format_html('<span class="tag {}">{}</span>', *(("ok", "Held") if run.sound else ("bad", wrong)))

    @admin.display(description="Took")
    def took(self, run: VerificationRun) -> str:
        return f"{run.seconds} s"
