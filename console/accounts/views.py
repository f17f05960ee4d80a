"""Pages for the user's own password and sessions, and the page after too many failed attempts to sign in."""

import math
from datetime import timedelta
from typing import Any

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.forms import AuthenticationForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from console.accounts import services as account
from console.accounts.access import needs, performs
from console.accounts.forms import PasswordForm
from console.accounts.models import UserSession
from console.audit import origin
from console.text.refused import Refused
from console.web.request import Request


def locked_out(request: HttpRequest, response: HttpResponse, credentials: dict[str, Any]) -> HttpResponse:
    """Render the sign-in page that says how long to wait. django-axes calls this after too many failed attempts."""
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
    return render(request, "accounts/sign_in.html", context, status=429)


@performs(account.change_password)
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def password_change(request: Request) -> HttpResponse:
    form = PasswordForm(request.user, request.POST if request.method == "POST" else None)
    if form.is_valid():
        password = form.cleaned_data["new_password1"]
        account.change_password(user=request.user, password=password, requested_by=request.user)
        # Keep this session, under a new key.
        update_session_auth_hash(request, request.user)
        messages.success(request, _("The password is changed. All your other sessions have ended."))
        return redirect("home")
    return render(request, "accounts/password.html", {"form": form}, status=422 if form.is_bound else 200)


@needs(None)
@require_safe
def session_list(request: Request) -> HttpResponse:
    """Show where the user is signed in."""
    context = {"sessions": _sessions(request), "current": request.session.session_key}
    return render(request, "accounts/sessions.html", context)


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
