"""The page of all channels, the page of one with its deliveries, their dialogs, and the bell's button."""

from typing import Any

from django.db.models import OuterRef, Subquery
from django.http import HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from console.accounts.access import needs, performs
from console.accounts.roles import Permission
from console.notifications import services
from console.notifications.forms import CreateChannelForm, EditChannelForm
from console.notifications.lists import CHANNEL_COLUMNS, DeliveryListForm
from console.notifications.models import Channel, Delivery
from console.web.confirm import confirm
from console.web.dialogs import get_or_post, posted, render_form
from console.web.htmx import answer_done, live, render_list, wants_fragment
from console.web.request import Request
from console.web.returning import back_to

_PAGE = "notifications/dialog.html"


@needs(Permission.MANAGE_CHANNELS)
@require_safe
@live
def channel_list(request: Request) -> HttpResponseBase:
    """Show all channels, each with the outcome of its latest delivery."""
    latest = Delivery.objects.filter(channel=OuterRef("pk")).order_by("-created", "-id").values("pk")[:1]
    channels: Any = list(Channel.objects.annotate(latest=Subquery(latest)))
    deliveries = Delivery.objects.in_bulk([each.latest for each in channels if each.latest])
    for channel in channels:
        channel.delivery = deliveries.get(channel.latest)
    busy = any(delivery.shown_status.in_progress for delivery in deliveries.values())
    context = {"channels": channels, "columns": CHANNEL_COLUMNS, "any_in_progress": busy}
    return render_list(request, "notifications/list.html", "notifications/_list.html", context)


@needs(Permission.MANAGE_CHANNELS)
@require_safe
@live
def channel_detail(request: Request, channel_id: str) -> HttpResponseBase:
    """Show one channel and its deliveries."""
    channel = get_object_or_404(Channel, pk=channel_id)
    filters = DeliveryListForm(request)
    page = filters.page(channel.deliveries.select_related("event"))
    context = {
        "channel": channel,
        "page": page,
        "filters": filters,
        "columns": filters.columns,
        "any_in_progress": any(delivery.shown_status.in_progress for delivery in page.rows),
    }
    return render_list(request, "notifications/detail.html", "notifications/_deliveries.html", context)


@performs(services.create_channel)
@sensitive_post_parameters()
@get_or_post
def channel_create(request: Request) -> HttpResponse:
    form = CreateChannelForm(posted(request))
    if form.is_valid():
        with form.showing_refusals():
            channel = services.create_channel(**form.cleaned_data, requested_by=request.user)
            return answer_done(request, message=_("Channel “%s” is created.") % channel.name, redirect=_list())
    return render_form(request, form, page=_PAGE, title=_("Create Channel"), back=_list())


@performs(services.edit_channel)
@sensitive_post_parameters()
@get_or_post
def channel_edit(request: Request, channel_id: str) -> HttpResponse:
    channel = get_object_or_404(Channel, pk=channel_id)
    form = EditChannelForm(posted(request), channel=channel)
    back = channel.get_absolute_url()
    if form.is_valid():
        with form.showing_refusals():
            services.edit_channel(channel=channel, **form.cleaned_data, requested_by=request.user)
            return answer_done(request, message=_("The channel is changed."), redirect=back)
    return render_form(request, form, page=_PAGE, title=_("Edit Channel"), back=back)


@performs(services.delete_channel)
@get_or_post
def channel_delete(request: Request, channel_id: str) -> HttpResponse:
    channel = get_object_or_404(Channel, pk=channel_id)
    return confirm(
        request,
        services.delete_channel,
        "notifications/_delete.html",
        page=_PAGE,
        title=_("Delete Channel"),
        refusal="",
        message=_("Channel “%s” is deleted.") % channel.name,
        back=_list(),
        channel=channel,
    )


@performs(services.send_test)
@get_or_post
def channel_test(request: Request, channel_id: str) -> HttpResponse:
    channel = get_object_or_404(Channel, pk=channel_id)
    return confirm(
        request,
        services.send_test,
        "notifications/_test.html",
        page=_PAGE,
        title=_("Send Test"),
        refusal="",
        message=_("A test message is on its way to “%s”.") % channel.name,
        back=channel.get_absolute_url(),
        channel=channel,
    )


@needs(Permission.VIEW)
@require_POST
def bell_read(request: Request) -> HttpResponse:
    """Mark the events up to the newest one that the page shows as read."""
    until = request.POST.get("until", "")
    if until.isascii() and until.isdigit() and len(until) < 19:
        services.mark_read(user=request.user, until=int(until))
    if wants_fragment(request):
        return HttpResponse(status=204, headers={"HX-Trigger": "refresh"})
    return HttpResponseRedirect(back_to(request))


def _list() -> str:
    return reverse("notifications:list")
