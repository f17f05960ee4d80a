from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from backups import retrying
from backups.services.retry import retry_task
from backups.tasks import Task
from console.accounts import roles
from console.text.refused import Refused
from console.web.dialogs import get_or_post, render_dialog
from console.web.htmx import answer_done, live, render_list
from console.web.operations import Operation, button
from console.web.request import Request
from instances.models import Job
from instances.steps import steps_of


@require_safe
@live
def task_detail(request: Request, task_id: UUID) -> HttpResponse:
    """Show everything that the console knows about one task."""
    job = get_object_or_404(Job.objects.of_page(), pk=task_id)
    task, record = Task.of(job), getattr(job, "record", None)
    retry = None
    if task.failed:
        needs, url = retrying.way_of(task).service.needs, f"{job.get_absolute_url()}retry/"
        retry = button(Operation("retry", _("Retry"), url, needs, retrying.refusal(task)), request.user, "button")
    context = {
        "task": job,
        "about": task,
        "retry": retry,
        "steps": list(steps_of(job, record)),
        "log": record.log if record else "",
        "any_in_progress": job.is_settling,
    }
    return render_list(request, "backups/task.html", "backups/_task.html", context)


@get_or_post
def task_retry(request: Request, task_id: UUID) -> HttpResponse:
    """Show the Retry dialog; on POST, retry the task."""
    job = get_object_or_404(Job.objects.of_page(), pk=task_id)
    task, status = Task.of(job), 200
    way = retrying.way_of(task)
    reason = roles.refusal(request.user, way.service.needs) or retrying.refusal(task)
    if request.method == "POST":
        try:
            made = retry_task(task=job, requested_by=request.user)
        except (Refused, ValidationError) as error:
            reason, status = str(error.messages[0] if isinstance(error, ValidationError) else error.message), 422
        else:
            message = _("Retrying the task “%s”.") % job.get_kind_display()
            return answer_done(request, message=message, redirect=made.get_absolute_url(), show=made.get_absolute_url())
    context = {
        "task": task,
        "question": retrying.question(task),
        "danger": way.danger,
        "backs_up_first": retrying.backs_up_first(task),
    }
    return render_dialog(
        request,
        "backups/_retry.html",
        page="backups/task_dialog.html",
        title=_("Retry Task"),
        back=job.get_absolute_url(),
        status=status,
        reason=reason,
        **context,
    )
