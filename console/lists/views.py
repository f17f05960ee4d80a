"""The Columns menu of lists."""

from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_POST

from console.lists.chosen import choose
from console.lists.form import ListForm
from console.web.htmx import wants_fragment
from console.web.request import Request
from console.web.returning import back_to


@require_POST
def columns(request: Request, list_id: str) -> HttpResponse:
    """Store which columns of the list the user shows. `column` is repeated, once for each that is shown."""
    form = next((form for form in ListForm.__subclasses__() if form.list_id == list_id), None)
    if form is None:
        raise Http404
    shown = request.POST.getlist("column")
    to_choose = [column for column in form.all_columns if not column.fixed]
    if "default" in request.POST:
        shown = [column.key for column in to_choose if not column.off]
    choose(request.user, list_id, {column.key: column.key in shown for column in to_choose})
    if wants_fragment(request):
        return HttpResponse(status=204, headers={"HX-Trigger": "refresh"})
    return HttpResponseRedirect(back_to(request))
