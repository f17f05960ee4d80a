"""The choices in the user's menu: theme and time zone."""

from django import forms
from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST
from django_htmx.http import HttpResponseClientRefresh

from console.accounts.access import needs
from console.accounts.models import Theme
from console.accounts.preferences import choose, preferences_of, zones_by_typing
from console.text import times
from console.web.dialogs import get_or_post, posted, render_form
from console.web.forms import DialogForm
from console.web.htmx import wants_fragment
from console.web.request import Request
from console.web.returning import back_to


@needs(None)
@require_POST
def theme(request: Request) -> HttpResponse:
    """Store the theme and return to the page."""
    chosen = request.POST.get("theme", "")
    if chosen not in Theme.values:
        raise BadRequest("There is no such theme.")
    choose(request.user, theme=chosen)
    return HttpResponseRedirect(back_to(request))


class TimeZoneForm(DialogForm):
    zone = forms.CharField(
        label=gettext_lazy("Time Zone"),
        required=False,
        max_length=64,
        widget=forms.TextInput(
            attrs={"list": "time-zones", "autocomplete": "off", "spellcheck": "false", "autofocus": True}
        ),
    )

    def clean_zone(self) -> str:
        typed = str(self.cleaned_data["zone"])
        name = zones_by_typing().get(typed.casefold(), "") if typed else ""
        if typed and not name:
            raise forms.ValidationError(_("There is no such time zone. Choose one from the list."))
        return name


@needs(None)
@get_or_post
def time_zone(request: Request) -> HttpResponse:
    """Show and process the Time Zone dialog."""
    form = TimeZoneForm(posted(request), initial={"zone": preferences_of(request.user).time_zone})
    if form.is_valid():
        choose(request.user, time_zone=form.cleaned_data["zone"])
        messages.success(request, _("The time zone is set."))
        # Every time on the page changes, so load all of it.
        return HttpResponseClientRefresh() if wants_fragment(request) else HttpResponseRedirect(reverse("home"))
    return render_form(
        request,
        form,
        "accounts/_time_zone.html",
        page="accounts/time_zone.html",
        title=_("Time Zone"),
        back=reverse("home"),
        zones=times.offered_zones(),
    )
