"""Every setting that the environment can set: its name, type, default and meaning.

settings.py takes its values from here, and `manage.py settings` prints the table for console/README.md.
"""

import base64
import binascii
import os
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from django.core.exceptions import ImproperlyConfigured
from environs import Env, EnvError, validate

from console.processes.bind import is_loopback
from console.text.visible import invisible, visible

T = TypeVar("T")

env = Env()
BASE_DIR = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Setting:
    """One row of the table: `default` as shown to people, `meaning` in Markdown.

    `given` is what the environment has, "" for a secret.
    """

    name: str
    default: str
    meaning: str
    is_secret: bool
    is_set: bool
    given: str


SETTINGS: list[Setting] = []


def _(text: str) -> str:
    """Mark the text for translation, which the Settings page does. Django's own function would load the settings."""
    return text


def _read(name: str, read: Callable[[], T], shown: object, meaning: str, *, secret: bool = False) -> T:
    given = os.environ.get(name, "")
    SETTINGS.append(Setting(name, str(shown), meaning, secret, bool(given), "" if secret else given))
    try:
        return read()
    except EnvError as error:
        raise ImproperlyConfigured(str(error)) from None


def text(
    name: str, default: str, meaning: str, *, shown: str = "", form: str = "", looks: str = "", secret: bool = False
) -> str:
    """Read a text. All of it must match the regular expression `form`; the error message shows the example `looks`."""
    matches = validate.Regexp(rf"({form})\Z", error=f"It must look like {looks}.") if form else None
    value = _read(name, lambda: env.str(name, default, validate=matches), shown or default, meaning, secret=secret)
    if found := invisible(value):
        raise ImproperlyConfigured(f"{name} has invisible characters: {' '.join(map(visible, found))}")
    return value


def number(name: str, default: int, meaning: str, *, least: int = 0) -> int:
    return _read(name, lambda: env.int(name, default, validate=validate.Range(min=least)), default, meaning)


def seconds(name: str, default: float, meaning: str, *, least: float = 0.0) -> float:
    return _read(name, lambda: env.float(name, default, validate=validate.Range(min=least)), f"{default:g}", meaning)


def choice(name: str, default: str, of: tuple[str, ...], meaning: str) -> str:
    return _read(name, lambda: env.str(name, default, validate=validate.OneOf(of)), default, meaning)


def switch(name: str, meaning: str) -> bool:
    """Read a switch, which is off unless it is set to 1."""
    return _read(name, lambda: env.bool(name, False), "0", meaning)


def words(name: str, meaning: str, *, shown: str = "", secret: bool = False) -> list[str]:
    return _read(name, lambda: env.list(name, []), shown, meaning, secret=secret)


def folder(name: str, default: Path, meaning: str, *, shown: str) -> Path:
    """Read a path. Raises ImproperlyConfigured if it has characters that rows, logs or WiredTiger cannot take."""
    try:
        found = _read(name, lambda: Path(env.str(name, str(default))).expanduser().resolve(), shown, meaning)
    except (OSError, RuntimeError) as error:
        # A user after `~` that does not exist, or a loop of symbolic links.
        raise ImproperlyConfigured(f"{name} is not a path that can be used: {error}") from None
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in str(found)):
        raise ImproperlyConfigured(
            f"{name} has a line break, another control character or bytes that are not UTF-8: {str(found)!a}. "
            "Choose another directory."
        )
    return found


def database(name: str, default: Path, meaning: str, *, shown: str) -> Any:
    """Read a database URL and return it as an entry of Django's DATABASES: `default` is the file of an SQLite."""
    # A path is no URL: `#`, `?` and `%` mean something else there.
    file = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(default)}
    # The URL may have a password.
    return _read(name, lambda: env.dj_db_url(name) if env.str(name, "") else file, shown, meaning, secret=True)


CONSOLE_HOME = folder("CONSOLE_HOME", BASE_DIR / "var", _("the home: the directory of all state"), shown="`var/`")
CONSOLE_BIND = text("CONSOLE_BIND", "127.0.0.1", _("the address the web server listens on"))
CONSOLE_PORT = number("CONSOLE_PORT", 8000, _("the port the web server listens on"), least=1)
CONSOLE_URL = text(
    "CONSOLE_URL",
    "",
    _("the address people use; `https://` turns on every TLS setting (behind a proxy that sets `X-Forwarded-Proto`)"),
)
CONSOLE_ALLOWED_HOSTS = words("CONSOLE_ALLOWED_HOSTS", _("further host names, separated by commas"))
CONSOLE_PROXIES = number(
    "CONSOLE_PROXIES",
    0,
    _("how many proxies in front append to `X-Forwarded-For`; 0: the header is ignored"),
)
CONSOLE_SIGN_IN_ATTEMPTS = number(
    "CONSOLE_SIGN_IN_ATTEMPTS", 5, _("failed sign-ins before a name is locked for the address they came from"), least=1
)
CONSOLE_SIGN_IN_ATTEMPTS_PER_ADDRESS = number(
    "CONSOLE_SIGN_IN_ATTEMPTS_PER_ADDRESS",
    50,
    _("failed sign-ins with any names before the address is locked for all names"),
    least=1,
)
CONSOLE_SIGN_IN_LOCK_MINUTES = number(
    "CONSOLE_SIGN_IN_LOCK_MINUTES", 15, _("how long failed sign-ins count, and how long a lock lasts"), least=1
)
CONSOLE_ADMIN_USER = text("CONSOLE_ADMIN_USER", "admin", _("the administrator that the first start creates"))
CONSOLE_ADMIN_PASSWORD = text(
    "CONSOLE_ADMIN_PASSWORD", "", _("the administrator's password"), shown=_("generated"), secret=True
)
CONSOLE_SECRET_KEY = text(
    "CONSOLE_SECRET_KEY",
    "",
    _("the key that signs sessions; all web processes of one console need the same"),
    shown=_("generated into the home"),
    secret=True,
)
CONSOLE_COOKIE_PREFIX = text(
    "CONSOLE_COOKIE_PREFIX",
    "",
    _(
        "how the names of the cookies begin (after `__Host-` if `CONSOLE_URL` is https); the same for all web "
        "processes of one console, another for each console on the same host"
    ),
    shown=_("`console-` and a hash of the secret key"),
    form=r"[A-Za-z][A-Za-z0-9_-]{0,40}|",
    looks="orders-console",
)
CONSOLE_CREDENTIAL_KEYS = words(
    "CONSOLE_CREDENTIAL_KEYS",
    _(
        "the keys that encrypt passwords between web and agents, separated by commas: the first encrypts, all "
        "decrypt; all processes of a console with several homes need the same"
    ),
    shown=_("generated into the home"),
    secret=True,
)
for _key in CONSOLE_CREDENTIAL_KEYS:
    try:
        _length = len(base64.urlsafe_b64decode(_key))
    except (binascii.Error, ValueError):
        _length = 0
    if _length != 32:
        # Do not show the key, because the message goes to the logs.
        raise ImproperlyConfigured(
            "CONSOLE_CREDENTIAL_KEYS has a key that is not 32 bytes in URL-safe base64. Make one with: "
            "python -c 'import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())'"
        )
DATABASE_URL = database(
    "DATABASE_URL",
    CONSOLE_HOME / "console.sqlite3",
    _("the console database, such as `postgresql://user:password@host/console`"),
    shown=_("SQLite in the home"),
)
CONSOLE_HOST = text("CONSOLE_HOST", "local", _("the name of this machine among the agents"))
CONSOLE_BACKUPS_DIR = folder(
    "CONSOLE_BACKUPS_DIR", CONSOLE_HOME / "backups", _("the folder of the archives"), shown=_("`backups/` in the home")
)
CONSOLE_S3_BUCKET = text(
    "CONSOLE_S3_BUCKET",
    "",
    _("the bucket of the archives; they are then in S3 instead of the folder"),
    form=r"[A-Za-z0-9._-]{1,255}|",
    looks="my-backups",
)
CONSOLE_S3_PREFIX = text(
    "CONSOLE_S3_PREFIX",
    "",
    _("the prefix of the archives' keys in the bucket, such as `console/`"),
    form=r"[\w-][\w.-]*(/[\w-][\w.-]*)*/?|",
    looks="console/ or backups/console/",
)
CONSOLE_S3_ENDPOINT_URL = text(
    "CONSOLE_S3_ENDPOINT_URL",
    "",
    _("the address of a store other than AWS, reachable by the console and by people's browsers"),
    form=r"https?://[^\s/?#]+[^\s?#]*|",
    looks="https://s3.example.org",
)
CONSOLE_S3_REGION = text("CONSOLE_S3_REGION", "", _("the region of the bucket"), shown=_("as boto3 finds it"))
CONSOLE_S3_ACCESS_KEY_ID = text(
    "CONSOLE_S3_ACCESS_KEY_ID", "", _("the access key"), shown=_("as boto3 finds it"), secret=True
)
CONSOLE_S3_SECRET_ACCESS_KEY = text(
    "CONSOLE_S3_SECRET_ACCESS_KEY", "", _("the secret of the access key"), shown=_("as boto3 finds it"), secret=True
)
CONSOLE_S3_ADDRESSING_STYLE = choice(
    "CONSOLE_S3_ADDRESSING_STYLE",
    "auto",
    ("auto", "path", "virtual"),
    _("where addresses name the bucket: `path`, `virtual` (in the host's name), or `auto`"),
)
if bool(CONSOLE_S3_ACCESS_KEY_ID) != bool(CONSOLE_S3_SECRET_ACCESS_KEY):
    raise ImproperlyConfigured("Set CONSOLE_S3_ACCESS_KEY_ID and CONSOLE_S3_SECRET_ACCESS_KEY, or neither of them.")
if not CONSOLE_S3_BUCKET and (CONSOLE_S3_PREFIX or CONSOLE_S3_ENDPOINT_URL or CONSOLE_S3_ACCESS_KEY_ID):
    raise ImproperlyConfigured("CONSOLE_S3_BUCKET is missing: without it archives go to the folder, not to S3.")
CONSOLE_FIRST_DB_PORT = number(
    "CONSOLE_FIRST_DB_PORT", 8635, _("each instance gets the first free port from this one up"), least=1
)
CONSOLE_DB_BIND = text(
    "CONSOLE_DB_BIND",
    "127.0.0.1",
    _("the address instances listen on; any address but loopback requires a certificate"),
)
CONSOLE_DB_TLS_CERTIFICATE = text(
    "CONSOLE_DB_TLS_CERTIFICATE",
    "",
    _("the file with the instances' certificate and its chain; with it they speak TLS"),
)
CONSOLE_DB_TLS_KEY = text("CONSOLE_DB_TLS_KEY", "", _("the file with the certificate's key"))
if bool(CONSOLE_DB_TLS_CERTIFICATE) != bool(CONSOLE_DB_TLS_KEY):
    raise ImproperlyConfigured("Set CONSOLE_DB_TLS_CERTIFICATE and CONSOLE_DB_TLS_KEY, or neither of them.")
if not is_loopback(CONSOLE_DB_BIND) and not CONSOLE_DB_TLS_CERTIFICATE:
    raise ImproperlyConfigured(
        f"CONSOLE_DB_BIND={CONSOLE_DB_BIND} lets other machines connect to instances, which takes TLS: "
        "set CONSOLE_DB_TLS_CERTIFICATE and CONSOLE_DB_TLS_KEY, or let instances listen on 127.0.0.1."
    )
CONSOLE_DB_TLS_CA = text(
    "CONSOLE_DB_TLS_CA",
    "",
    _("the file with the authorities by which the agent checks the certificate"),
    shown=_("the system's authorities"),
)
CONSOLE_DB_CACHE_MB = number(
    "CONSOLE_DB_CACHE_MB", 256, _("the most megabytes of its data that one instance keeps in memory"), least=64
)
CONSOLE_DB_OPLOG_ENTRIES = number(
    "CONSOLE_DB_OPLOG_ENTRIES",
    10_000,
    _("how many writes the oplog of a replica set keeps for change streams; every backup contains it"),
    least=100,
)
CONSOLE_DEMO_PASSWORD = text(
    "CONSOLE_DEMO_PASSWORD", "", _("the password of `rwuser` on the demo instances"), shown=_("generated"), secret=True
)
CONSOLE_PARALLEL_JOBS = number("CONSOLE_PARALLEL_JOBS", 4, _("how many jobs the agent runs at the same time"), least=1)
CONSOLE_BACKUP_BYTES_PER_SECOND = number(
    "CONSOLE_BACKUP_BYTES_PER_SECOND",
    0,
    _("the most bytes a second that one backup reads from its instance; 0: no limit"),
)
CONSOLE_WEB_WORKERS = number("CONSOLE_WEB_WORKERS", 1, _("processes of the web server"), least=1)
CONSOLE_WEB_THREADS = number(
    "CONSOLE_WEB_THREADS",
    8,
    _("requests that each process answers at the same time, and as many downloads in addition"),
    least=1,
)
CONSOLE_LEASE_SECONDS = seconds(
    "CONSOLE_LEASE_SECONDS",
    60,
    _("the length of a job's lease: how long after its agent's last renewal a job ends as Failed"),
    least=1,
)
CONSOLE_UNPROTECTED_HOURS = number(
    "CONSOLE_UNPROTECTED_HOURS",
    26,
    "hours without a Complete backup after which a notification about an instance is sent; 0: never",
)
CONSOLE_LOG_LEVEL = text(
    "CONSOLE_LOG_LEVEL", "INFO", _("the least severe messages that are logged: `DEBUG`, `INFO`, `WARNING` or `ERROR`")
)
CONSOLE_LOG_FORMAT = choice(
    "CONSOLE_LOG_FORMAT",
    "text",
    ("text", "json"),
    _("the format of the log: `text`, or `json` for one JSON object a line"),
)
CONSOLE_METRICS_TOKEN = text(
    "CONSOLE_METRICS_TOKEN",
    "",
    _("the token that callers of `/metrics` must send; empty: there is no `/metrics`"),
    secret=True,
)
CONSOLE_DRAIN_SECONDS = seconds(
    "CONSOLE_DRAIN_SECONDS", 0, _("how long a stopping agent waits for its running jobs before it ends them")
)
CONSOLE_TEST_HOOKS = switch(
    "CONSOLE_TEST_HOOKS",
    _(
        "1: a console for tests, without valuable data: tests may slow it down, make it fail and empty it; only on a "
        "loopback address"
    ),
)
