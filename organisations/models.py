"""Who there is. Money is nobody's business here."""

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower
from django.utils.crypto import salted_hmac


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, platform_role=User.PlatformRole.SUPERUSER, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)


class User(AbstractBaseUser):
    """A person. Either a customer's member or platform staff, never both."""

    class PlatformRole(models.TextChoices):
        NONE = "", "Customer"
        SUPERUSER = "superuser", "Superuser"
        FINANCE = "finance", "Finance"
        SUPPORT = "support", "Support (reads only)"

    database_rights: ClassVar[str] = "SELECT, INSERT, UPDATE"

    email = models.EmailField(max_length=254, unique=True)
    name = models.CharField(max_length=150, blank=True)
    is_active = models.BooleanField(default=True)
    platform_role = models.CharField(max_length=16, choices=PlatformRole.choices, blank=True, default="")
    date_joined = models.DateTimeField(auto_now_add=True)

    objects = UserManager()
    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("email"), name="user_email_once"),
            models.CheckConstraint(
                condition=models.Q(platform_role__in=["", "superuser", "finance", "support"]), name="user_platform_role"
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.email

    def get_session_auth_hash(self) -> str:
        """Sessions end with the password, and with the e-mail address that they were opened for."""
        return salted_hmac("organisations.User", self.password + self.email, algorithm="sha256").hexdigest()

    @property
    def is_staff(self) -> bool:
        return bool(self.platform_role)

    @property
    def is_superuser(self) -> bool:
        return self.platform_role == self.PlatformRole.SUPERUSER

    @property
    def writes_money(self) -> bool:
        """Finance and superusers act on organisations; support only reads (the database refuses it too)."""
        return self.platform_role in (self.PlatformRole.SUPERUSER, self.PlatformRole.FINANCE)

    def has_perm(self, permission: str, obj: object = None) -> bool:
        """Django's admin asks this. Every staff member may look; what may be changed each admin class says itself."""
        if not (self.is_active and self.is_staff):
            return False
        return permission.rpartition(".")[2].startswith("view_") or self.is_superuser

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_active and self.is_staff


class Organisation(models.Model):
    """A tenant: who pays, in which currency, with days cut in which zone."""

    database_rights: ClassVar[str] = "SELECT, INSERT, UPDATE"

    name = models.CharField(max_length=150)
    slug = models.SlugField(max_length=50)
    email = models.EmailField(max_length=254, help_text="Bills and warnings go here.")
    billing_zone = models.CharField(max_length=64, default="UTC", help_text="IANA time zone that cuts days and months.")
    currency = models.CharField(max_length=3, default=settings.CURRENCY)
    sandbox = models.BooleanField(default=False, help_text="Never billed, left out of every report.")
    suspended_at = models.DateTimeField(null=True, blank=True)
    suspended_reason = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["slug"], name="organisation_slug_once"),
            models.CheckConstraint(condition=models.Q(currency__regex="^[A-Z]{3}$"), name="organisation_currency_code"),
            models.CheckConstraint(
                condition=models.Q(suspended_at__isnull=True) | ~models.Q(suspended_reason=""),
                name="organisation_suspended_with_reason",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Member(models.Model):
    class Role(models.TextChoices):
        OWNER = "owner", "Owner"
        ADMIN = "admin", "Admin"
        BILLING = "billing", "Billing"
        DEVELOPER = "developer", "Developer"
        VIEWER = "viewer", "Viewer"

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="members")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role.choices)
    joined_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organisation", "user"], name="member_once_per_organisation"),
            models.CheckConstraint(
                condition=models.Q(role__in=["owner", "admin", "billing", "developer", "viewer"]), name="member_role"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} ({self.role})"


class Project(models.Model):
    database_rights: ClassVar[str] = "SELECT, INSERT, UPDATE"

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="projects")
    name = models.CharField(max_length=100)
    slug = models.SlugField(max_length=50)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organisation", "slug"], name="project_slug_once")]

    def __str__(self) -> str:
        return self.name


class Agent(models.Model):
    database_rights: ClassVar[str] = "SELECT, INSERT, UPDATE"

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="agents")
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="agents")
    name = models.CharField(max_length=100)
    slug = models.SlugField(max_length=50)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organisation", "slug"], name="agent_slug_once")]

    def __str__(self) -> str:
        return self.name


class ApiKey(models.Model):
    """A secret that says which organisation, project and agent a call belongs to. Only its HMAC is kept."""

    class Scope(models.TextChoices):
        READ = "read", "Read balance, usage, models"
        CALLS = "calls", "Authorise and settle calls"
        ACT_FOR = "act_for", "Name other projects and agents"
        USAGE_REPORT = "usage:report", "Report finished usage"

    database_rights: ClassVar[str] = (
        "SELECT, INSERT, UPDATE (revoked_at, revoked_by_id, last_used_at)"  # scopes and bindings of a key never change
    )

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="api_keys")
    project = models.ForeignKey(Project, on_delete=models.PROTECT, null=True, blank=True)
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, null=True, blank=True)
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=12)
    digest = models.BinaryField(max_length=32)
    scopes = ArrayField(models.CharField(max_length=20, choices=Scope.choices))
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "API key"
        constraints = [
            models.UniqueConstraint(fields=["prefix"], name="api_key_prefix_once"),
            models.CheckConstraint(
                condition=~models.Q(scopes__contains=["calls"]) | models.Q(project__isnull=False, agent__isnull=False),
                name="api_key_for_calls_is_bound",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} (tb_{self.prefix}_…)"


class Approval(models.Model):
    """What one of the staff asked for and another has to approve before it is done: four eyes.

    What was asked is never changed. `state` leaves `asked` once; a trigger lets nothing follow on a decision.
    """

    class State(models.TextChoices):
        ASKED = "asked", "Waiting"
        APPROVED = "approved", "Approved"  # and done, in the same transaction
        REFUSED = "refused", "Refused"
        WITHDRAWN = "withdrawn", "Withdrawn"
        EXPIRED = "expired", "Expired"

    database_rights: ClassVar[str] = (
        "SELECT, INSERT, UPDATE (state, decided_by_id, decided_at, decision_reason, result)"
    )

    kind = models.CharField(max_length=40)  # as `organisations.approvals.register` knows it
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    amount = models.DecimalField(max_digits=20, decimal_places=9, null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    subject = models.CharField(max_length=200)
    payload = models.JSONField()
    key = models.CharField(max_length=100)  # the same key asks once
    reason = models.CharField(max_length=500)
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    state = models.CharField(max_length=9, choices=State.choices, default=State.ASKED)
    decided_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    decision_reason = models.CharField(max_length=500, blank=True)
    result = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key"], name="approval_once_per_key"),
            models.CheckConstraint(condition=~models.Q(reason=""), name="approval_asked_with_reason"),
            models.CheckConstraint(
                condition=models.Q(amount__isnull=True, currency="")
                | models.Q(amount__isnull=False, currency__regex="^[A-Z]{3}$"),
                name="approval_amount_has_currency",
            ),
            models.CheckConstraint(
                condition=models.Q(expires_at__gt=models.F("asked_at")), name="approval_expires_later"
            ),
            models.CheckConstraint(
                condition=models.Q(state="withdrawn", decided_by=models.F("asked_by"))
                | ~models.Q(state="withdrawn") & ~models.Q(decided_by=models.F("asked_by")),
                name="approval_by_two_people",
            ),
            models.CheckConstraint(
                condition=models.Q(state="asked", decided_by__isnull=True, decided_at__isnull=True, decision_reason="")
                | models.Q(
                    state="expired", decided_by__isnull=True, decided_at__isnull=False,
                    decided_at__gte=models.F("expires_at"),
                )
                | models.Q(
                    state__in=["approved", "refused", "withdrawn"], decided_by__isnull=False, decided_at__isnull=False,
                    decided_at__lt=models.F("expires_at"),
                ),
                name="approval_state_fits_decision",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="refused") | ~models.Q(decision_reason=""),
                name="approval_refused_with_reason",
            ),
        ]  # fmt: skip
        indexes = [
            models.Index(fields=["expires_at"], condition=models.Q(state="asked"), name="approval_waiting"),
        ]

    def __str__(self) -> str:
        return self.subject

    @property
    def action_key(self) -> str:
        """The key under which the action is done: even a second execution would do nothing more."""
        return f"approval:{self.pk}"


class AuditEntry(models.Model):
    """One change of a user, organisation, member, project, agent, key, approval … Written by a trigger only."""

    database_rights: ClassVar[str] = "SELECT"

    at = models.DateTimeField()
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, null=True, related_name="+")
    actor = models.CharField(max_length=60)
    request = models.CharField(max_length=64)
    action = models.CharField(max_length=8)
    table = models.CharField(max_length=63)
    row = models.BigIntegerField()
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = [models.Index(fields=["organisation", "-at"]), models.Index(fields=["table", "row"])]

    def __str__(self) -> str:
        return f"{self.action} {self.table} {self.row}"
