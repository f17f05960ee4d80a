"""Filter, sort and export the lists of Backup Management and of Backups & Restorations."""

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.db.models import F, Q
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from backups.choices import BackupStatus, BackupType
from backups.models import DAMAGED, Backup
from console.lists.columns import Column, place
from console.lists.csv import Columns
from console.lists.form import ListForm
from console.lists.keys import NameKey, SizeKey
from console.lists.pages import Sort
from instances.choices import InstanceType
from instances.lists import of_instance


class BackupListForm(ListForm):
    """The filters of Backup Management or, with `within`, of one instance's backups."""

    list_id = "backup-list"
    moment = "started"
    sorts = {
        "started": Sort(F("started"), _("Oldest first"), _("Newest first"), falls=True),
        "name": Sort(NameKey("name"), _("Name, A to Z"), _("Name, Z to A")),
        "size": Sort(SizeKey("size"), _("Smallest first"), _("Largest first"), falls=True),
    }
    all_columns = (
        Column("name", _("Backup Name/ID"), 235, sort="name", flexible=True),
        Column("instance", _("DB Instance Name/ID"), 212, yields=5),
        Column("version", _("DB Engine Version"), 134, yields=1),
        Column("type", format_lazy("{} / {}", _("Backup Type"), _("Backup Method")), 102),
        Column("span", _("Backup Time"), 94, sort="started", yields=4, time=True),
        Column("status", _("Status"), 107),
        Column("size", _("Size"), 78, sort="size", yields=2, number=True),
        Column("description", _("Description"), 172, yields=3),
        Column("operations", _("Operation"), 102, menu=True),
    )

    type = forms.ChoiceField(required=False, choices=InstanceType.choices, widget=forms.HiddenInput)
    status = forms.ChoiceField(
        required=False,
        label=_("Status"),
        choices=[("", _("All statuses")), *BackupStatus.choices, ("damaged", _("Complete, but missing or damaged"))],
    )
    kind = forms.ChoiceField(
        required=False, label=_("Backup Type"), choices=[("", _("All backup types")), *BackupType.choices]
    )
    instance = forms.CharField(required=False, label=_("DB instance: whole name or ID"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.within is not None:
            del self.fields["instance"], self.fields["type"]

    def lacks(self) -> set[str]:
        return set() if self.within is None else {"instance"}

    def narrowings(self, chosen: Mapping[str, Any]) -> Iterator[Q]:
        if text := chosen.get("instance"):
            yield of_instance(text)
        if status := chosen.get("status"):
            yield DAMAGED if status == "damaged" else Q(status=status)
        if kind := chosen.get("type"):
            yield Q(instance_type=kind)
        if kind := chosen.get("kind"):
            yield Q(type=kind)


# The table of restorations. It has no menu: users always see all its columns that have space.
RESTORATION_COLUMNS = place(
    (
        Column("name", _("Backup Name/ID"), 212, flexible=True),
        Column("target", _("Restored To"), 212),
        Column("span", _("Restoration Time"), 92, yields=2, time=True),
        Column("status", _("Status"), 120),
        Column("user", _("Requested By"), 100, yields=1),
    ),
    chosen={},
)

BACKUP_COLUMNS: Columns[Backup] = [
    (_("Backup Name"), lambda backup: backup.name),
    (_("ID"), lambda backup: backup.id),
    (_("DB Instance Name"), lambda backup: backup.instance_name),
    (_("DB Instance ID"), lambda backup: backup.instance_uid),
    (_("DB Instance Type"), lambda backup: backup.get_instance_type_display()),
    (_("DB Engine Version"), lambda backup: backup.engine_label),
    (_("Backup Type"), lambda backup: backup.get_type_display()),
    (_("Backup Method"), lambda backup: backup.get_method_display()),
    (_("Start"), lambda backup: backup.started),
    (_("End"), lambda backup: backup.ended),
    (_("Status"), lambda backup: backup.get_status_display()),
    (_("Size (bytes)"), lambda backup: backup.size),
    (_("SHA-256"), lambda backup: backup.sha256),
    (_("Description"), lambda backup: backup.description),
    (_("Failure"), lambda backup: "" if backup.is_cancelled else backup.failure),
    (_("Damage"), lambda backup: backup.damage),
    (_("Cancellation"), lambda backup: backup.failure if backup.is_cancelled else ""),
]
