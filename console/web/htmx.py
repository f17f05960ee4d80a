"""Pages and their fragments for htmx: one view and one context for both."""

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
from console.lists.chosen import choices as chosen_columns
from console.lists.page_size import SHOWN, page_size, remember_size
from console.web import started
from console.web.request import Request

Response = TypeVar("Response", bound=HttpResponseBase)

_VARY = ("HX-Request", "HX-Boosted", "HX-History-Restore-Request")


def wants_fragment(request: Request) -> bool:
    """Return whether htmx will swap the answer into the current page."""
    return bool(request.htmx) and not request.htmx.boosted and not request.htmx.history_restore_request


def current_path(request: Request) -> str:
    """Return path and query of the page the user is on, which an htmx request names in a header."""
    return request.htmx.current_url_abs_path or request.get_full_path()


def render_page(
    request: Request,
    page: str,
    fragment: str,
    context: Mapping[str, Any],
    *,
    status: int = 200,
) -> HttpResponse:
    """Render the whole page, or only its fragment for htmx."""
    template = fragment if wants_fragment(request) else page
    response = render(request, template, dict(context), status=status)
    patch_vary_headers(response, _VARY)
    return response


# The parameters that a list's refresh adds to its query string: the version that the browser has, the time its rows
# were read (Unix milliseconds), and the page size of this tab, which may differ from the one last chosen in another
# tab.
REFRESH = ("version", "as_of", SHOWN)
# Viewers share one rendering of a list for this long.
SHARED_SECONDS = 1
# Placeholder of version and time in the rendered fragment. Random, so no user's text can contain it.
_STAMP = f"stamp-{secrets.token_hex(16)}"


@dataclass(frozen=True)
class _Fragment:
    """A list's HTML, its hash, and the time its rows were read (Unix milliseconds)."""

    html: SafeString
    version: str
    as_of: int

    def answer(self, known: str) -> HttpResponse:
        return HttpResponse(status=204) if known == self.version else HttpResponse(self.html)


def live(view: Callable[..., Response]) -> Callable[..., Response | HttpResponse]:
    """Make a view that returns render_list() render its list at most once a second for all viewers.

    A browser never gets an older list than it has: after a change by its user, its list can be newer than the shared
    one.
    A fragment may depend on the URL, the user's roles, language and time zone, and cookies, but not on the user.
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
    """Return the list's URL without the parameters of a refresh."""
    query = request.GET.copy()
    for name in REFRESH:
        query.pop(name, None)
    return f"{request.path}?{query.urlencode()}" if query else request.path


def _shared_key(request: Request) -> str:
    personal = {settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME}
    cookies = sorted((name, value) for name, value in request.COOKIES.items() if name not in personal)
    seen_as = (roles.roles_of(request.user), get_language(), timezone.get_current_timezone_name(), cookies)
    columns = sorted((list_id, sorted(chosen.items())) for list_id, chosen in chosen_columns(request.user).items())
    return hashlib.sha256(repr((_list_url(request), page_size(request), seen_as, columns)).encode()).hexdigest()


def render_list(request: Request, page: str, fragment: str, context: Mapping[str, Any]) -> HttpResponse:
    """Render a list that refreshes itself, or answer 204 if the browser already has this version.

    The version is a hash of the fragment's HTML, so it changes whenever something visible does. The fragment gets
    `version`, `as_of`, `rows_shown` and `list_url`, the URL it refreshes itself from; the page gets the rendered
    fragment as `list_html`.
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


def answer_done(request: Request, *, message: str, redirect: str, show: str = "") -> HttpResponse:
    """Answer a successful action: a page redirects; a dialog closes and the list behind it refreshes.

    `show` is the URL that the message links to, unless the user is on that page already. The message has a busy mark if
    the action has only started work.
    """
    work = started.keys()
    if not wants_fragment(request):
        level = messages.INFO if work else messages.SUCCESS
        messages.add_message(request, level, message, extra_tags=" ".join(work))
        return HttpResponseRedirect(redirect)
    response = HttpResponse(status=204)
    toast: dict[str, Any] = {"message": message, "tone": "busy" if work else "ok", "keys": work}
    if show and show != urlsplit(current_path(request)).path:
        toast |= {"url": show, "link": _("Show")}
    response["HX-Trigger"] = json.dumps({"dialog-close": {}, "refresh": {}, "toast": toast})
    return response
