from collections.abc import Callable
from typing import Any, cast
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.middleware.gzip import GZipMiddleware
from django.utils import timezone
from django.utils.cache import patch_cache_control, patch_vary_headers

from console.accounts import access
from console.accounts.preferences import activate_time_zone
from console.accounts.roles import NotAllowed
from console.accounts.views import sign_in_and_go_on
from console.audit import origin
from console.text import times
from console.web import started
from console.web.kept import Kept, only_show
from console.web.request import Request
from console.web.session import session_ended
from console.web.views import forbidden


class OriginMiddleware:
    """Makes the request's address and browser available to what it writes, and notes the work that it starts."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with origin.of_request(request), started.recording():
            return self.get_response(request)


class MalformedHeaderMiddleware:
    """Drops an HX-Current-URL that is not a URL, before anything reads it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        try:
            urlsplit(request.META.get("HTTP_HX_CURRENT_URL", ""))
        except ValueError:
            del request.META["HTTP_HX_CURRENT_URL"]
        return self.get_response(request)


class NotStoredMiddleware:
    """Keeps every answer out of all caches, so that Back shows nothing after the user has signed out.

    WhiteNoise answers before it: static files are public, and browsers may keep them.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        patch_cache_control(response, no_store=True)
        return response


class TimeZoneMiddleware:
    """Activates the browser's time zone, which a script stores in a cookie; UTC without the cookie.

    SignInRequiredMiddleware activates the zone that the user has chosen instead.
    As with LocaleMiddleware, the zone stays active after the response is returned, because its content may be
    rendered later.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        timezone.activate(times.zone_named(request.COOKIES.get(settings.TIME_ZONE_COOKIE_NAME, "")))
        response = self.get_response(request)
        patch_vary_headers(response, ("Cookie",))
        return response


class SignInRequiredMiddleware(LoginRequiredMiddleware):
    """Requires a signed-in user whose role has the view's permission, except for views with @login_not_required."""

    def process_view(
        self,
        request: HttpRequest,
        view_func: Callable[..., HttpResponseBase],
        view_args: tuple[Any, ...],
        view_kwargs: dict[str, Any],
    ) -> HttpResponseBase | None:
        if not getattr(view_func, "login_required", True):
            # Do not load the user: these views must work without the console database.
            return None
        answer = super().process_view(request, view_func, view_args, view_kwargs)
        if answer is None:
            only_show(request)
            try:
                access.check(request, view_func, view_kwargs)
            except NotAllowed as refusal:
                # Raised further, the log would have a traceback for an everyday refusal.
                return forbidden(cast(Request, request), refusal)
            activate_time_zone(cast(Request, request).user)
        return answer

    def handle_no_permission(
        self, request: HttpRequest, view_func: Callable[..., HttpResponseBase]
    ) -> HttpResponseRedirect:
        if cast(Request, request).htmx:
            answer = session_ended()
        elif kept := Kept.of(request):
            answer = sign_in_and_go_on(request, kept)
        else:
            return super().handle_no_permission(request, view_func)
        # Django's type allows only a redirect.
        return cast(HttpResponseRedirect, answer)


class AddressMiddleware:
    """Answers 404 for a path with a NUL, which no id contains and which PostgreSQL rejects with an error."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if "\0" in request.path_info:
            raise Http404
        return self.get_response(request)


class CompressTextMiddleware(GZipMiddleware):
    """Compresses text, not files: archives are compressed already, and their byte ranges must stay as they are."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if not response.get("Content-Type", "").startswith(("text/", "application/json")):
            return response
        return super().process_response(request, response)
