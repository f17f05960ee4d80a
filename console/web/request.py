from django.contrib.auth.models import User
from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails


class Request(HttpRequest):
    """A request as the views get it: the middleware has told htmx's from others, and who has signed in."""

    htmx: HtmxDetails
    user: User
    # When a list was read, in milliseconds; see console.web.htmx.live.
    read_at: int
