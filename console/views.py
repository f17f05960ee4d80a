from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from console.htmx import wants_fragment
from console.http import Request


@require_safe
def home(request: Request) -> HttpResponse:
    return redirect("instances:list")


@login_not_required
@require_safe
@never_cache
def healthz(request: Request) -> HttpResponse:
    """Alive: the web server answers. Says nothing of the database or the agent."""
    return HttpResponse("ok\n", content_type="text/plain")


def csrf_failure(request: Request, reason: str = "") -> HttpResponse:
    """The form's token is not this session's: mostly the page was open while the user signed in again."""
    template = "_csrf.html" if getattr(request, "htmx", None) and wants_fragment(request) else "403_csrf.html"
    return render(request, template, status=403)
