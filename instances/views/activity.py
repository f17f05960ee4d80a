from django.http import HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from console.web.request import Request
from instances.activity import Cursor, Toast, activity_of, described, news_for


@require_safe
@never_cache
def activity(request: Request) -> HttpResponse:
    """What every open page asks for now and then: 204 unless there is something that it does not show yet.

    `since` is the cursor of the browser, `version` what the page shows; a page that nobody sees asks without `since`,
    and is told nothing that has ended.
    """
    now = timezone.now()
    toasts: list[Toast] = []
    answer: dict[str, str] = {}
    if "since" in request.GET:
        cursor = Cursor.parse(request.GET["since"], now)
        current, toasts, following = news_for(request.user, cursor, now)
        if toasts or cursor.is_old(now):
            answer["cursor"] = str(following)
    else:
        current = activity_of(request.user, now)
    if request.GET.get("version") == current.version and not answer:
        return HttpResponse(status=204)
    notices = render_to_string("components/_notices.html", {"activity": current}, request)
    shown = {"version": current.version, "running": current.running, "down": current.down, "notices": notices}
    return JsonResponse({**answer, **shown, "toasts": [described(toast) for toast in toasts]})
