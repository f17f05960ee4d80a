"""Pages of no room of their own: health, language, keyboard shortcuts, and what is shown when something fails."""

import sys

from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views import defaults, i18n
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from console.accounts.access import needs
from console.accounts.roles import NotAllowed
from console.text import database_errors as database
from console.web.htmx import render_page, wants_fragment
from console.web.request import Request


@login_not_required
@require_safe
@never_cache
def healthz(request: Request) -> HttpResponse:
    """Alive: the web server answers. Says nothing of the database or the agent."""
    return HttpResponse("ok\n", content_type="text/plain")


@login_not_required
@require_POST
def language(request: Request) -> HttpResponse:
    """Django's own view, for everybody: the choice is kept in a cookie, and the page comes again in that language."""
    return i18n.set_language(request)


def csrf_failure(request: Request, reason: str = "") -> HttpResponse:
    """The form's token is not this session's: mostly the page was open while the user signed in again."""
    template = "_csrf.html" if getattr(request, "htmx", None) and wants_fragment(request) else "403_csrf.html"
    return render(request, template, status=403)


def forbidden(request: Request, exception: Exception) -> HttpResponse:
    """The page or, for a dialog, the sentence that says what the user's role lacks."""
    reason = str(exception) if isinstance(exception, NotAllowed) else _("Your user may not do this.")
    template = "_403.html" if getattr(request, "htmx", None) and wants_fragment(request) else "403.html"
    return render(request, template, {"reason": reason}, status=403)


def server_error(request: Request) -> HttpResponse:
    """The console itself failed. If it is its database that is away, that is said, and that it may be tried again."""
    error = sys.exc_info()[1]
    if not isinstance(error, database.AWAY):
        return defaults.server_error(request)
    fragment = getattr(request, "htmx", None) and wants_fragment(request)
    page = render_to_string("_503.html" if fragment else "503.html", {"reason": database.explain(error)})
    return HttpResponse(page, status=503, headers={"Retry-After": "5"})


@needs(None)
@require_safe
def keys(request: Request) -> HttpResponse:
    """The keyboard shortcuts, and the switch that turns them off in this browser."""
    return render_page(request, "web/keys.html", "web/_keys.html", {"cancel_url": reverse("home")})
