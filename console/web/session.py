"""The answers to a page whose session has ended or has been renewed; static/js/session.js handles them."""

import json

from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token


def session_ended() -> HttpResponse:
    """Answer a script: the page stays, with what the user has typed, and the user signs in again over it."""
    return HttpResponse(status=401)


def renewed(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Tell the page who is signed in now, and give its forms the token of the new session."""
    response["HX-Trigger"] = json.dumps({"signed-in": {"user": str(request.user.pk), "token": get_token(request)}})
    return response
