"""Where a form without a dialog leads: back to the page that it was on."""

from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from console.web.request import Request


def back_to(request: Request) -> str:
    """Return the address in the form's field `next`, else of the page that sent the request.

    If that is no page of this console, return the front page.
    """
    back = request.POST.get("next") or request.headers.get("Referer", "")
    here = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
    return back if here else reverse("home")
