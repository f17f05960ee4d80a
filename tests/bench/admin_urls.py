"""The console's pages, plus the admin's changelists of the same models with the same columns."""

from typing import Any

from django.contrib import admin
from django.urls import include, path

from backups.models import Backup
from instances.models import Instance


class BackupAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # Django's class takes no argument at run time
    list_display = [
        *("name", "id", "instance_name", "instance_uid", "engine_version", "type", "method", "started", "ended"),
        *("status", "size", "description"),
    ]
    list_filter = ["status", "type", "instance_type"]
    search_fields = ["name", "id"]
    list_select_related = ["job", "instance"]
    list_per_page = 20


class InstanceAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["name", "id", "type", "engine_version", "storage_engine", "state", "action", "port", "created"]
    list_filter = ["state", "type"]
    search_fields = ["name", "id"]
    list_per_page = 20


def _site(name: str, rows: int) -> Any:
    site = admin.AdminSite(name)
    for model, options in ((Backup, BackupAdmin), (Instance, InstanceAdmin)):
        site.register(model, type(options.__name__, (options,), {"list_per_page": rows}))
    return site.urls


urlpatterns = [
    path("admin/", _site("admin", 20)),
    path("admin-100/", _site("admin-100", 100)),
    path("", include("console.urls")),
]
