"""Signing in and out, a password changed or forgotten; nothing else of allauth has a page here."""

from allauth.account import views
from django.urls import path, re_path
from django.views.decorators.http import require_http_methods

# allauth's forms take a PUT for a POST; nothing here sends one.
_page = require_http_methods(["GET", "HEAD", "POST"])

urlpatterns = [
    path("login/", _page(views.login), name="account_login"),
    path("logout/", _page(views.logout), name="account_logout"),
    path("password/change/", _page(views.password_change), name="account_change_password"),
    path("password/reset/", _page(views.password_reset), name="account_reset_password"),
    path("password/reset/done/", _page(views.password_reset_done), name="account_reset_password_done"),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        _page(views.password_reset_from_key),
        name="account_reset_password_from_key",
    ),
    path(
        "password/reset/key/done/",
        _page(views.password_reset_from_key_done),
        name="account_reset_password_from_key_done",
    ),
    path("inactive/", _page(views.account_inactive), name="account_inactive"),
]
