"""People: everybody on staff may look, superusers add them, change roles and set passwords. Hashes are never shown."""

from typing import Any

from allauth.account.models import EmailAddress
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, reverse

from common.admin import StaffAdmin
from common.forms import attempt
from organisations.models import User
from organisations.people_forms import AddUserForm, PasswordForm, RoleForm


@admin.register(User)
class UserAdmin(StaffAdmin):
    form = RoleForm
    routes = ("changelist", "change")
    change_form_template = "admin/organisations/user.html"
    change_list_template = "admin/organisations/users.html"
    list_display = ("email", "name", "platform_role", "is_active", "last_login", "date_joined")
    list_filter = ("platform_role", "is_active")
    search_fields = ("email", "name")
    search_help_text = "E-mail or name."
    ordering = ("email",)
    fields = ("email", "name", "platform_role", "is_active", "last_login", "date_joined")
    readonly_fields = ("last_login", "date_joined")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_authenticated and request.user.is_superuser

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        return type("RoleForm", (form,), {"acting": request.user})

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        obj.save(update_fields=form.changed_data)
        if "email" in form.changed_data:
            # allauth keeps addresses of its own; with the old one one could still sign in or ask for a reset.
            EmailAddress.objects.filter(user=obj).delete()

    def own_urls(self) -> list[URLPattern]:
        return [
            self.own("new/", self.new, "organisations_user_new"),
            self.own("<int:pk>/password/", self.password, "organisations_user_password"),
        ]

    def new(self, request: HttpRequest) -> HttpResponse:
        """Make an account with a first password."""
        _require_superuser(request)
        form = AddUserForm(request.POST if request.method == "POST" else None, user=User())
        if user := attempt(form, _create):
            self.message_user(request, f"{user.email} can sign in.", messages.SUCCESS)
            return redirect("admin:organisations_user_change", user.pk)
        return self.form_page(
            request, form, title="Add a person", submit="Add", back=reverse("admin:organisations_user_changelist"),
            intro="Members' accounts have no role here; roles are for the platform's own staff.",
        )  # fmt: skip

    def password(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Set somebody's password; their sessions end with the old one."""
        _require_superuser(request)
        user = get_object_or_404(User, pk=pk)
        form = PasswordForm(request.POST if request.method == "POST" else None, user=user)
        if attempt(form, lambda data: _set_password(user, data["password"])):
            self.message_user(request, f"{user.email} has a new password and is signed out.", messages.SUCCESS)
            return redirect("admin:organisations_user_change", user.pk)
        return self.form_page(
            request, form, title=f"Set the password of {user.email}", submit="Set password",
            back=reverse("admin:organisations_user_change", args=[user.pk]),
        )  # fmt: skip


def _require_superuser(request: HttpRequest) -> None:
    if not request.user.is_superuser:
        raise PermissionDenied


def _create(data: dict[str, Any]) -> User:
    return User.objects.create_user(
        data["email"], data["password"], name=data["name"], platform_role=data["platform_role"]
    )


def _set_password(user: User, password: str) -> User:
    user.set_password(password)
    user.save(update_fields=["password"])
    return user
