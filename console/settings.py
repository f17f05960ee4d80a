"""All settings of the console. environment.py reads those that the environment can set."""

from hashlib import sha256
from urllib.parse import urlsplit

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from console.environment import *
from console.processes import home
from console.processes.bind import only_this_machine

home.provide_temporary_directory(CONSOLE_HOME)
SECRET_KEY = CONSOLE_SECRET_KEY or home.secret_key(CONSOLE_HOME)
DATABASES = {"default": DATABASE_URL}

# Keep the options that DATABASE_URL has after its `?`.
_OPTIONS = DATABASES["default"].setdefault("OPTIONS", {})
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Keep one connection per thread: opening the file and reading its schema costs more than a page's queries.
    DATABASES["default"]["CONN_MAX_AGE"] = None
    _OPTIONS |= {
        # BEGIN IMMEDIATE: with Django's default a transaction that reads before it writes fails under
        # concurrency with "database is locked" instead of waiting for its turn.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }
elif DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
    DATABASES["default"]["ENGINE"] = "console.postgresql"
    # Enough for the page and download threads of a web process, or for the job threads of the agent, and some more.
    _CONNECTIONS = max(2 * CONSOLE_WEB_THREADS, CONSOLE_PARALLEL_JOBS) + 8
    _OPTIONS["pool"] = {
        "min_size": 1,
        "max_size": _CONNECTIONS,
        # The seconds that a page waits for an unavailable server.
        "timeout": 5,
        # After this many seconds of failed attempts, let the next request try at once instead of waiting out a long
        # pause.
        "reconnect_timeout": 1,
    }
    DATABASES["default"]["OPTIONS"] = {
        # Also notice a server whose machine has disappeared without closing its connections.
        "connect_timeout": 5,
        "tcp_user_timeout": 15_000,
    } | _OPTIONS

# --- Django ---------------------------------------------------------------------------------------
DEBUG = False
ROOT_URLCONF = "console.urls"
WSGI_APPLICATION = "console.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
# Each language is called by its own name, so that its readers recognize it.
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
FORMAT_MODULE_PATH = "console.text.formats"
# `up` compiles the catalogues of console/locale/ into this directory.
LOCALE_PATHS = [CONSOLE_HOME / "locale"]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "sign-in"

INSTALLED_APPS = [
    "console",
    "instances",
    "backups",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.forms",
    "django_htmx",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "console.web.middleware.MalformedHeaderMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "console.web.middleware.NotStoredMiddleware",
    "csp.middleware.CSPMiddleware",
    "console.web.middleware.CompressTextMiddleware",
    "console.web.middleware.OriginMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "console.web.middleware.TimeZoneMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "console.web.middleware.AddressMiddleware",
    "console.web.middleware.SignInRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

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
                "console.testing.banner.test_hooks",
            ],
        },
    },
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    # Rendered lists, shared for a second.
    "lists": {"BACKEND": "console.lists.cache.MonotonicCache", "LOCATION": "lists"},
}

# --- Signing in -----------------------------------------------------------------------------------
SESSION_ENGINE = "console.accounts.sessions"
AUTHENTICATION_BACKENDS = ["console.accounts.preferences.PreferencesBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]

# --- Files ----------------------------------------------------------------------------------------
# No form takes a file, so files in a request are not stored anywhere.
FILE_UPLOAD_HANDLERS: list[str] = []
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o700
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = CONSOLE_HOME / "static"
# Only the console itself uses its static files.
WHITENOISE_ALLOW_ALL_ORIGINS = False
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "console.web.static.ModuleStorage"},
    "backups": {
        "BACKEND": "backups.storage.folder.FolderStorage",
        "OPTIONS": {
            "location": CONSOLE_BACKUPS_DIR,
            "remembered": CONSOLE_HOME / "storage-id",
            "expected": "backups.placement.newest_archives",
        },
    },
}
if CONSOLE_S3_BUCKET:
    STORAGES["backups"] = {
        "BACKEND": "backups.storage.s3.BucketStorage",
        "OPTIONS": {
            "bucket_name": CONSOLE_S3_BUCKET,
            "location": CONSOLE_S3_PREFIX,
            "endpoint_url": CONSOLE_S3_ENDPOINT_URL or None,
            "region_name": CONSOLE_S3_REGION or None,
            "access_key": CONSOLE_S3_ACCESS_KEY_ID or None,
            "secret_key": CONSOLE_S3_SECRET_ACCESS_KEY or None,
            "addressing_style": CONSOLE_S3_ADDRESSING_STYLE,
            "remembered": CONSOLE_HOME / "bucket-id",
            "expected": "backups.placement.newest_archives",
        },
    }

# --- Security -------------------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "connect-src": [SELF],
        "font-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "console.web.views.csrf_failure"
_HOST_PREFIX = ""
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]", *CONSOLE_ALLOWED_HOSTS]

if CONSOLE_URL:
    _url = urlsplit(CONSOLE_URL)
    if _url.scheme not in {"http", "https"} or not _url.hostname:
        raise ImproperlyConfigured("CONSOLE_URL must look like https://console.example.org")
    if _url.path.strip("/") or _url.query or _url.fragment:
        raise ImproperlyConfigured(
            f"CONSOLE_URL must not have a path, because the console only works at the root of a host: set it to "
            f"{_url.scheme}://{_url.netloc}"
        )
    ALLOWED_HOSTS.append(_url.hostname)
    CSRF_TRUSTED_ORIGINS = [f"{_url.scheme}://{_url.netloc}"]
    if _url.scheme == "https":
        SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
        SECURE_SSL_REDIRECT = True
        SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)$"]
        SECURE_HSTS_SECONDS = 365 * 24 * 3600
        SECURE_HSTS_INCLUDE_SUBDOMAINS = True
        SECURE_HSTS_PRELOAD = True
        SESSION_COOKIE_SECURE = True
        CSRF_COOKIE_SECURE = True
        LANGUAGE_COOKIE_SECURE = True
        # Browsers accept such cookies only over TLS and from this very host.
        _HOST_PREFIX = "__Host-"

# Browsers send cookies to all ports of a host, so other consoles and programs there must not use the same names.
_PREFIX = CONSOLE_COOKIE_PREFIX or f"console-{sha256(b'cookies' + SECRET_KEY.encode()).hexdigest()[:8]}"
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME, LANGUAGE_COOKIE_NAME, TIME_ZONE_COOKIE_NAME, PAGE_SIZE_COOKIE_NAME = (
    f"{_HOST_PREFIX}{_PREFIX}-{name}" for name in ("session", "csrf", "language", "time-zone", "page-size")
)
# Set if the user has put the guided start away.
START_COOKIE_NAME = f"{_HOST_PREFIX}{_PREFIX}-start"
# Django's default has a cookie whose name cannot be set.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# On only if no other machine can reach the console. Otherwise `up` refuses to start.
TEST_HOOKS = CONSOLE_TEST_HOOKS and only_this_machine(CONSOLE_BIND, CONSOLE_URL)
# The clock of automated backups: a function that returns the time.
BACKUP_CLOCK = "console.testing.hook_state.now" if TEST_HOOKS else "django.utils.timezone.now"

_FIELDS = "%(asctime)s %(levelname)s %(name)s %(message)s"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "text": {
            "class": "console.text.visible.VisibleFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s: %(message)s",
        },
        "json": {"()": "pythonjsonlogger.json.JsonFormatter", "fmt": _FIELDS},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": CONSOLE_LOG_FORMAT}},
    "root": {"handlers": ["stderr"], "level": CONSOLE_LOG_LEVEL},
    # The DEBUG messages of botocore contain tokens.
    "loggers": {"botocore": {"level": "INFO"}},
}
