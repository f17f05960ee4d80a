from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _

from backups.forms.description import EditDescriptionForm
from backups.models import Backup
from backups.services.edit import edit_description
from console.accounts.access import performs
from console.web.dialogs import get_or_post, posted, render_form
from console.web.htmx import answer_done
from console.web.request import Request


@performs(edit_description)
@get_or_post
def backup_edit_description(request: Request, backup_id: str) -> HttpResponse:
    """Show the Edit Description dialog; on POST, change the description."""
    backup = get_object_or_404(Backup.objects.shown(), pk=backup_id)
    form = EditDescriptionForm(posted(request), backup=backup)
    back = reverse("backups:list")
    if form.is_valid():
        with form.showing_refusals():
            edit_description(backup=backup, requested_by=request.user, **form.cleaned_data)
            message = _("The description of %s is changed.") % backup.name
            return answer_done(request, message=message, redirect=back)
    title = _("Edit Description")
    return render_form(request, form, page="backups/dialog.html", title=title, back=back, backup=backup)
