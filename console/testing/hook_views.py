"""The views of the test hooks. They accept only an administrator's POST with a CSRF token."""

from collections.abc import Callable
from functools import wraps

from django import forms
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpResponse, HttpResponseBase, JsonResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.views.decorators.csrf import csrf_exempt

from console.accounts.roles import Permission, refusal
from console.testing import hook_state as hooks
from console.testing import hook_status as instance_hooks
from console.testing.hook_clock import move_to_next_window
from console.text.refused import Refused
from console.web.request import Request
from instances.choices import Status
from instances.models import Instance

View = Callable[[Request], HttpResponse]


class RateForm(forms.Form):
    bytes_per_second = forms.IntegerField(min_value=1, max_value=2**31 - 1)


class PercentForm(forms.Form):
    percent = forms.IntegerField(min_value=1, max_value=99)


class ClockForm(forms.Form):
    seconds = forms.IntegerField(
        min_value=-int(hooks.FARTHEST.total_seconds()), max_value=int(hooks.FARTHEST.total_seconds())
    )


class InstanceForm(forms.Form):
    instance = forms.ModelChoiceField(Instance.objects.all())


class StatusForm(InstanceForm):
    status = forms.TypedChoiceField(
        choices=[(status.code, status.label) for status in Status],
        coerce=lambda code: next(status for status in Status if status.code == code),
    )


def hook(view: View) -> Callable[[Request], HttpResponseBase]:
    """Answer 404 unless the hooks are on and an administrator posts with the token, 422 if the action is refused."""

    @csrf_exempt
    @login_not_required
    @wraps(view)
    def guarded(request: Request) -> HttpResponseBase:
        allowed = hooks.active() and request.method == "POST" and not refusal(request.user, Permission.MANAGE_USERS)
        if not allowed or CsrfViewMiddleware(lambda _request: HttpResponse()).process_view(request, view, (), {}):
            raise Http404
        try:
            return view(request)
        except Refused as refused:
            return JsonResponse({"error": str(refused.message)}, status=422)

    return guarded


def answer(form: forms.Form, act: Callable[[], None]) -> HttpResponse:
    """Call `act` if the form is valid, and answer with what the hooks do now; otherwise answer 422 with the errors."""
    if not form.is_valid():
        errors = [f"{field}: {errors.as_text()}" for field, errors in form.errors.items()]
        return JsonResponse({"error": " ".join(errors)}, status=422)
    act()
    return JsonResponse({"hooks": hooks.describe(hooks.state())})


@hook
def slow_next_backup(request: Request) -> HttpResponse:
    form = RateForm(request.POST)
    return answer(form, lambda: hooks.slow_next_backup(**form.cleaned_data, requested_by=request.user))


@hook
def fail_next_backup(request: Request) -> HttpResponse:
    form = PercentForm(request.POST)
    return answer(form, lambda: hooks.fail_next_backup(**form.cleaned_data, requested_by=request.user))


@hook
def move_clock(request: Request) -> HttpResponse:
    form = ClockForm(request.POST)
    return answer(form, lambda: hooks.move_clock(**form.cleaned_data, requested_by=request.user))


@hook
def next_window(request: Request) -> HttpResponse:
    form = InstanceForm(request.POST)
    return answer(form, lambda: move_to_next_window(**form.cleaned_data, requested_by=request.user))


@hook
def set_status(request: Request) -> HttpResponse:
    form = StatusForm(request.POST)
    return answer(form, lambda: instance_hooks.set_status(**form.cleaned_data, requested_by=request.user))


@hook
def clear(request: Request) -> HttpResponse:
    return answer(forms.Form(request.POST), lambda: instance_hooks.clear(requested_by=request.user))
