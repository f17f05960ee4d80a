from collections.abc import Sequence
from typing import Any

from django.db.models import Q
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from console.audit.resources import linked_rows
from console.lists.csv import export
from console.web.htmx import live, render_list
from console.web.request import Request
from instances.lists import JOB_COLUMNS, JobListForm
from instances.models import Instance, Job


def find_backups(jobs: Sequence[Job]) -> None:
    """Set `backup_row` of each job whose backup still exists, in one query."""
    found = linked_rows(
        "backup", {job.parameters["backup"] for job in jobs if "backup" in job.parameters}, "id", "name"
    )
    for job in jobs:
        job.backup_row = found.get(job.parameters.get("backup", ""))


@require_safe
@live
def task_list(request: Request) -> HttpResponseBase:
    """Show or export the Task Center: every job, past and present."""
    filters = JobListForm(request)
    if filters.exports:
        return export("tasks", JOB_COLUMNS, filters.found(Job.objects.shown()))
    return render_list(request, "instances/tasks.html", "instances/_tasks.html", _shown(filters))


@require_safe
@live
def instance_tasks(request: Request, instance_id: str) -> HttpResponseBase:
    """Show or export the tasks of one instance."""
    instance = get_object_or_404(Instance.objects.shown(), pk=instance_id)
    filters = JobListForm(request, within=Q(instance_uid=instance_id))
    if filters.exports:
        return export(f"tasks-{instance.name}", JOB_COLUMNS, filters.found(Job.objects.shown()))
    context = {**_shown(filters), "instance": instance}
    return render_list(request, "instances/instance_tasks.html", "instances/_tasks.html", context)


def _shown(filters: JobListForm) -> dict[str, Any]:
    page = filters.page(Job.objects.shown())
    find_backups(page.rows)
    return {
        "tasks": page.rows,
        "page": page,
        "filters": filters,
        "columns": filters.columns,
        "any_in_progress": any(task.shown_status.in_progress for task in page.rows),
    }
