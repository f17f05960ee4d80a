"""What the environment has set for this web process, as the Settings page shows it. Secrets are never shown."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from console.environment import SETTINGS, Setting
from console.text.visible import visible

# The user and the password in a URL.
_USERINFO = re.compile(r"(?<=://)[^/@\s]+@")
_CODE = re.compile(r"`([^`]+)`")

# The sections that describe settings, by the beginning of the names; the longest beginning counts.
_TABLE = ("console/README.md", "Settings")
_SECTIONS = {
    "CONSOLE_HOME": ("console/README.md", "The home"),
    "CONSOLE_URL": ("console/README.md", "Reach it from other machines"),
    "CONSOLE_PROXIES": ("console/README.md", "Reach it from other machines"),
    "CONSOLE_SIGN_IN_": ("console/README.md", "Users and roles"),
    "CONSOLE_SECRET_KEY": ("console/README.md", "Many people"),
    "CONSOLE_CREDENTIAL_KEYS": ("console/README.md", "Many people"),
    "DATABASE_URL": ("console/README.md", "PostgreSQL"),
    "CONSOLE_HOST": ("instances/README.md", "Several hosts"),
    "CONSOLE_LEASE_SECONDS": ("instances/README.md", "Several hosts"),
    "CONSOLE_BACKUPS_DIR": ("backups/storage/README.md", "The folder"),
    "CONSOLE_S3_": ("backups/storage/README.md", "Keep archives in S3"),
    "CONSOLE_S3_ADDRESSING_STYLE": _TABLE,
    "CONSOLE_DB_": ("instances/README.md", "Connect from other machines"),
    "CONSOLE_DB_CACHE_MB": ("instances/engines/README.md", "Memory and the oplog"),
    "CONSOLE_DB_OPLOG_ENTRIES": ("instances/engines/README.md", "Memory and the oplog"),
    "CONSOLE_WEB_WORKERS": ("console/README.md", "Many people"),
    "CONSOLE_WEB_THREADS": ("backups/README.md", "Download a backup"),
    "CONSOLE_LOG_": ("console/monitoring/README.md", "Monitoring"),
    "CONSOLE_METRICS_TOKEN": ("console/monitoring/README.md", "Monitoring"),
    "CONSOLE_DRAIN_SECONDS": ("console/README.md", "Upgrade"),
    "CONSOLE_TEST_HOOKS": ("console/testing/README.md", "Test hooks"),
}


@dataclass(frozen=True)
class Row:
    """A setting: its value, or its default if it is not set. `meaning` and `default` are HTML."""

    name: str
    value: str
    is_set: bool
    is_secret: bool
    default: SafeString
    meaning: SafeString
    document: str
    section: str


def rows(settings: Iterable[Setting] = SETTINGS) -> list[Row]:
    return [_row(setting) for setting in settings]


def _row(setting: Setting) -> Row:
    document, section = section_of(setting.name)
    return Row(
        setting.name,
        _USERINFO.sub("…@", visible(setting.given)),
        setting.is_set,
        setting.is_secret,
        _html(_(setting.default) if setting.default else ""),
        _html(_(setting.meaning)),
        document,
        section,
    )


def section_of(name: str) -> tuple[str, str]:
    """Return the document that describes the setting, and the heading of the section."""
    beginnings = [beginning for beginning in _SECTIONS if name.startswith(beginning)]
    return _SECTIONS[max(beginnings, key=len)] if beginnings else _TABLE


def _html(markdown: str) -> SafeString:
    """Return a line of Markdown as HTML: text, and code between backticks."""
    return mark_safe(_CODE.sub(r"<code>\1</code>", str(escape(markdown))))  # noqa: S308  # escaped before
