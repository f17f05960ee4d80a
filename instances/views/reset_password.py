from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _

from console.accounts.access import performs
from console.web.dialogs import get_or_post, render_form
from console.web.htmx import answer_done
from console.web.request import Request
from instances.forms import ResetPasswordForm
from instances.models import Instance
from instances.services import reset_password


@performs(reset_password)
@get_or_post
def instance_reset_password(request: Request, instance_id: str) -> HttpResponse:
    """Show and process the Reset Password dialog."""
    instance = get_object_or_404(Instance.objects.shown(), pk=instance_id)
    form = ResetPasswordForm.of(request)
    back = instance.get_absolute_url()
    if form.is_valid():
        with form.showing_refusals():
            reset_password(instance=instance, password=form.cleaned_data["password"], requested_by=request.user)
            message = _("Resetting the password of %s.") % instance.name
            return answer_done(request, message=message, redirect=back)
    return render_form(
        request,
        form,
        "instances/_reset_password.html",
        page="instances/dialog.html",
        title=_("Reset Password"),
        back=back,
        instance=instance,
        refusal=instance.password_refusal,
    )
