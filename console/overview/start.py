"""The guided start of an empty console: four steps, done when the rows say so."""

from dataclasses import dataclass

from django.conf import settings
from django.db.models import Exists
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from backups.choices import RestorationStatus
from backups.models import Backup, Restoration
from console.accounts import roles
from console.accounts.access import needs
from console.accounts.roles import Permission
from console.web.request import Request
from instances.choices import State
from instances.models import Host, Instance

# A console with more instances is past its start. The restoration of the last step makes the second instance.
MOST_INSTANCES = 2
_A_YEAR = 365 * 24 * 3600


@dataclass(frozen=True)
class Start:
    """Which steps are done, and the instance that the next step is about, if there is one."""

    created: bool
    backed_up: bool
    watched: bool
    restored: bool
    instance: Instance | None

    @property
    def current(self) -> str:
        """Return the name of the first step that is not done; "" after the last."""
        steps = ("created", "backed_up", "watched", "restored")
        return next((step for step in steps if not getattr(self, step)), "")

    @property
    def action(self) -> str:
        """Return the template of the current step's button."""
        return f"overview/_start_{self.current}.html"


def guided_start(request: Request, instances: int) -> Start | None:
    """Return the steps; None if all are done, the user has put them away, or they are not for this user or console."""
    put_away = settings.START_COOKIE_NAME in request.COOKIES
    if instances > MOST_INSTANCES or put_away or roles.refusal(request.user, Permission.MANAGE_INSTANCES):
        return None
    created = Instance.objects.exclude(state__in=[State.CREATING, State.CREATION_FAILED])
    done = {
        "created": created,
        "backed_up": Backup.objects.all(),
        "watched": Backup.objects.restorable(),
        "restored": Restoration.objects.filter(status=RestorationStatus.COMPLETED),
    }
    # One query for all steps. Without a host nothing can be done yet.
    asked = Host.objects.annotate(**{name: Exists(rows) for name, rows in done.items()}).values(*done).first()
    steps = asked or dict.fromkeys(done, False)
    if all(steps.values()):
        return None
    instance = Instance.objects.shown().order_by("created", "id").first()
    return Start(**steps, instance=instance)


@needs(Permission.VIEW)
@require_POST
def put_away(request: Request) -> HttpResponse:
    """Hide the guided start in this browser."""
    response = redirect("home")
    name, secure = settings.START_COOKIE_NAME, request.is_secure()
    response.set_cookie(name, "away", max_age=_A_YEAR, secure=secure, httponly=True, samesite="Lax")
    return response
