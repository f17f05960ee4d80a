from collections.abc import Sequence

from django.http import HttpResponseBase
from django.views.decorators.http import require_safe

from console.audit.resources import linked_rows
from console.lists.csv import export
from console.web.htmx import live, render_list
from console.web.request import Request
from instances.lists import JOB_COLUMNS, JobListForm
from instances.models import Job


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
    page = filters.page(Job.objects.shown())
    find_backups(page.rows)
    context = {
        "tasks": page.rows,
        "page": page,
        "filters": filters,
        "any_in_progress": any(task.shown_status.in_progress for task in page.rows),
    }
    return render_list(request, "instances/tasks.html", "instances/_tasks.html", context)
