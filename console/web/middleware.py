from collections.abc import Callable
from typing import Any, cast

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect, QueryDict
from django.middleware.gzip import GZipMiddleware
from django.shortcuts import resolve_url
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django_htmx.http import HttpResponseClientRedirect

from console.accounts import access
from console.audit import origin
from console.text import times
from console.web.htmx import current_path
from console.web.request import Request


class OriginMiddleware:
    """Makes known where the request comes from, to sessions and audit events that are written meanwhile."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with origin.of_request(request):
            return self.get_response(request)


class TimeZoneMiddleware:
    """Times are the viewer's, whose browser tells its zone in a cookie that the script sets; UTC until it has.

    As LocaleMiddleware does with the language, the zone stays active after the answer: a part of it may be made later.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        timezone.activate(times.zone_named(request.COOKIES.get(times.COOKIE, "")))
        response = self.get_response(request)
        patch_vary_headers(response, ("Cookie",))
        return response


class SignInRequiredMiddleware(LoginRequiredMiddleware):
    """Signed in by default, with a role that may. A view that is open to everybody says so with @login_not_required."""

    def process_view(
        self,
        request: HttpRequest,
        view_func: Callable[..., HttpResponseBase],
        view_args: tuple[Any, ...],
        view_kwargs: dict[str, Any],
    ) -> HttpResponseBase | None:
        if not getattr(view_func, "login_required", True):
            # Whose request it is, is not even asked: that would take the console database.
            return None
        answer = super().process_view(request, view_func, view_args, view_kwargs)
        if answer is None:
            access.check(request, view_func, view_kwargs)
        return answer

    def handle_no_permission(
        self, request: HttpRequest, view_func: Callable[..., HttpResponseBase]
    ) -> HttpResponseRedirect:
        if not cast(Request, request).htmx:
            return super().handle_no_permission(request, view_func)
        # Following a redirect, htmx would swap the sign-in page into the dialog or the list. This way the
        # browser goes there, and after signing in comes back to the page it was on.
        query = QueryDict(mutable=True)
        query["next"] = current_path(cast(Request, request))
        sign_in = resolve_url(self.get_login_url(view_func))
        # A redirect to htmx, though not to Django's type.
        return cast(HttpResponseRedirect, HttpResponseClientRedirect(f"{sign_in}?{query.urlencode(safe='/')}"))


class AddressMiddleware:
    """No name and no id has a NUL in it, and PostgreSQL cannot even be asked for one: there is no such address."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if "\0" in request.path_info:
            raise Http404
        return self.get_response(request)


class CompressTextMiddleware(GZipMiddleware):
    """Compresses pages, and leaves files alone: an archive is compressed already, and a range of it is bytes of it."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if not response.get("Content-Type", "").startswith(("text/", "application/json")):
            return response
        return super().process_response(request, response)
