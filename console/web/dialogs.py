"""Dialogs: a form or a question in the page's one dialog, or, without JavaScript, on its own page."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.http import HttpResponse, QueryDict
from django.views.decorators.http import require_http_methods

from console.web.forms import DialogForm
from console.web.htmx import render_page
from console.web.kept import shown_again
from console.web.request import Request

View = TypeVar("View", bound=Callable[..., Any])


def get_or_post(view: View) -> View:
    """Let GET open a dialog and POST submit it. A form that was submitted too late can be shown again."""
    view = require_http_methods(["GET", "HEAD", "POST"])(view)
    view.__dict__["shows_form"] = True
    return view


def posted(request: Request) -> QueryDict | None:
    """Return the data of a form that is submitted, or shown again after a sign-in; None if it is only opened."""
    return request.POST if request.method == "POST" else shown_again(request)


def render_dialog(
    request: Request, fragment: str, *, page: str, title: str, back: str, status: int = 200, **context: Any
) -> HttpResponse:
    """Render the fragment for the dialog, or `page` around it. Without JavaScript, Cancel leads to `back`."""
    context |= {"fragment": fragment, "title": title, "action": request.path, "cancel_url": back}
    return render_page(request, page, fragment, context, status=status)


def render_form(
    request: Request,
    form: DialogForm,
    fragment: str = "components/_dialog_form.html",
    *,
    page: str,
    title: str,
    back: str,
    **context: Any,
) -> HttpResponse:
    """Render a form as a dialog; the status is 422 if the form was submitted and is shown again."""
    status = 422 if form.is_bound and request.method == "POST" else 200
    return render_dialog(request, fragment, page=page, title=title, back=back, status=status, form=form, **context)
