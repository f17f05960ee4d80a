"""Characters that nobody sees: people may not type them, and pages, exports and logs show them as escapes."""

import logging
import re
from typing import Any

# Control characters, line and paragraph separators, surrogates, and Unicode's format characters, among them those that
# reverse the direction of text. Joiners, which emoji and several scripts need, and the few format characters with a
# shape of their own are left out.
INVISIBLE = re.compile(
    "[\0-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e007f]"
)


def invisible(text: str) -> list[str]:
    """Return each invisible character of the text once, in order of appearance."""
    return list(dict.fromkeys(INVISIBLE.findall(text)))


def visible(text: str) -> str:
    r"""Return the text with an escape such as \t or \u202e in place of each invisible character."""
    return INVISIBLE.sub(_escape, text) if INVISIBLE.search(text) else text


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


class VisibleFormatter(logging.Formatter):
    """A log formatter that keeps foreign text within its line. Tracebacks keep their own lines."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        return visible(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
        return "\n".join(map(visible, super().formatException(ei).split("\n")))
