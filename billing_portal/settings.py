"""Settings. Everything that differs between machines comes from the environment (see docs/running.md)."""

from email.utils import parseaddr
from pathlib import Path
from urllib.parse import urlsplit

from celery.schedules import crontab

from billing_portal.env import env

BASE_DIR = Path(__file__).resolve().parent.parent

SECRET_KEY: str = env.str("SECRET_KEY")
# One key per purpose: losing the session key must not expose API keys, and either can be rotated alone.
API_KEY_HMAC_KEY: str = env.str("API_KEY_HMAC_KEY")
DEBUG: bool = env.bool("DEBUG", default=False)
DEMO: bool = env.bool("DEMO", default=False)
SITE_URL: str = env.str("SITE_URL", default="http://127.0.0.1:8000").rstrip("/")
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])

INSTALLED_APPS = [
    "billing_portal.apps.PortalAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "rest_framework",
    "drf_spectacular",
    "csp",
    "django_htmx",
    "common",
    "organisations",
    "wallets",
    "plans",
    "providers",
    "metering",
    "invoices",
    "analytics",
    "billing_portal.apps.PortalConfig",
]

MIDDLEWARE = [
    "common.requests.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    # Innermost: one snapshot and one scope around the view *and* its rendering; user and session are loaded outside it.
    "organisations.middleware.SnapshotMiddleware",
]

ROOT_URLCONF = "billing_portal.urls"
ASGI_APPLICATION = "billing_portal.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "builtins": ["common.templatetags.figures"],
        },
    }
]

# --- Database -------------------------------------------------------------------------------------------------------
# Two roles: `default` is the app role, which may neither alter tables nor change money rows; `owner` migrates.
_POOL = env.int("DB_POOL", default=0)
_OPTIONS = {
    "connect_timeout": 5,
    "application_name": "billing_portal",
    # A lock or statement that hangs must free its connection: the caller gets 503 and repeats with the same key.
    "options": "-c lock_timeout=4s -c statement_timeout=15s -c idle_in_transaction_session_timeout=30s -c timezone=UTC",
}


def _database(url: str, pool: int = 0) -> dict[str, object]:
    parsed: dict[str, object] = env.db_url_config(url)
    parsed["ENGINE"] = "django.db.backends.postgresql"
    parsed["OPTIONS"] = dict(_OPTIONS)
    if pool:
        parsed["OPTIONS"] = {**_OPTIONS, "pool": {"min_size": 1, "max_size": pool, "timeout": 5}}
        # After a restart of PostgreSQL the pool may hand out a dead connection; the check replaces it first.
        parsed["CONN_HEALTH_CHECKS"] = True
    return parsed


DATABASES = {
    "default": _database(env.str("DATABASE_URL"), _POOL),
    "owner": _database(env.str("MIGRATION_DATABASE_URL", default=env.str("DATABASE_URL"))),
}
# The owner's data migrations touch whole tables and may wait: no time limits there.
DATABASES["owner"]["OPTIONS"] = {"connect_timeout": 5, "application_name": "billing_portal migrate"}
DATABASES["owner"]["TEST"] = {"MIGRATE": False}
APP_ROLE = urlsplit(env.str("DATABASE_URL")).username or "portal_app"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Agents' calls share lock and commit with those that come at the same time (docs/hot-path.md); off: one by one.
HOT_PATH: bool = env.bool("HOT_PATH", default=True)

# --- Demo -----------------------------------------------------------------------------------------------------------
# Members of a sandbox may start, pause and reset its simulated agents. The agents are a process of their own.
SIMULATION: bool = env.bool("SIMULATION", default=DEMO)

# --- Queue and cache ------------------------------------------------------------------------------------------------
REDIS_URL: str = env.str("REDIS_URL")
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True  # a worker killed in the middle leaves its task to another; every task may run n times
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULE = {
    "end expired holds": {"task": "metering.tasks.end_expired_holds", "schedule": 15.0},
    "write last use of API keys": {"task": "organisations.tasks.write_last_used", "schedule": 60.0},
    "make yesterday's sums anew": {
        "task": "metering.tasks.rebuild_daily_usage",
        "schedule": crontab(minute="40", hour="2"),
    },
    "close lots that are due": {"task": "wallets.tasks.close_due_lots", "schedule": 60.0},
    "mail alerts of budgets": {
        "task": "wallets.tasks.mail_budget_alerts",
        "schedule": 60.0,
        "options": {"expires": 55},
    },
    "warn of credits that expire": {
        "task": "analytics.tasks.mail_expiry_warnings",
        "schedule": 300.0,
        "options": {"expires": 290},
    },
    "expire approvals": {"task": "organisations.tasks.expire_approvals", "schedule": 300.0},
    # One that waited so long that the next is due says nothing new.
    "verify what changed in the ledger": {
        "task": "wallets.tasks.verify_changes",
        "schedule": 300.0,
        "options": {"expires": 290},
    },
    "verify the whole ledger": {"task": "wallets.tasks.verify_ledger", "schedule": crontab(minute="20", hour="3")},
}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}

# --- People ---------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "organisations.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "organisations.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # such a mail would invite to sign up, which nobody can
ACCOUNT_LOGOUT_REDIRECT_URL = "/accounts/login/"
ACCOUNT_SESSION_REMEMBER = True
CSRF_FAILURE_VIEW = "billing_portal.views.csrf_failure"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"  # a GET page may not write to the database
# Only the demo writes mails to its log: they carry links that open accounts.
EMAIL_BACKEND = env.str(
    "EMAIL_BACKEND", default=f"django.core.mail.backends.{'console' if DEMO else 'smtp'}.EmailBackend"
)
EMAIL_HOST = env.str("EMAIL_HOST", default="localhost")
EMAIL_PORT = env.int("EMAIL_PORT", default=25)
EMAIL_HOST_USER = env.str("EMAIL_HOST_USER", default="")
EMAIL_HOST_PASSWORD = env.str("EMAIL_HOST_PASSWORD", default="")
EMAIL_USE_TLS = env.bool("EMAIL_USE_TLS", default=False)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="billing@localhost")
SUPPORT_EMAIL = env.str("SUPPORT_EMAIL", default=parseaddr(DEFAULT_FROM_EMAIL)[1])  # whom customers ask for credits

# --- Money ----------------------------------------------------------------------------------------------------------
CURRENCY: str = env.str("CURRENCY", default="USD")
# Above this amount a grant needs a second person: one asks, another approves (docs/decisions/0018-four-eyes.md).
GRANT_LIMIT: str = env.str("GRANT_LIMIT", default="100")
# More than this absorbed for an organisation on one local day suspends its calls until finance clears it.
ABSORBED_LIMIT: str = env.str("ABSORBED_LIMIT", default="5")

# --- API ------------------------------------------------------------------------------------------------------------
API_BODY_LIMIT = 64 * 1024
SETTLE_BODY_LIMIT = 1024 * 1024  # a provider's whole answer
DATA_UPLOAD_MAX_MEMORY_SIZE = SETTLE_BODY_LIMIT
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["organisations.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["organisations.authentication.HasApiKey"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "metering.schema.ApiSchema",
    "DEFAULT_METADATA_CLASS": None,  # OPTIONS tells nothing: the OpenAPI document describes the API
    "EXCEPTION_HANDLER": "common.problem_handler.exception_handler",
    "UNAUTHENTICATED_USER": None,
    "COERCE_DECIMAL_TO_STRING": True,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Transparent Billing API",
    "DESCRIPTION": "Authorise before a model call, report progress, settle after it.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.1",  # the structs' schemas are JSON Schema, with "null" as a type
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "POSTPROCESSING_HOOKS": ["metering.schema.add_components"],
}

# --- Pages ----------------------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
FORMAT_MODULE_PATH = ["billing_portal.formats"]
USE_TZ = True
USE_I18N = False
STATIC_URL = "/static/"
STATIC_ROOT: str | None = env.str("STATIC_ROOT", default=None)
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True  # no collectstatic step between a change and seeing it; a proxy may still serve the files
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
if not (DEBUG or DEMO):
    SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)
    SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$"]  # a load balancer asks over plain HTTP
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 31536000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
CSRF_TRUSTED_ORIGINS = [SITE_URL] if SITE_URL.startswith("https://") else []

LOGGING_CONFIG = "common.logs.configure"
LOGGING: dict[str, object] = {"level": env.str("LOG_LEVEL", default="INFO")}
