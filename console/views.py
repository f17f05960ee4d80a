import math
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views import defaults, i18n
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from console import account, database, origin
from console.access import needs, performs
from console.exceptions import Refused
from console.exports import csv_response
from console.forms import AuditFilterForm, PasswordForm
from console.htmx import REFRESH, live, render_list, render_page, wants_fragment
from console.http import Request
from console.models import AuditEvent, AuditEventQuerySet, UserSession
from console.roles import NotAllowed, Permission

AUDIT_PAGE = 50


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


def locked_out(request: HttpRequest, response: HttpResponse, credentials: dict[str, Any]) -> HttpResponse:
    """The sign-in page after too many failures: how long to wait. Called by django-axes."""
    username = str(credentials.get("username") or "")
    address = origin.address_of(request)
    last = AccessAttempt.objects.filter(username=username, ip_address=address).order_by("-attempt_time").first()
    until = (last.attempt_time if last else timezone.now()) + settings.AXES_COOLOFF_TIME
    minutes = max(1, math.ceil((until - timezone.now()) / timedelta(minutes=1)))
    sentence = ngettext(
        "Too many failed attempts to sign in. Try again in %(minutes)d minute.",
        "Too many failed attempts to sign in. Try again in %(minutes)d minutes.",
        minutes,
    ) % {"minutes": minutes}
    form = AuthenticationForm(request, initial={"username": username})
    context = {"form": form, "next": request.POST.get("next", ""), "locked_out": sentence}
    return render(request, "console/sign_in.html", context, status=429)


# --- The user's own account -------------------------------------------------------------------------------


@performs(account.change_password)
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def password_change(request: Request) -> HttpResponse:
    form = PasswordForm(request.user, request.POST if request.method == "POST" else None)
    if form.is_valid():
        password = form.cleaned_data["new_password1"]
        account.change_password(user=request.user, password=password, requested_by=request.user)
        # This session goes on, under a new key.
        update_session_auth_hash(request, request.user)
        messages.success(request, _("The password is changed. All your other sessions have ended."))
        return redirect("home")
    return render(request, "console/password.html", {"form": form}, status=422 if form.is_bound else 200)


@needs(None)
@require_safe
def session_list(request: Request) -> HttpResponse:
    """Where the user is signed in."""
    context = {"sessions": _sessions(request), "current": request.session.session_key}
    return render(request, "console/sessions.html", context)


@performs(account.end_session)
@require_POST
def session_end(request: Request, session_id: str) -> HttpResponse:
    session = next((session for session in _sessions(request) if session.public_id == session_id), None)
    if session is None:
        raise Http404
    try:
        account.end_session(user=request.user, session=session, requested_by=request.user)
    except Refused as refusal:
        messages.error(request, str(refusal.message))
    else:
        messages.success(request, _("The session has ended."))
    return redirect("sessions")


@performs(account.end_other_sessions)
@require_POST
def sessions_end_others(request: Request) -> HttpResponse:
    ended = account.end_other_sessions(user=request.user, keep=request.session.session_key, requested_by=request.user)
    messages.success(request, ngettext("%d session has ended.", "%d sessions have ended.", ended) % ended)
    return redirect("sessions")


def _sessions(request: Request) -> list[UserSession]:
    return list(UserSession.objects.filter(user=request.user, expire_date__gt=timezone.now()))


@needs(None)
@require_safe
def keys(request: Request) -> HttpResponse:
    """The keyboard shortcuts, and the switch that turns them off in this browser."""
    return render_page(request, "console/keys.html", "console/_keys.html", {"cancel_url": reverse("home")})


# --- Audit ------------------------------------------------------------------------------------------------


@needs(Permission.READ_AUDIT)
@require_safe
@live
def audit_list(request: Request) -> HttpResponse:
    """The newest events; `before` is the id of the last one on the page before."""
    filters = AuditFilterForm(request.GET)
    events = filters.apply(AuditEvent.objects.all())
    found = list(_before(events, request.GET.get("before", ""))[: AUDIT_PAGE + 1])
    shown = found[:AUDIT_PAGE]
    query = request.GET.copy()
    for name in ("before", *REFRESH):
        query.pop(name, None)
    context = {
        "events": shown,
        "filters": filters,
        "filtered": filters.is_set(),
        "any_in_progress": False,
        "query": query.urlencode(),
        "paged": "before" in request.GET,
        "older": shown[-1].pk if len(found) > AUDIT_PAGE else None,
    }
    return render_list(request, "console/audit.html", "console/_audit.html", context)


@needs(Permission.READ_AUDIT)
@require_safe
def audit_export(request: Request) -> HttpResponseBase:
    """All events that the filters let through, as CSV."""
    events = AuditFilterForm(request.GET).apply(AuditEvent.objects.all())
    return csv_response(f"audit-{timezone.now():%Y%m%d-%H%M%S}.csv", _audit_rows(events))


def _before(events: AuditEventQuerySet, id: str) -> AuditEventQuerySet:
    """Those older than the event: paging costs the same at any depth."""
    last = AuditEvent.objects.filter(pk=int(id)).first() if id.isascii() and id.isdigit() and len(id) < 19 else None
    return events.older_than(last) if last else events


def _audit_rows(events: AuditEventQuerySet) -> Iterator[list[object]]:
    yield ["time", "user", "trace", "resource_type", "resource_id", "resource_name", "address", "outcome", "reason"]
    for event in events.iterator(chunk_size=2000):
        yield [
            *(event.time.isoformat(), event.user_name, event.trace),
            *(event.resource_type, event.resource_id, event.resource_name),
            *(event.address, event.outcome, event.reason),
        ]
