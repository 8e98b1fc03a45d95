"""All settings. Values come from the environment through typed readers; production is the default.

Without `DATABASE_URL` and `BROKER_URL` the embedded servers of the data folder are used.
"""

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import django_stubs_ext
import structlog
from celery.schedules import crontab
from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from orchestrator.embedded.folders import socket_folder
from orchestrator.embedded.secrets import kept_secrets
from orchestrator.environment import (
    BadEnvironment,
    broker_address,
    cache_beside,
    cache_settings,
    environment,
    postgres_settings,
)
from orchestrator.logs import Extras

# jsonschema would build the grammar of IRIs as it is imported, where a package for tests brings one: 1 s and 15 MB for
# each process, and for nothing, as `agents.formats` has formats of its own.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

django_stubs_ext.monkeypatch()  # `ModelAdmin[Case]` and the like, said to mypy, must not fail at run time

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = environment.folder("WORK_COMMAND_DATA", BASE_DIR / ".data")
SOCKET_DIR = socket_folder(DATA_DIR)

DEBUG = environment.flag("DEBUG", False)
# The demo runs on http and this machine only: no redirect to https, no cookies that need it.
DEMO = environment.flag("WORK_COMMAND_DEMO", False)

# ------------------------------------------------------------------ servers

_database_url = environment.text("DATABASE_URL")
_broker_url = environment.text("BROKER_URL")
DATABASE_IS_EMBEDDED = not _database_url
BROKER_IS_EMBEDDED = not _broker_url
_EMBEDDED_DATABASE = f"postgresql://{{role}}@/work_command?host={SOCKET_DIR}"

_database = postgres_settings("DATABASE_URL", _database_url or _EMBEDDED_DATABASE.format(role="work_app"))
DATABASE_ROLE = str(_database["USER"])
_owner_url = environment.text("DATABASE_OWNER_URL")
if DATABASE_IS_EMBEDDED:
    _owner_url = _EMBEDDED_DATABASE.format(role="work_owner")
# Who migrates. None: the role of DATABASE_URL does, and only triggers keep the ledger.
DATABASE_OWNER = postgres_settings("DATABASE_OWNER_URL", _owner_url) if _owner_url else None
# Django's pool serves threads and ASGI; 0 switches it off (one connection a thread, kept).
DATABASE_POOL = environment.whole("DATABASE_POOL", 10, least=0, most=200)
# A process that stops in the middle of a transaction (frozen, or cut off from the network) gives its locks back.
_LIMITS = "-c idle_in_transaction_session_timeout=60s"
# Both ends notice within half a minute that the other's machine is gone; as they come, systems wait for two hours.
_ALIVE = {
    "tcp_keepalives_idle": 10,
    "tcp_keepalives_interval": 5,
    "tcp_keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
_PLANS = "-c plan_cache_mode=force_generic_plan"  # kept statements (cases/rows.py) all go by a key: planned once
_options: dict[str, Any] = {
    "connect_timeout": 3,
    "application_name": "work-command",
    "prepare_threshold": 1,  # for statements that are bound by the server (cases/rows.py); the ORM binds its own
    "options": " ".join([_LIMITS, _PLANS, *(f"-c {name}={value}" for name, value in _ALIVE.items())]),
    **{name.replace("tcp_keep", "keep"): value for name, value in _ALIVE.items()},
    **_database["OPTIONS"],
}
if DATABASE_POOL:
    _options["pool"] = {"min_size": 0, "max_size": DATABASE_POOL, "timeout": 5, "max_idle": 120}
DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        **_database,
        "OPTIONS": _options,
        "CONN_MAX_AGE": 0 if DATABASE_POOL else 300,
        "CONN_HEALTH_CHECKS": True,
    }
}
# Rows that are only ever added. The role that runs the product gets SELECT and INSERT on them, nothing else.
LEDGER_TABLES = ("cases_event", "cases_eventdetail", "cases_anchor")
# Rows of what happened are never deleted, and of a decision only its undoing is ever written.
RECORD_TABLES = (
    "cases_case", "cases_message", "agents_run", "agents_proposal", "agents_write", "approvals_approval",
    "approvals_asked", "approvals_draft",
)  # fmt: skip
DECISION_TABLE = "approvals_decision"

BROKER_URL = broker_address("BROKER_URL", _broker_url or f"redis+socket://{SOCKET_DIR}/valkey.sock")
CACHES: dict[str, dict[str, Any]] = {
    "default": cache_settings("CACHE_URL", environment.text("CACHE_URL", cache_beside(BROKER_URL)))
}

# ------------------------------------------------------------------ secrets

_kept = (
    kept_secrets(DATA_DIR)
    if (DATABASE_IS_EMBEDDED or environment.text("WORK_COMMAND_DATA"))
    and not all(environment.text(name) for name in ("SECRET_KEY", "FIELD_KEYS", "LEDGER_KEY"))
    else {}
)


def _secret(name: str) -> str:
    value = environment.text(name) or _kept.get(name, "")
    if not value:
        raise BadEnvironment(
            f"{name} is not set. Set it to the same value for every process, "
            "or set WORK_COMMAND_DATA to a folder in which secrets may be made and kept."
        )
    return value


SECRET_KEY = _secret("SECRET_KEY")
SECRET_KEY_FALLBACKS = environment.names("SECRET_KEY_FALLBACKS")
FIELD_KEYS = [part.strip() for part in _secret("FIELD_KEYS").split(",")]  # Fernet keys, the newest first
LEDGER_KEY = _secret("LEDGER_KEY")  # signs the daily anchor; never stored in the database; newest first
# Anchors are kept outside the database too: in this file, and by mail to these addresses.
LEDGER_ANCHOR_FILE = environment.text("LEDGER_ANCHOR_FILE", str(DATA_DIR / "anchors.jsonl"))
LEDGER_ANCHOR_MAIL = environment.names("LEDGER_ANCHOR_MAIL")

# ------------------------------------------------------------------ web

ALLOWED_HOSTS = environment.names("ALLOWED_HOSTS") or ["localhost", "127.0.0.1", "[::1]"]
CSRF_TRUSTED_ORIGINS = environment.names("CSRF_TRUSTED_ORIGINS")
PUBLIC_URL = environment.address("PUBLIC_URL", "http://127.0.0.1:8000")
ROOT_URLCONF = "orchestrator.urls"
WSGI_APPLICATION = "orchestrator.wsgi.application"
ASGI_APPLICATION = "orchestrator.asgi.application"

INSTALLED_APPS = [
    "orchestrator.embedded",
    "orchestrator.demo",
    "orchestrator.desk",
    "orchestrator.flow",
    "orchestrator.workmap",
    "orchestrator.reports",
    "orchestrator.api",
    "orchestrator.notices",
    "approvals",
    "agents",
    "cases",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.forms",
    "guardian",
    "simple_history",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "csp",
    "django_structlog",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "orchestrator.health.liveness",
    "csp.middleware.CSPMiddleware",
    "orchestrator.headers.private_pages",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "orchestrator.texts.storable",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "orchestrator.logs.Requests",
    "orchestrator.desk.language.of_person",
    "orchestrator.desk.back_again.with_entries",
    "orchestrator.desk.answers.RefusalPages",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "orchestrator.desk.context_processors.shell",
            ],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

_https = not (DEBUG or DEMO)
SECURE_SSL_REDIRECT = environment.flag("SECURE_SSL_REDIRECT", _https)
SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$", r"^metrics$"]
if environment.flag("BEHIND_PROXY", False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    # Limits of sign-in count by address: without this everybody behind the proxy would be one.
    ALLAUTH_TRUSTED_PROXY_COUNT = 1
SECURE_HSTS_SECONDS = 31_536_000 if _https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = _https
SECURE_HSTS_PRELOAD = _https
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _https
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_NAME = "__Host-session" if _https else "work_command_session"
CSRF_COOKIE_NAME = "__Host-csrf" if _https else "work_command_csrf"
LANGUAGE_COOKIE_SECURE = _https
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = int(timedelta(days=14).total_seconds())
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "object-src": [NONE],
        "frame-ancestors": [NONE],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_500_000  # bytes of a body outside files; more is a 413
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1_000
DATA_UPLOAD_MAX_NUMBER_FILES = 20

STATIC_URL = "/static/"
STATIC_ROOT = environment.folder("STATIC_ROOT", DATA_DIR / "static")
STATICFILES_DIRS = [BASE_DIR / "static"] if (BASE_DIR / "static").is_dir() else []
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
        if DEMO  # compressing takes longer than the demo's whole start
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# ------------------------------------------------------------------ people

AUTH_USER_MODEL = "auth.User"
AUTHENTICATION_BACKENDS = [
    "orchestrator.accounts.Password",
    "guardian.backends.ObjectPermissionBackend",
]
ANONYMOUS_USER_NAME = None  # guardian: nobody has rights without signing in
GUARDIAN_MONKEY_PATCH_USER = False
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = True
ACCOUNT_REAUTHENTICATION_METHODS = ("password", "mfa")  # and the provider, see orchestrator/accounts.py
ACCOUNT_FORMS = {"reset_password": "orchestrator.sign_in_forms.LostPassword"}
ACCOUNT_ADAPTER = "orchestrator.accounts.ClosedAccountAdapter"
SOCIALACCOUNT_ADAPTER = "orchestrator.accounts.ClosedSocialAccountAdapter"
OIDC_URL = environment.address("OIDC_URL")  # the company's own identity provider, for people who have an account here
OIDC_GROUPS_CLAIM = environment.text("OIDC_GROUPS_CLAIM", "groups")
OIDC_GROUPS = environment.pairs("OIDC_GROUPS")  # the provider's group, our team
SOCIALACCOUNT_PROVIDERS: dict[str, dict[str, Any]] = {
    "openid_connect": {
        "OAUTH_PKCE_ENABLED": True,
        "AUTH_PARAMS": {"max_age": 31_536_000},  # seconds; whoever is asked for any says when it asked the person
        "SCOPE": environment.text("OIDC_SCOPES", "openid profile email").split(),
        "APPS": [
            {
                "provider_id": "company",
                "name": environment.text("OIDC_NAME", "Company account"),
                "client_id": environment.needed("OIDC_CLIENT_ID", by="OIDC_URL"),
                "secret": environment.text("OIDC_CLIENT_SECRET"),
                "settings": {"server_url": OIDC_URL},
            }
        ]
        if OIDC_URL
        else [],
    }
}
SOCIALACCOUNT_LOGIN_ON_GET = True  # a link: the policy of our pages lets no form lead to another site
MFA_FORMS = {
    f"{one.lower()}_webauthn": f"orchestrator.sign_in_forms.{one}"
    for one in ("Add", "Login", "Authenticate", "Reauthenticate")
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not _https  # passkeys on localhost, in the demo
MFA_ADAPTER = "orchestrator.accounts.SealedMFAAdapter"
METRICS_TOKEN = environment.text("METRICS_TOKEN")  # who may read /metrics; without one nobody may
EMAIL_HOST = environment.text("EMAIL_HOST", "localhost")
EMAIL_PORT = environment.whole("EMAIL_PORT", 25, least=1, most=65_535)
EMAIL_HOST_USER = environment.text("EMAIL_USER")
EMAIL_HOST_PASSWORD = environment.text("EMAIL_PASSWORD")
EMAIL_USE_TLS = environment.flag("EMAIL_TLS", False)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = environment.text("EMAIL_FROM", "work-command@localhost")
if not environment.text("EMAIL_HOST"):
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"  # a password can be reset on one machine as well
    EMAIL_FILE_PATH = DATA_DIR / "mail"

# ------------------------------------------------------------------ language and time

LANGUAGE_CODE = "en"
FORMAT_MODULE_PATH = ["orchestrator.formats"]
LANGUAGES = [("en", _("English")), ("zh-hant", _("Traditional Chinese"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "Asia/Hong_Kong"
USE_THOUSAND_SEPARATOR = True
# Fixes the clock of facts and formulas in demo and tests; refused in production (orchestrator/checks.py).
FIXED_NOW = environment.text("FIXED_NOW")

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SIMPLE_HISTORY_HISTORY_CHANGE_REASON_USE_TEXT_FIELD = True

# ------------------------------------------------------------------ API

REST_FRAMEWORK = {
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": [],
    "DEFAULT_AUTHENTICATION_CLASSES": ["orchestrator.api.auth.BearerToken"],
    "EXCEPTION_HANDLER": "orchestrator.api.answers.answer_to",
}
API_INTAKE_PER_MINUTE = environment.whole("API_INTAKE_PER_MINUTE", 600, least=1, most=1_000_000)  # of one token
API_EXPORTS_PER_MINUTE = environment.whole("API_EXPORTS_PER_MINUTE", 60, least=1, most=1_000_000)
SPECTACULAR_SETTINGS = {
    "TITLE": "Work Command",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "POSTPROCESSING_HOOKS": ["orchestrator.api.openapi.complete"],
}

# ------------------------------------------------------------------ tasks

CELERY_BROKER_URL = BROKER_URL
CELERY_BROKER_CONNECTION_TIMEOUT = 2
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # a worker waits for its broker as long as it takes
# A broker that is there and does not answer, or whose machine is gone, holds nobody up for longer than seconds.
CELERY_BROKER_TRANSPORT_OPTIONS = (
    {
        "socket_connect_timeout": 2,
        "socket_timeout": 3,
        "socket_keepalive": not BROKER_URL.startswith("redis+socket"),
        "health_check_interval": 10,
        "visibility_timeout": 3_600,
    }
    if BROKER_URL.startswith("redis")
    else {}
)
CELERY_BROKER_HEARTBEAT = 20  # seconds, RabbitMQ
# A doorbell that cannot be rung at once is dropped: the sweeper finds the row.
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_TASK_DEFAULT_QUEUE = "flow"
CELERY_TASK_QUEUE_NAMES = ("flow", "agents", "writes", "notices")
CELERY_TASK_CREATE_MISSING_QUEUES = True
CELERY_TASK_ROUTES = {
    # `advance` is sent to flow, agents or writes by whoever rings (cases/doorbell.py)
    "orchestrator.retrain": {"queue": "agents"},
    "orchestrator.try_rules": {"queue": "agents"},
    "orchestrator.anchor": {"queue": "notices"},
    "orchestrator.tell": {"queue": "notices"},
    "orchestrator.*": {"queue": "flow"},
}
CELERY_TIMEZONE = TIME_ZONE
CELERY_BEAT_SCHEDULE = {
    # A sweep that waited longer than the next one is of no use.
    "sweep": {"task": "orchestrator.sweep", "schedule": 2.0, "options": {"expires": 10}},
    "leavers": {"task": "orchestrator.leavers", "schedule": 30.0, "options": {"expires": 60}},
    "cover": {"task": "orchestrator.cover", "schedule": 15.0, "options": {"expires": 30}},
    "retrain": {"task": "orchestrator.retrain", "schedule": 300.0, "options": {"expires": 290}},
    "tell": {"task": "orchestrator.tell", "schedule": 60.0, "options": {"expires": 55}},
    "try-rules": {"task": "orchestrator.try_rules", "schedule": 5.0, "options": {"expires": 5}},
    "start-changes": {"task": "orchestrator.start_changes", "schedule": 2.0, "options": {"expires": 10}},
    "roll-up": {"task": "orchestrator.roll_up", "schedule": 600.0, "options": {"expires": 590}},
    "anchor": {"task": "orchestrator.anchor", "schedule": crontab(hour="3", minute="10")},
    "forget-keys": {
        "task": "orchestrator.forget_keys",
        "schedule": crontab(minute="25"),
        "options": {"expires": 3_000},
    },
}
CELERY_BEAT_SCHEDULER = "celery.beat:Scheduler"  # static and in memory: nothing on the disk that a kill could spoil
CELERY_BEAT_MAX_LOOP_INTERVAL = 2

# ------------------------------------------------------------------ logs

LOG_LEVEL = environment.one_of("LOG_LEVEL", "INFO", {"DEBUG", "INFO", "WARNING", "ERROR"})
LOG_FORMAT = environment.one_of("LOG_FORMAT", "text" if DEBUG or DEMO else "json", {"json", "text"})
_shared_processors = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    Extras(),
]
# Local variables stay out of traces: they hold people's data and keys.
_plain_traces = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.ExceptionRenderer(_plain_traces),
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
            "foreign_pre_chain": _shared_processors,
        },
        "text": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
            ],
            "foreign_pre_chain": _shared_processors,
        },
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "django.server": {"handlers": [], "level": "INFO", "propagate": True},
        "celery.app.trace": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},  # a line every two seconds says nothing
        "celery.worker.strategy": {"level": "WARNING"},
        "django_structlog.celery": {"level": "WARNING"},
        # Clients tell at lower levels what they send, and so the credentials of systems.
        **{name: {"level": "WARNING"} for name in ("httpx", "httpcore", "hpack", "urllib3", "openai", "anthropic")},
        "kombu": {"level": "WARNING"},
    },
}
DJANGO_STRUCTLOG_CELERY_ENABLED = True
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.filter_by_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.StackInfoRenderer(),
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
