"""/readyz and /metrics, for monitoring systems, which have no session."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST

from console.monitoring import figures as monitoring
from console.web.request import Request


@login_not_required
@require_safe
def readyz(request: Request) -> JsonResponse:
    """Return the readiness of each part of the console, with status 200 if all are ready, else 503."""
    parts = monitoring.readiness(timezone.now())
    return JsonResponse(parts, status=200 if set(parts.values()) == {"ok"} else 503)


@login_not_required
@require_safe
def metrics(request: Request) -> HttpResponse:
    """Return the metrics to clients that send `Authorization: Bearer CONSOLE_METRICS_TOKEN`; 404 if it is not set."""
    if not settings.CONSOLE_METRICS_TOKEN:
        raise Http404
    if not constant_time_compare(request.headers.get("Authorization", ""), f"Bearer {settings.CONSOLE_METRICS_TOKEN}"):
        return HttpResponse("The token is missing or wrong.\n", status=401, headers={"WWW-Authenticate": "Bearer"})
    return HttpResponse(monitoring.metrics(), content_type=CONTENT_TYPE_LATEST)
