"""All settings, in one file. What the environment may set is in environment.py."""

from datetime import timedelta
from urllib.parse import urlsplit

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from console.environment import *
from console.processes import home
from console.processes.bind import only_this_machine

SECRET_KEY = CONSOLE_SECRET_KEY or home.secret_key(CONSOLE_HOME)
DATABASES = {"default": DATABASE_URL}

# What DATABASE_URL says after its ? stays.
_OPTIONS = DATABASES["default"].setdefault("OPTIONS", {})
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Each thread keeps its connection: opening the file and reading its schema costs more than a page's queries.
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
    # Enough for the threads of a web process, which are pages and downloads, or for those of the agent; and the rest.
    _CONNECTIONS = max(2 * CONSOLE_WEB_THREADS, CONSOLE_PARALLEL_JOBS) + 8
    _OPTIONS["pool"] = {
        "min_size": 1,
        "max_size": _CONNECTIONS,
        # How long a page waits for a server that is away.
        "timeout": 5,
        # After so many seconds the next who asks tries anew, instead of waiting for a pause that has become long.
        "reconnect_timeout": 1,
    }
    DATABASES["default"]["OPTIONS"] = {
        # A server's machine that is gone without a word is noticed too.
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
# Each is named in its own words, for those who can read it.
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LANGUAGE_COOKIE_NAME = "language"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
FORMAT_MODULE_PATH = "console.text.formats"
# Compiled by `up` out of the apps' own locale/.
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
    "axes",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
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
    "axes.middleware.AxesMiddleware",
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
    # Lists as they are now, for a second.
    "lists": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "lists"},
}

# --- Signing in -----------------------------------------------------------------------------------
SESSION_ENGINE = "console.accounts.sessions"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AXES_FAILURE_LIMIT = CONSOLE_SIGN_IN_ATTEMPTS
AXES_COOLOFF_TIME = timedelta(minutes=CONSOLE_SIGN_IN_LOCK_MINUTES)
# The name and the address together: nobody can lock somebody else out from elsewhere.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
# Trying again while locked out does not make it longer than it was said to be.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_CLIENT_IP_CALLABLE = "console.audit.origin.address_of"
AXES_LOCKOUT_CALLABLE = "console.accounts.views.locked_out"
# The console's own audit has it.
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]

# --- Files ----------------------------------------------------------------------------------------
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o700
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = CONSOLE_HOME / "static"
# The console is the only site that uses them.
WHITENOISE_ALLOW_ALL_ORIGINS = False
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "console.web.static.ModuleStorage"},
    "backups": {
        "BACKEND": "backups.storage.folder.FolderStorage",
        "OPTIONS": {"location": CONSOLE_BACKUPS_DIR, "remembered": CONSOLE_HOME / "storage-id"},
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
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]", *CONSOLE_ALLOWED_HOSTS]

if CONSOLE_URL:
    _url = urlsplit(CONSOLE_URL)
    if _url.scheme not in {"http", "https"} or not _url.hostname:
        raise ImproperlyConfigured("CONSOLE_URL must look like https://console.example.org")
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

# Only where nobody but this machine can reach it. `up` refuses what is missing here.
TEST_HOOKS = CONSOLE_TEST_HOOKS and only_this_machine(CONSOLE_BIND, CONSOLE_URL)
# The function that tells automated backups the time.
BACKUP_CLOCK = "console.testing.hook_state.now" if TEST_HOOKS else "django.utils.timezone.now"

_FIELDS = "%(asctime)s %(levelname)s %(name)s %(message)s"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "text": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"},
        "json": {"()": "pythonjsonlogger.json.JsonFormatter", "fmt": _FIELDS},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": CONSOLE_LOG_FORMAT}},
    "root": {"handlers": ["stderr"], "level": CONSOLE_LOG_LEVEL},
    # What botocore tells at DEBUG has tokens in it.
    "loggers": {"axes": {"level": "WARNING"}, "botocore": {"level": "INFO"}},
}
