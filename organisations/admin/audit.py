"""The audit trail: who changed what, by the database's own record."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.contrib import admin
from django.db import connection
from django.db.models import QuerySet
from django.http import Http404, HttpRequest

from common.templatetags.figures import utc
from organisations.admin.tenants import OrganisationFilter, TenantAdmin
from organisations.models import AuditEntry, User

DAYS = 7


class TableFilter(admin.SimpleListFilter):
    title = "table"
    parameter_name = "table"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, str]]:
        with connection.cursor() as cursor:
            # The tables that are audited are those with the trigger: no second list to forget one in.
            cursor.execute("SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'audit' ORDER BY 1")
            return [(name, name.partition("_")[2]) for (name,) in cursor.fetchall()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        return queryset.filter(table=self.value()) if self.value() else queryset


class ActionFilter(admin.SimpleListFilter):
    title = "action"
    parameter_name = "action"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, str]]:
        return [("insert", "Added"), ("update", "Changed"), ("delete", "Removed")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        return queryset.filter(action=self.value()) if self.value() else queryset


class DayFilter(admin.SimpleListFilter):
    """A UTC day: the last ones to choose from, any other in the address as `?day=2026-01-31`."""

    title = "day (UTC)"
    parameter_name = "day"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, str]]:
        today = datetime.now(UTC).date()
        days = [(today - timedelta(days=back)).isoformat() for back in range(DAYS)]
        return [(day, day) for day in sorted({*days, *filter(None, [self.value()])}, reverse=True)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        if (value := self.value()) is None:
            return queryset
        try:
            begin = datetime.combine(date.fromisoformat(value), time(), UTC)
            return queryset.filter(at__gte=begin, at__lt=begin + timedelta(days=1))
        except (ValueError, OverflowError) as error:
            raise Http404 from error


@admin.register(AuditEntry)
class AuditEntryAdmin(TenantAdmin):
    leaves_sandboxes_out = False  # evidence hides nothing; entries of users belong to no organisation at all
    list_display = ("moment", "who", "action", "what", "organisation", "changes")
    list_filter = (OrganisationFilter, TableFilter, ActionFilter, DayFilter)
    list_select_related = ("organisation",)
    fields = ("moment", "who", "action", "what", "organisation", "request", "before", "after")
    readonly_fields = ("moment", "who", "what")

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        return ("-at", "-pk") if request.GET.get("organisation") else ("-pk",)

    def prepare(self, rows: list[Any]) -> None:
        ids = {int(row.actor.removeprefix("user:")) for row in rows if row.actor.startswith("user:")}
        emails = dict(User.objects.filter(pk__in=ids).values_list("pk", "email"))
        for row in rows:
            kind, _, number = row.actor.partition(":")
            row.by = emails.get(int(number), row.actor) if kind == "user" else row.actor

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> AuditEntry | None:
        if found := super().get_object(request, object_id, from_field):
            self.prepare([found])
        return found

    @admin.display(description="When")
    def moment(self, entry: AuditEntry) -> str:
        return utc(entry.at)

    @admin.display(description="Who")
    def who(self, entry: Any) -> str:
        return str(entry.by)

    @admin.display(description="What")
    def what(self, entry: AuditEntry) -> str:
        return f"{entry.table.partition('_')[2]} {entry.row}"

    @admin.display(description="Changes")
    def changes(self, entry: AuditEntry) -> str:
        if entry.action != "update":
            return "–"
        before, after = entry.before or {}, entry.after or {}
        return "; ".join(f"{field}: {_text(before.get(field))} → {_text(after[field])}" for field in sorted(after))


def _text(value: object) -> str:
    return "–" if value in (None, "") else str(value)
