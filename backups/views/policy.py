from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from backups.forms.policy import PolicyForm
from backups.models import Policy
from backups.services.policy import POLICY_FIELDS, set_policy
from console.accounts.access import performs
from console.web.dialogs import get_or_post, posted, render_form
from console.web.htmx import answer_done
from console.web.request import Request
from instances.models import Instance


@performs(set_policy)
@get_or_post
def policy_modify(request: Request, instance_id: str) -> HttpResponse:
    """Show the Modify Backup Policy dialog; on POST, set the policy."""
    instance = get_object_or_404(Instance.objects.shown().select_related("backup_policy"), pk=instance_id)
    form = PolicyForm(posted(request), policy=Policy.of(instance))
    back = reverse("backups:instance", args=[instance.id])
    if form.is_valid():
        chosen = {name: form.cleaned_data[name] for name in POLICY_FIELDS}
        with form.showing_refusals():
            policy = set_policy(
                instance=instance, opened_with=form.cleaned_data["opened_with"], requested_by=request.user, **chosen
            )
            message = _("Automated backup is on.") if policy.enabled else _("Automated backup is off.")
            return answer_done(request, message=message, redirect=back)
    title = _("Modify Backup Policy")
    fragment, page = "backups/_policy.html", "instances/dialog.html"
    return render_form(request, form, fragment, page=page, title=title, back=back, instance=instance)


@performs(set_policy)
@require_safe
def policy_preview(request: Request, instance_id: str) -> HttpResponse:
    """Render what the policy in the dialog's fields will do."""
    instance = get_object_or_404(Instance.objects.shown().select_related("backup_policy"), pk=instance_id)
    form = PolicyForm(request.GET, policy=Policy.of(instance))
    return render(request, "backups/_policy_preview.html", {"preview": form.preview})
