from django.http import HttpResponseBase
from django.views.decorators.http import require_safe

from console.lists.csv import export
from console.web.htmx import live, render_list
from console.web.request import Request
from instances.lists import JOB_COLUMNS, JobListForm
from instances.models import Job


@require_safe
@live
def task_list(request: Request) -> HttpResponseBase:
    """Show or export the Task Center: every job, past and present."""
    filters = JobListForm(request)
    if filters.exports:
        return export("tasks", JOB_COLUMNS, filters.found(Job.objects.shown()))
    page = filters.page(Job.objects.shown())
    context = {
        "tasks": page.rows,
        "page": page,
        "filters": filters,
        "any_in_progress": any(task.shown_status.in_progress for task in page.rows),
    }
    return render_list(request, "instances/tasks.html", "instances/_tasks.html", context)
