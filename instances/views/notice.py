from django.http import HttpResponseRedirect
from django.views.decorators.http import require_POST

from console.web.request import Request
from console.web.returning import back_to
from instances.activity import AWAY


@require_POST
def notice_away(request: Request) -> HttpResponseRedirect:
    """Hide the notice of this outage for the rest of the session; another outage shows it again."""
    request.session[AWAY] = request.POST.get("outage", "")[:12]
    return HttpResponseRedirect(back_to(request))
