from django.http import HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils import timezone
from django.views.decorators.http import require_safe

from console.notifications.bell import bell_of
from console.web.request import Request
from instances.activity import Notified, activity_and_notifications, activity_of
from instances.notifications import Notification


@require_safe
def activity(request: Request) -> HttpResponse:
    """Return the changes since an open page last polled; 204 if there are none.

    `since` is the browser's cursor (see Notified), `version` the version of the activity that the page shows. A page in
    a hidden tab sends no `since` and gets no notifications.
    """
    now = timezone.now()
    notifications: list[Notification] = []
    answer: dict[str, str] = {}
    if "since" in request.GET:
        notified = Notified.parse(request.GET["since"], now)
        current, notifications, following = activity_and_notifications(request.user, notified, now)
        if notifications or notified.is_old(now):
            answer["cursor"] = str(following)
    else:
        current = activity_of(request.user, now)
    bell = bell_of(request.user)
    version = current.version + bell.version
    if request.GET.get("version") == version and not answer:
        return HttpResponse(status=204)
    notices = render_to_string("components/_notices.html", {"activity": current}, request)
    shown = {"version": version, "running": current.running, "down": current.down, "notices": notices}
    shown["bell"] = render_to_string("components/_bell.html", {"bell": bell}, request)
    return JsonResponse({**answer, **shown, "toasts": [each.as_json() for each in notifications]})
