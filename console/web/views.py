"""Views for health, language and keyboard shortcuts, and the error pages."""

import sys

from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views import defaults, i18n
from django.views.decorators.http import require_POST, require_safe

from console.accounts.access import needs
from console.accounts.roles import NotAllowed
from console.accounts.views import sign_in_and_go_on
from console.text.errors import DATABASE_UNAVAILABLE, explain_database
from console.web.htmx import render_page, wants_fragment
from console.web.kept import Kept, is_same_origin
from console.web.request import Request
from console.web.session import renewed, session_ended


@login_not_required
@require_safe
def healthz(request: Request) -> HttpResponse:
    """Answer that the web server is alive. This says nothing about the database or the agent."""
    return HttpResponse("ok\n", content_type="text/plain")


@login_not_required
@require_POST
def language(request: Request) -> HttpResponse:
    """Set the language cookie and return to the page. No sign-in is required."""
    return i18n.set_language(request)


def csrf_failure(request: Request, reason: str = "") -> HttpResponse:
    """Answer a form whose token belongs to another session, usually because the user signed in again meanwhile."""
    if getattr(request, "htmx", None):
        if not request.user.is_authenticated:
            return session_ended()
        return renewed(request, render(request, "_csrf_renewed.html", status=403))
    kept = Kept.of(request) if is_same_origin(request) else None
    if kept and not request.user.is_authenticated:
        return sign_in_and_go_on(request, kept)
    return render(request, "403_csrf.html", {"kept": kept}, status=403)


def forbidden(request: Request, exception: Exception) -> HttpResponse:
    """Say which role the user lacks: on a page, or in the dialog."""
    reason = str(exception) if isinstance(exception, NotAllowed) else _("You do not have permission to do this.")
    template = "_403.html" if getattr(request, "htmx", None) and wants_fragment(request) else "403.html"
    return render(request, template, {"reason": reason}, status=403)


def server_error(request: Request) -> HttpResponse:
    """Answer an unexpected error; with status 503 and Retry-After if the console database is not responding."""
    error = sys.exc_info()[1]
    if not isinstance(error, DATABASE_UNAVAILABLE):
        return defaults.server_error(request)
    fragment = getattr(request, "htmx", None) and wants_fragment(request)
    page = render_to_string("_503.html" if fragment else "503.html", {"reason": explain_database(error)})
    return HttpResponse(page, status=503, headers={"Retry-After": "5"})


@needs(None)
@require_safe
def keys(request: Request) -> HttpResponse:
    """Show the keyboard shortcuts, and the switch that turns them off in this browser."""
    return render_page(request, "web/keys.html", "web/_keys.html", {"cancel_url": reverse("home")})
