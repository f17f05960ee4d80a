"""How every page answers htmx: one view and one context for the page and for its fragment."""

import hashlib
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.core.cache import caches
from django.http import HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from console.accounts import roles
from console.lists.page_size import SHOWN, page_size, remember_size
from console.web.request import Request

Response = TypeVar("Response", bound=HttpResponseBase)

_VARY = ("HX-Request", "HX-Boosted", "HX-History-Restore-Request")


def wants_fragment(request: Request) -> bool:
    """True if htmx will swap the answer into the page that is already there."""
    return bool(request.htmx) and not request.htmx.boosted and not request.htmx.history_restore_request


def current_path(request: Request) -> str:
    """The path and query of the page the user is looking at, which an htmx request names in a header."""
    return request.htmx.current_url_abs_path or request.get_full_path()


def render_page(
    request: Request,
    page: str,
    fragment: str,
    context: Mapping[str, Any],
    *,
    status: int = 200,
) -> HttpResponse:
    """Render the whole page, or only its fragment if the request is htmx's."""
    template = fragment if wants_fragment(request) else page
    response = render(request, template, dict(context), status=status)
    patch_vary_headers(response, _VARY)
    return response


# What a list's refresh says in the query string, besides the list's own address: the version that the browser has,
# when that was read (milliseconds), and how many rows its page has, whatever has been chosen in another tab since.
REFRESH = ("version", "as_of", SHOWN)
# For so long a refresh is answered with what somebody else's has found.
SHARED_SECONDS = 1
# Stands for them while the fragment is rendered; unguessable, so no user's text is mistaken for it.
_STAMP = f"stamp-{secrets.token_hex(16)}"


@dataclass(frozen=True)
class _Fragment:
    """A list's markup, the hash of it, and when its rows were read (milliseconds)."""

    html: SafeString
    version: str
    as_of: int

    def answer(self, known: str) -> HttpResponse:
        return HttpResponse(status=204) if known == self.version else HttpResponse(self.html)


def live(view: Callable[..., Response]) -> Callable[..., Response | HttpResponse]:
    """For a view that ends in render_list: of all who look at the same list, one in a second has it rendered anew.

    Whoever has just changed something, and so has seen a newer list than the shared one, is not shown the older.
    A fragment may depend on the address, the user's roles, language and time zone, and cookies; not on the user.
    """

    @wraps(view)
    def answer(request: Request, *args: Any, **kwargs: Any) -> Response | HttpResponse:
        as_of = request.GET.get("as_of", "")
        if wants_fragment(request) and as_of.isascii() and as_of.isdigit():
            shared: _Fragment | None = caches["lists"].get(_shared_key(request))
            if shared and shared.as_of >= int(as_of):
                return _varying(shared.answer(request.GET.get("version", "")))
        request.read_at = time.time_ns() // 1_000_000
        return view(request, *args, **kwargs)

    return answer


def _list_url(request: Request) -> str:
    """The list's address, without what its refresh adds."""
    query = request.GET.copy()
    for name in REFRESH:
        query.pop(name, None)
    return f"{request.path}?{query.urlencode()}" if query else request.path


def _shared_key(request: Request) -> str:
    personal = {settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME}
    choices = sorted((name, value) for name, value in request.COOKIES.items() if name not in personal)
    seen_as = (roles.roles_of(request.user), get_language(), timezone.get_current_timezone_name(), choices)
    return hashlib.sha256(repr((_list_url(request), page_size(request), seen_as)).encode()).hexdigest()


def render_list(request: Request, page: str, fragment: str, context: Mapping[str, Any]) -> HttpResponse:
    """Render a list that refreshes itself: 204 if the fragment is what the browser says it has.

    The version is a hash of the fragment's own markup, so it cannot miss a thing that shows. The fragment gets
    `version`, `as_of`, `rows_shown` and `list_url`, the address it refreshes itself from; the page gets it as
    `list_html`.
    """
    stamps = {"version": f"{_STAMP}-v", "as_of": f"{_STAMP}-t"}
    given = {**context, **stamps, "list_url": _list_url(request), "rows_shown": page_size(request)}
    html = render_to_string(fragment, given, request)
    version = hashlib.sha256(html.replace(_STAMP, "").encode()).hexdigest()[:16]
    as_of = request.read_at
    for name, value in {"version": version, "as_of": as_of}.items():
        html = mark_safe(html.replace(stamps[name], str(value)))  # noqa: S308  # it is a template's own output
    if not wants_fragment(request):
        response = render(request, page, {**context, "list_html": html})
    else:
        made = _Fragment(html, version, as_of)
        caches["lists"].set(_shared_key(request), made, SHARED_SECONDS)
        response = made.answer(request.GET.get("version", ""))
    remember_size(request, response)
    return _varying(response)


def _varying(response: HttpResponse) -> HttpResponse:
    patch_vary_headers(response, _VARY)
    return response


def answer_done(request: Request, *, message: str, redirect: str, changed: str, show: str = "") -> HttpResponse:
    """Answer an action that succeeded: a page redirects, a dialog closes and its lists refresh.

    `changed` is the event the lists listen to, such as "backups-changed"; `show` is the address that the
    message links to, if there is something to see.
    """
    if not wants_fragment(request):
        messages.success(request, message)
        return HttpResponseRedirect(redirect)
    response = HttpResponse(status=204)
    toast = {"message": message, "tone": "ok"}
    if show and show != urlsplit(current_path(request)).path:
        toast |= {"url": show, "link": _("Show")}
    response["HX-Trigger"] = json.dumps({"dialog-close": {}, changed: {}, "toast": toast})
    return response
