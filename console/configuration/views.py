"""The Settings page, and the button that tests the storage."""

from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from backups.services.probe_storage import probe_storage
from console.accounts.access import needs, performs
from console.accounts.roles import Permission
from console.configuration import about, given
from console.configuration.storage import tested_hosts
from console.web.confirm import confirm
from console.web.dialogs import get_or_post
from console.web.htmx import live, render_list
from console.web.request import Request
from instances.models import Host


@needs(Permission.MANAGE_SETTINGS)
@require_safe
@live
def configuration(request: Request) -> HttpResponse:
    """Show the settings. Storage and hosts are a fragment, which refreshes itself while a test runs."""
    hosts = tested_hosts()
    # The fragment does not use the functions, so a refresh does not call them.
    context: dict[str, Any] = {
        "hosts": hosts,
        "place": _place(),
        "any_in_progress": any(host.is_testing for host in hosts),
        "settings": given.rows,
        "versions": about.versions,
        "libraries": about.libraries,
    }
    return render_list(request, "configuration/settings.html", "configuration/_hosts.html", context)


@performs(probe_storage)
@get_or_post
def storage_test(request: Request, host_name: str) -> HttpResponse:
    """Ask before the host tests the storage."""
    host = get_object_or_404(Host, pk=host_name)
    return confirm(
        request,
        probe_storage,
        "configuration/_test.html",
        page="configuration/dialog.html",
        title=_("Test Storage"),
        refusal=host.refusal,
        message=_("Testing the storage from host %s.") % host.name,
        back=reverse("settings"),
        host=host,
    )


def _place() -> str:
    """Return where archives are stored, as a path or as the URL of a bucket."""
    if settings.CONSOLE_S3_BUCKET:
        return f"s3://{settings.CONSOLE_S3_BUCKET}/{settings.CONSOLE_S3_PREFIX}"
    return str(settings.CONSOLE_BACKUPS_DIR)
