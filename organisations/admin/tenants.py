"""Lists of rows that belong to an organisation: found by it, never by scanning all of them."""

from collections.abc import Iterator
from typing import Any, ClassVar

from django.contrib.admin import SimpleListFilter
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404

from common.admin import StaffAdmin
from organisations.models import Organisation
from organisations.selectors import sandboxes

FOUND = 50  # organisations that one search takes into account


class OrganisationFilter(SimpleListFilter):
    """`?organisation=<id>`, as an organisation's page links to it. A choice of all would be too long to offer."""

    title = "organisation"
    parameter_name = "organisation"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, str]]:
        if (value := self.value()) is None:
            return []
        if not value.isdecimal():
            raise Http404
        chosen = get_object_or_404(Organisation, pk=value)
        return [(chosen.pk, chosen.name)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(organisation_id=self.value()) if self.value() else queryset


class SandboxFilter(SimpleListFilter):
    """Sandboxes are left out unless they are chosen: all of them here, or one through `OrganisationFilter`."""

    title = "billing"
    parameter_name = "sandbox"
    column = "organisation"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, str]]:
        return [("yes", "Sandboxes")]

    def choices(self, changelist: Any) -> Iterator[Any]:
        billed, *others = super().choices(changelist)
        yield {**billed, "display": "Billed"}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if request.GET.get(OrganisationFilter.parameter_name):
            return queryset
        chosen = {f"{self.column}__in": sandboxes()}
        # Left out rather than the others picked: one table is walked in its order and sandboxes' rows are skipped.
        return queryset.filter(**chosen) if self.value() else queryset.exclude(**chosen)


class OwnSandboxFilter(SandboxFilter):
    """The same for the list of organisations itself."""

    column = "pk"


class TenantAdmin(StaffAdmin):
    """The search names organisations: those are few, the rows are many, and only they are indexed by it."""

    leaves_sandboxes_out = True

    list_filter: ClassVar[tuple[Any, ...]] = (OrganisationFilter,)
    search_fields = ("organisation__slug",)
    search_help_text = "An organisation's name, slug or e-mail."

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        return [*super().get_list_filter(request), *([SandboxFilter] if self.leaves_sandboxes_out else [])]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if search_term:
            return queryset.filter(self.found_by(search_term)), False
        nobody = self.needs_organisation and not request.GET.get("organisation")
        return (queryset.none() if nobody else queryset), False

    def found_by(self, term: str) -> Q:
        """What a search for `term` finds."""
        return Q(organisation_id__in=list(organisations_like(term).values_list("pk", flat=True)[:FOUND]))


def organisations_like(term: str) -> QuerySet[Organisation]:
    """Organisations with `term` in their name, slug or e-mail."""
    fits = Q(name__icontains=term) | Q(slug__icontains=term) | Q(email__icontains=term)
    return Organisation.objects.filter(fits).order_by("name", "pk")
