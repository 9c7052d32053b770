"""What all of the admin's pages have in common: nothing is deleted, lists are never counted, refusals have a status.

The base classes allow looking and nothing else; a class that allows more says so itself.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.contrib.admin.views.main import PAGE_VAR, ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = admin.ModelAdmin

View = Callable[..., HttpResponse]


class WindowList(ChangeList):
    """Pages of a table that is never counted: one row more than is shown tells whether a next page exists."""

    pages = 100
    has_next = False

    @property
    def _admin(self) -> "StaffAdmin":
        assert isinstance(self.model_admin, StaffAdmin)  # only StaffAdmin makes these lists
        return self.model_admin

    def get_results(self, request: HttpRequest) -> None:
        if not 1 <= self.page_num <= self.pages:
            raise Http404
        start = (self.page_num - 1) * self.list_per_page
        # Keys first, from the table alone. Joined with what the rows name, PostgreSQL takes row security for a filter
        # that few rows pass, and would rather read and sort a whole history than walk an index to one page of it.
        keys = list(self.queryset.values_list("pk", flat=True)[start : start + self.list_per_page + 1])
        rows = list(self.queryset.filter(pk__in=keys)[: len(keys)])
        self.has_next = len(rows) > self.list_per_page and self.page_num < self.pages
        self.result_list = rows[: self.list_per_page]
        self._admin.prepare(rows)
        self.result_count = self.full_result_count = len(rows)
        self.show_full_result_count = self.show_admin_actions = self.can_show_all = False
        self.multi_page = self.page_num > 1 or self.has_next

    @property
    def asks(self) -> bool:
        """Whether the list waits for an organisation to be named."""
        return bool(self._admin.needs_organisation and not self.query and "organisation" not in self.params)

    @property
    def previous_page(self) -> str:
        return self.get_query_string({PAGE_VAR: self.page_num - 1})

    @property
    def next_page(self) -> str:
        return self.get_query_string({PAGE_VAR: self.page_num + 1})

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Model]) -> list[Any]:
        """The class's own order only: `?o=` would sort a big table by a column without an index."""
        return list(self.model_admin.get_ordering(request))


class StaffAdmin(_ModelAdmin):
    """Every staff member may look. No route to delete exists, and Django's own history gives way to the audit trail.

    `ordering` must be an index's order, where the table grows, and end in something unique.
    """

    actions = None
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # facets count
    list_per_page = 50
    list_max_show_all = 0
    sortable_by = ()
    needs_organisation = False  # True: the list stays empty until one is named, since no index orders the whole table
    change_form_template = "admin/common/change_form.html"
    change_list_template = "admin/common/change_list.html"
    routes = ("changelist", "change")

    def get_urls(self) -> list[URLPattern]:
        """The class's own pages, then Django's that `routes` names; what has no route can't be posted to either."""
        kept = {f"{self.opts.app_label}_{self.opts.model_name}_{name}" for name in self.routes}
        return [*self.own_urls(), *[url for url in super().get_urls() if url.name in kept]]

    def own_urls(self) -> list[URLPattern]:
        """Further pages of this class, see `own`."""
        return []

    def own(self, route: str, view: View, name: str) -> URLPattern:
        """A page below this class's address, behind the admin's door, named `admin:<name>`."""
        return path(route, self.admin_site.admin_view(view), name=name)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Only what a filter of the list offers: `?password__startswith=` would tell secrets one letter at a time."""
        for item in self.get_list_filter(request) if request else ():
            name = item if isinstance(item, str) else getattr(item, "parameter_name", "")
            if lookup in (name, f"{name}__exact", f"{name}__isnull"):
                return True
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        # PostgreSQL takes no NUL in text; nothing can be found by one.
        if any("\0" in value for name in request.GET if name != "q" for value in request.GET.getlist(name)):
            raise Http404
        return super().changelist_view(request, extra_context)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """As Django does, but a refused form says so in its status, so that its transaction is undone."""
        response = super().render_change_form(request, context, *args, **kwargs)
        if context["errors"]:
            response.status_code = 422
        return response

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> HttpResponse:
        raise Http404

    def log_addition(self, *args: Any) -> None:  # type: ignore[override]
        """The database's audit trail has it."""

    def log_change(self, *args: Any) -> None:  # type: ignore[override]
        """The database's audit trail has it."""

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[WindowList]:
        return WindowList

    def prepare(self, rows: list[Any]) -> None:
        """Add to the rows of a page what its columns need, in one query for all."""

    def page(
        self, request: HttpRequest, template: str, *, title: str, status: int = 200, **context: Any
    ) -> HttpResponse:
        """One of our own pages in the admin's frame."""
        shared = {**self.admin_site.each_context(request), "opts": self.opts, "title": title}
        return TemplateResponse(request, template, {**shared, **context}, status=status)

    def form_page(self, request: HttpRequest, form: forms.Form, *, title: str, **context: Any) -> HttpResponse:
        """A page with a form that does one thing. Also `submit` (the button), `organisation`, `intro`, `danger`."""
        status = 422 if form.errors else 200
        return self.page(request, "admin/common/action.html", title=title, status=status, form=form, **context)


def require_writer(request: HttpRequest) -> None:
    """Raise `PermissionDenied` for staff who only read; the database would refuse them too."""
    if not (request.user.is_authenticated and request.user.writes_money):
        raise PermissionDenied
