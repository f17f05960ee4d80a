"""How every page answers htmx: one view and one context for the page and for its fragment."""

import hashlib
import json
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.cache import patch_vary_headers
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _

from console.http import Request

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


# Stands for the version while the fragment is rendered; unguessable, so no user's text is mistaken for it.
_VERSION = f"version-{secrets.token_hex(16)}"


def render_list(request: Request, page: str, fragment: str, context: Mapping[str, Any]) -> HttpResponse:
    """Render a list that refreshes itself: 204 if the fragment is what the browser says it has.

    The version is a hash of the fragment's own markup, so it cannot miss a thing that shows. The fragment
    gets `version` and `list_url`, the address it refreshes itself from; the page gets it as `list_html`.
    """
    query = request.GET.copy()
    known = query.pop("version", [""])[-1]
    list_url = f"{request.path}?{query.urlencode()}" if query else request.path
    html = render_to_string(fragment, {**context, "list_url": list_url, "version": _VERSION}, request)
    version = hashlib.sha256(html.replace(_VERSION, "").encode()).hexdigest()[:16]
    html = mark_safe(html.replace(_VERSION, version))  # noqa: S308  # it is a template's own output
    if not wants_fragment(request):
        response = render(request, page, {**context, "list_html": html})
    elif known == version:
        response = HttpResponse(status=204)
    else:
        response = HttpResponse(html)
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
