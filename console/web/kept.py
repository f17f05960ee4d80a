"""A form that was submitted after its session had ended: what was typed survives the sign-in, without any script.

The sign-in page carries it in a hidden field. After the sign-in, a page with one button posts it to its address again,
marked so that the form shows it and does nothing. Nothing is stored.
"""

import json
from dataclasses import dataclass
from typing import Self, cast

from django.http import HttpRequest, QueryDict
from django.utils.http import url_has_allowed_host_and_scheme

from console.text.uris import address_without_password, without_password

# The field that marks a form that is only shown again.
SHOWN_AGAIN = "shown-again"
# The console sends no password back to the browser, nor the URL of a channel, which may be secret anywhere; the token
# belongs to the session that has ended.
_LEFT_OUT = ("password", "confirmation", "generated", "certificate", "url", "csrfmiddlewaretoken", SHOWN_AGAIN)
_MOST_CHARACTERS = 20_000


@dataclass(frozen=True)
class Kept:
    path: str
    values: list[tuple[str, str]]

    @classmethod
    def of(cls, request: HttpRequest) -> Self | None:
        """Return what the request has submitted to a form; None if that is nothing, or too much to send back."""
        view = request.resolver_match and request.resolver_match.func
        if request.method != "POST" or not getattr(view, "shows_form", False):
            return None
        sent = [(name, value) for name, values in request.POST.lists() for value in values]
        if sum(len(name) + len(value) for name, value in sent) > _MOST_CHARACTERS:
            return None
        values = [
            (name, _without_secrets(name, value)) for name, value in sent if not any(part in name for part in _LEFT_OUT)
        ]
        kept = cls(request.get_full_path(), values)
        return kept if values and len(str(kept)) <= _MOST_CHARACTERS else None

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return what the sign-in page carried; None if it is unreadable or leads to another host."""
        try:
            path, values = json.loads(text)
            kept = cls(str(path), [(str(name), str(value)) for name, value in values])
        except (ValueError, TypeError):
            return None
        return kept if url_has_allowed_host_and_scheme(kept.path, allowed_hosts=None) else None

    def __str__(self) -> str:
        return json.dumps([self.path, self.values])


def _without_secrets(name: str, value: str) -> str:
    """Return what was typed into the field without what may be a secret in it, also if it is the wrong field."""
    if name == "opened_with":
        # The console made it, without secrets, and compares it.
        return value
    if name == "address":
        return address_without_password(value)
    if name == "user" and "://" not in value:
        # A password may have been pasted with the user.
        return value.partition(":")[0]
    return "" if "PRIVATE KEY-----" in value else without_password(value)


def only_show(request: HttpRequest) -> None:
    """Make a form that is shown again a GET, so that no view acts on it; shown_again() returns its data."""
    if request.method == "POST" and SHOWN_AGAIN in request.POST:
        request.method = "GET"
        request.__dict__["shown_again"] = request.POST


def shown_again(request: HttpRequest) -> QueryDict | None:
    return cast(QueryDict | None, request.__dict__.get("shown_again"))


def is_same_origin(request: HttpRequest) -> bool:
    """Return whether the browser says that a page of this console sent the request."""
    return request.headers.get("Origin") == f"{request.scheme}://{request.get_host()}"
