"""The sign-in page, and the pages for the user's own password and sessions."""

from typing import Any

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.core.exceptions import NON_FIELD_ERRORS
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from console.accounts import services as account
from console.accounts.access import needs, performs
from console.accounts.forms import PasswordForm, SignInForm
from console.accounts.models import UserSession
from console.text.refused import Refused
from console.web.htmx import wants_fragment
from console.web.kept import Kept
from console.web.request import Request
from console.web.session import renewed


class SignInView(LoginView):
    """The sign-in page, with status 429 after too many failed attempts."""

    authentication_form = SignInForm
    redirect_authenticated_user = True
    request: Request

    @method_decorator(login_not_required)
    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        # The user may have signed in meanwhile, in another tab.
        if wants_fragment(request) and request.user.is_authenticated:
            return renewed(request, HttpResponse(status=204))
        if request.user.is_authenticated and (kept := Kept.parse(request.POST.get("kept", ""))):
            return render(request, "accounts/go_on.html", {"kept": kept})
        return super().dispatch(request, *args, **kwargs)

    def get_template_names(self) -> list[str]:
        return ["accounts/_sign_in.html" if wants_fragment(self.request) else "accounts/sign_in.html"]

    def get_form_kwargs(self) -> dict[str, Any]:
        # The page behind the dialog may have a form with the same fields.
        ids = {"auto_id": "sign-in-%s"} if wants_fragment(self.request) else {}
        return {**super().get_form_kwargs(), **ids}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs, kept=self.request.POST.get("kept", ""))

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_valid(form)
        if wants_fragment(self.request):
            return renewed(self.request, HttpResponse(status=204))
        if kept := Kept.parse(self.request.POST.get("kept", "")):
            return render(self.request, "accounts/go_on.html", {"kept": kept})
        return response

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_invalid(form)
        if form.has_error(NON_FIELD_ERRORS, code="locked"):
            response.status_code = 429
        elif wants_fragment(self.request):
            response.status_code = 422
        return response


def sign_in_and_go_on(request: HttpRequest, kept: Kept) -> HttpResponse:
    """Ask a user whose session has ended to sign in, and carry along what they have submitted."""
    context = {"form": SignInForm(request), "next": kept.path, "kept": str(kept)}
    return render(request, "accounts/sign_in.html", context, status=401)


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
