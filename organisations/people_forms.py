"""People's accounts, changed by superusers: who they are, whether they are staff, their password."""

from typing import Any

from django import forms
from django.contrib.auth.password_validation import password_validators_help_texts, validate_password
from django.core.exceptions import ValidationError

from organisations.models import Member, User


class RoleForm(forms.ModelForm):  # type: ignore[type-arg]
    """A person's name, access and role; `acting` is the superuser who changes them."""

    acting: User  # the admin sets it on a subclass made for the request

    class Meta:
        model = User
        fields = ("name", "email", "platform_role", "is_active")

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"].lower()
        if User.objects.filter(email=email).exclude(pk=self.instance.pk).exists():
            raise ValidationError("Somebody has this e-mail already.")
        return email

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        before = User.objects.select_for_update(no_key=True).filter(pk=self.instance.pk).first()
        if before is None:
            return data
        role, active = data.get("platform_role", ""), data.get("is_active", False)
        changed = role != before.platform_role or active != before.is_active
        if changed and before.pk == self.acting.pk:
            self.add_error(None, "Nobody changes their own role or access. Ask another superuser.")
        if role and not before.is_staff and Member.objects.filter(user=before).exists():
            self.add_error("platform_role", "A member of an organisation can't be platform staff.")
        if changed and before.is_superuser and before.is_active and _no_other_superuser(before):
            self.add_error(None, "This is the last superuser.")
        return data


def _no_other_superuser(user: User) -> bool:
    # Locked, in one order: two superusers who remove each other at once would each still count the other.
    active = User.objects.select_for_update(no_key=True).filter(platform_role="superuser", is_active=True)
    return [found.pk for found in active.order_by("pk")] == [user.pk]


class PasswordForm(forms.Form):
    """A new password, for the person it is set for (`user`)."""

    password = forms.CharField(
        max_length=256, strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=" ".join(password_validators_help_texts()),
    )  # fmt: skip
    again = forms.CharField(
        max_length=256, strip=False, label="The same again",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )  # fmt: skip

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        password = data.get("password")
        if password and data.get("again") != password:
            self.add_error("again", "The two differ.")
        elif password:
            try:
                validate_password(password, self.user)
            except ValidationError as error:
                self.add_error("password", error)
        return data


class AddUserForm(PasswordForm):
    """A new account: platform staff, or a customer's person before they join an organisation."""

    field_order = ("email", "name", "platform_role", "password", "again")
    email = forms.EmailField(max_length=254)
    name = forms.CharField(max_length=150, required=False)
    platform_role = forms.ChoiceField(choices=User.PlatformRole.choices, required=False, label="Role")

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"].lower()
        if User.objects.filter(email=email).exists():
            raise ValidationError("Somebody has this e-mail already.")
        return email


class InviteForm(forms.Form):
    """A new member; `roles` are those that the person who asks may give. A known address keeps its account's name."""

    email = forms.EmailField(max_length=254, label="E-mail", widget=forms.EmailInput(attrs={"autocomplete": "off"}))
    name = forms.CharField(
        max_length=150, required=False, help_text="How others see them. Who has an account keeps the name there.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip

    def __init__(self, *args: Any, roles: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"] = forms.ChoiceField(choices=roles, initial=Member.Role.VIEWER)

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()


class MemberRoleForm(forms.Form):
    """Another role for a member."""

    def __init__(self, *args: Any, roles: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"] = forms.ChoiceField(choices=roles)
