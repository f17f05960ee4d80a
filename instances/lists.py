"""Filters, sort orders and export columns of the lists in Instance Management and the Task Center."""

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from console.lists.columns import Column
from console.lists.csv import Columns
from console.lists.form import ListForm
from console.lists.keys import NameKey
from console.lists.pages import Sort
from console.lists.search import is_id, is_uuid, name_begins, name_is
from instances import hosts
from instances.choices import InstanceType, JobKind, JobStatus, Status
from instances.models import LAST_BACKUP, Instance, Job, shows_status

INTERRUPTED = "interrupted"


class InstanceListForm(ListForm):
    list_id = "instance-list"
    moment = "created"
    sorts = {
        "created": Sort(F("created"), _("Oldest first"), _("Newest first"), falls=True),
        "name": Sort(NameKey("name"), _("Name, A to Z"), _("Name, Z to A")),
        "backup": Sort(LAST_BACKUP, _("Last backup, oldest first"), _("Last backup, newest first")),
    }
    all_columns = (
        Column("name", _("Name/ID"), 232, sort="name", flexible=True),
        Column("type", _("DB Instance Type"), 84),
        Column("version", _("DB Engine Version"), 134, yields=2),
        Column("storage_engine", _("Storage Engine"), 90, yields=1),
        Column("status", _("Status"), 143),
        Column("connection", _("Connection"), 146, yields=5),
        Column("host", _("Host"), 108, yields=3),
        Column("last_backup", _("Last Backup"), 92, sort="backup", yields=7, time=True),
        Column("next_backup", _("Next Backup"), 92, yields=6, time=True),
        Column("created", _("Created"), 92, sort="created", yields=4, time=True),
        Column("operations", _("Operation"), 142, menu=True),
    )

    type = forms.ChoiceField(required=False, choices=InstanceType.choices, widget=forms.HiddenInput)
    status = forms.ChoiceField(
        required=False,
        label=_("Status"),
        choices=[("", _("All statuses")), *((status.code, status.label) for status in Status)],
    )
    host = forms.ChoiceField(required=False, label=_("Host"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = [host.name for host in hosts.shown()]
        # With only one host there is nothing to choose.
        self.several_hosts = len(names) > 1
        if not self.several_hosts:
            del self.fields["host"]
            return
        field = self.fields["host"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", _("All hosts")), *((name, name) for name in names)]

    def lacks(self) -> set[str]:
        return set() if self.several_hosts else {"host"}

    def narrowings(self, chosen: Mapping[str, Any]) -> Iterator[Q]:
        if host := chosen.get("host"):
            yield Q(host=host)
        if code := chosen.get("status"):
            yield shows_status(next(status for status in Status if status.code == code))
        if kind := chosen.get("type"):
            yield Q(type=kind)


class JobListForm(ListForm):
    list_id = "task-list"
    moment = "created"
    sorts = {"created": Sort(F("created"), _("Oldest first"), _("Newest first"), falls=True)}
    all_columns = (
        Column("kind", _("Task/ID"), 172, flexible=True),
        Column("instance", _("DB Instance Name/ID"), 212, yields=3),
        Column("status", _("Status"), 212),
        Column("backup", _("Backup"), 212, yields=2),
        Column("requested", _("Requested"), 92, sort="created", yields=4, time=True),
        Column("duration", _("Duration"), 84, yields=1, number=True),
    )

    status = forms.ChoiceField(
        required=False,
        label=_("Status"),
        choices=[("", _("All statuses")), *JobStatus.choices, (INTERRUPTED, _("Failed: interrupted"))],
    )
    kind = forms.ChoiceField(required=False, label=_("Task"), choices=[("", _("All tasks")), *JobKind.choices])
    instance = forms.CharField(required=False, label=_("DB instance: whole name or ID"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["q"].label = _("Search by instance name or ID")
        if self.within is not None:
            del self.fields["instance"]

    def lacks(self) -> set[str]:
        return set() if self.within is None else {"instance"}

    def narrowings(self, chosen: Mapping[str, Any]) -> Iterator[Q]:
        if text := chosen.get("instance"):
            yield of_instance(text)
        if status := chosen.get("status"):
            yield Q(interrupted=True) if status == INTERRUPTED else Q(status=status)
        if kind := chosen.get("kind"):
            yield Q(kind=kind)

    def searching(self, text: str) -> Q:
        return searching_tasks(text)


def searching_tasks(text: str) -> Q:
    """Return the condition that the name of a job's instance begins with the text, or that the text is either's id."""
    found = name_begins("instance_name", text)
    if is_uuid(text):
        return found | Q(id=text)
    return found | Q(instance_uid=text) if is_id(text) else found


def of_instance(text: str) -> Q:
    """Return the condition that a job or backup is of the instance with this id, or of any with this name."""
    return Q(instance_uid=text) if is_id(text) else name_is("instance_name", text)


INSTANCE_COLUMNS: Columns[Instance] = [
    (_("Name"), lambda instance: instance.name),
    (_("ID"), lambda instance: instance.id),
    (_("DB Instance Type"), lambda instance: instance.get_type_display()),
    (_("DB Engine Version"), lambda instance: instance.engine_label),
    (_("Storage Engine"), lambda instance: instance.storage_engine),
    (_("Status"), lambda instance: instance.status.label),
    (_("Connection"), lambda instance: instance.address),
    (_("Host"), lambda instance: instance.host_id),
    (_("Last Backup"), lambda instance: instance.last_backup_at),
    (_("Created"), lambda instance: instance.created),
    (_("Failure"), lambda instance: instance.failure),
]

JOB_COLUMNS: Columns[Job] = [
    (_("Task"), lambda job: job.get_kind_display()),
    (_("ID"), lambda job: job.id),
    (_("DB Instance Name"), lambda job: job.instance_name),
    (_("DB Instance ID"), lambda job: job.instance_uid),
    (_("Status"), lambda job: job.get_status_display()),
    (_("Progress (%)"), lambda job: job.progress),
    (_("Requested By"), lambda job: job.requested_by.get_username() if job.requested_by else ""),
    (_("Created"), lambda job: job.created),
    (_("Start"), lambda job: job.started),
    (_("End"), lambda job: job.ended),
    (_("Duration (s)"), lambda job: round(job.duration.total_seconds(), 1) if job.duration is not None else None),
    (_("Interrupted"), lambda job: _("Yes") if job.interrupted else ""),
    (_("Failure"), lambda job: "" if job.is_cancelled else job.failure),
    (_("Cancellation"), lambda job: job.failure if job.is_cancelled else ""),
]
