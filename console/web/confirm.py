"""Confirmations: a dialog that asks before one action on one row."""

from collections.abc import Callable

from django.db.models import Model
from django.http import HttpResponse

from console.text.refused import Refused
from console.web.dialogs import render_dialog
from console.web.htmx import answer_done
from console.web.request import Request


def confirm(
    request: Request,
    service: Callable[..., object],
    fragment: str,
    *,
    page: str,
    title: str,
    refusal: str,
    message: str,
    back: str,
    **row: Model,
) -> HttpResponse:
    """Ask on GET, call the service on POST. Both the service and the fragment get `row`, such as backup=backup.

    `refusal` says why the action is not possible now; `message` is shown after the service has succeeded.
    """
    status = 200
    if request.method == "POST":
        try:
            service(**row, requested_by=request.user)
        except Refused as refused:
            refusal, status = str(refused.message), 422
        else:
            return answer_done(request, message=message, redirect=back)
    return render_dialog(request, fragment, page=page, title=title, back=back, status=status, reason=refusal, **row)
