"""The Users page and its dialogs."""

import time

from django.contrib.auth.models import User
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_safe

from console.accounts import refusals, roles, services
from console.accounts.access import needs, performs
from console.accounts.roles import Permission, Role
from console.accounts.users.forms import ChangeRoleForm, CreateUserForm, ResetUserPasswordForm
from console.accounts.users.lists import USER_COLUMNS, UserListForm, listed
from console.lists.csv import export
from console.web.confirm import confirm
from console.web.dialogs import get_or_post, posted, render_form
from console.web.htmx import answer_done, render_list
from console.web.request import Request

_PAGE = "accounts/dialog.html"


@needs(Permission.MANAGE_USERS)
@require_safe
def user_list(request: Request) -> HttpResponseBase:
    """Show all users, or export them. Not @live: viewers see their own row differently."""
    filters = UserListForm(request)
    if filters.exports:
        return export("users", USER_COLUMNS, filters.found(listed()))
    request.read_at = time.time_ns() // 1_000_000
    page = filters.page(listed())
    context = {
        "accounts": page.rows,
        "page": page,
        "filters": filters,
        "columns": filters.columns,
        "any_in_progress": False,
    }
    return render_list(request, "accounts/users.html", "accounts/_users.html", context)


@performs(services.create_user)
@sensitive_post_parameters()
@get_or_post
def user_create(request: Request) -> HttpResponse:
    """Show and process the Create User dialog."""
    form = CreateUserForm.of(request)
    if form.is_valid():
        typed = form.cleaned_data
        with form.showing_refusals():
            services.create_user(
                name=typed["name"], password=typed["password"], role=Role(typed["role"]), requested_by=request.user
            )
            return answer_done(request, message=_("User %s has been created.") % typed["name"], redirect=_back())
    return render_form(
        request, form, "components/_password_form.html", page=_PAGE, title=_("Create User"), back=_back()
    )


@performs(services.set_role)
@get_or_post
def user_role(request: Request, user_id: int) -> HttpResponse:
    """Show and process the Change Role dialog."""
    account = _account(user_id)
    present = next(iter(roles.granted(account)), Role.READ_ONLY)
    form = ChangeRoleForm(posted(request), values=services.role_values(account), initial={"role": present})
    if form.is_valid():
        role = Role(form.cleaned_data["role"])
        opened_with = form.cleaned_data["opened_with"]
        with form.showing_refusals():
            services.set_role(account=account, role=role, opened_with=opened_with, requested_by=request.user)
            message = _("%(name)s now has the role %(role)s.") % {"name": account.username, "role": role.label}
            return answer_done(request, message=message, redirect=_back())
    return render_form(
        request, form, "accounts/_role.html", page=_PAGE, title=_("Change Role"), back=_back(), account=account
    )


@performs(services.reset_user_password)
@sensitive_post_parameters()
@get_or_post
def user_reset_password(request: Request, user_id: int) -> HttpResponse:
    """Show and process the Reset Password dialog."""
    account = _account(user_id)
    form = ResetUserPasswordForm.of(request, account=account)
    if form.is_valid():
        with form.showing_refusals():
            password = form.cleaned_data["password"]
            services.reset_user_password(account=account, password=password, requested_by=request.user)
            message = _("%s has a new password.") % account.username
            return answer_done(request, message=message, redirect=_back())
    return render_form(
        request,
        form,
        "accounts/_reset_password.html",
        page=_PAGE,
        title=_("Reset Password"),
        back=_back(),
        account=account,
        refusal=refusals.password_reset(account, request.user),
    )


@performs(services.deactivate_user)
@get_or_post
def user_deactivate(request: Request, user_id: int) -> HttpResponse:
    account = _account(user_id)
    return confirm(
        request,
        services.deactivate_user,
        "accounts/_deactivate.html",
        page=_PAGE,
        title=_("Deactivate User"),
        refusal=refusals.deactivation(account, request.user),
        message=_("User %s is inactive.") % account.username,
        back=_back(),
        account=account,
    )


@performs(services.activate_user)
@get_or_post
def user_activate(request: Request, user_id: int) -> HttpResponse:
    account = _account(user_id)
    return confirm(
        request,
        services.activate_user,
        "accounts/_activate.html",
        page=_PAGE,
        title=_("Activate User"),
        refusal="",
        message=_("User %s is active.") % account.username,
        back=_back(),
        account=account,
    )


@performs(services.end_user_sessions)
@get_or_post
def user_end_sessions(request: Request, user_id: int) -> HttpResponse:
    account = _account(user_id)
    return confirm(
        request,
        services.end_user_sessions,
        "accounts/_end_sessions.html",
        page=_PAGE,
        title=_("End Sessions"),
        refusal=refusals.ending_sessions(account, request.user),
        message=_("User %s is signed out everywhere.") % account.username,
        back=_back(),
        account=account,
    )


def _account(user_id: int) -> User:
    return get_object_or_404(User, pk=user_id)


def _back() -> str:
    return reverse("users")
