"""The number of rows on a page of a list: from the URL, else the one last chosen in this browser."""

from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpResponseBase, QueryDict

from console.web.request import Request

SIZES = (10, 20, 50, 100)
DEFAULT_SIZE = 20
# The parameter in which a list that refreshes itself sends its page size. No link contains it.
SHOWN = "rows"

_WRITTEN = {str(size) for size in SIZES}
_A_YEAR = 365 * 24 * 3600


def page_size(request: Request) -> int:
    asked, shown = request.GET.get("size", ""), request.GET.get(SHOWN, "")
    known = (asked, shown, request.COOKIES.get(settings.PAGE_SIZE_COOKIE_NAME, ""))
    return next((int(size) for size in known if size in _WRITTEN), DEFAULT_SIZE)


def remember_size(request: Request, response: HttpResponseBase) -> None:
    """Store the size in the cookie if the user has just chosen it, not if the list refreshed itself."""
    asked = request.GET.get("size", "")
    shown = QueryDict(urlsplit(request.htmx.current_url or "").query).get("size", "")
    if asked in _WRITTEN and asked != shown:
        name, secure = settings.PAGE_SIZE_COOKIE_NAME, request.is_secure()
        response.set_cookie(name, asked, max_age=_A_YEAR, secure=secure, httponly=True, samesite="Lax")
