"""How people sign in: e-mail and password; nobody signs up by themselves."""

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.http import HttpRequest
from django.urls import reverse

from organisations.models import Member


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Accounts are made by an organisation's owner or by staff, since an account alone would see nothing."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        return "/admin/" if getattr(request.user, "is_staff", False) else "/"

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return "/"

    def send_invitation(self, member: Member, by: Member) -> None:
        """Tell a new member by mail; who has no password yet gets the link with which to choose one.

        Outside of any transaction. Raises `OSError` (as all of smtplib's errors are) where no mail can be sent.
        """
        user, absolute = member.user, self.request.build_absolute_uri
        context = {"user": user, "organisation": by.organisation, "by": by.user, "role": member.get_role_display()}
        context["sign_in_url"] = absolute(reverse("account_login"))
        context["forgotten_url"] = absolute(reverse("account_reset_password"))
        if not user.has_usable_password():
            key = f"{user_pk_to_url_str(user)}-{default_token_generator.make_token(user)}"
            context["set_password_url"] = self.get_reset_password_from_key_url(key)
        self.send_mail("account/email/invitation", user.email, context)
