from django.contrib.auth.models import User
from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails


class Request(HttpRequest):
    """A request as views get it: the middleware has set `htmx` and the signed-in user."""

    htmx: HtmxDetails
    user: User
    # When a list was read, in Unix milliseconds; see console.web.htmx.live.
    read_at: int
