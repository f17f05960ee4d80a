"""The search over everything: instances, backups, tasks, users and pages, by name or ID."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.http import HttpResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext
from django.views.decorators.http import require_safe

from backups.models import Backup
from console.accounts import roles
from console.accounts.roles import Permission
from console.lists.keys import NameKey
from console.lists.search import search
from console.text import times
from console.web.htmx import render_page
from console.web.request import Request
from instances.lists import searching_tasks
from instances.models import Instance, Job

# The results shown of each kind.
LISTED = 8
# The text in the field; longer text finds nothing.
LONGEST = 100

# The pages and dialogs that have a name: label, URL name, and the permission that they need.
PAGES = (
    (gettext_lazy("Overview"), "home", Permission.VIEW),
    (gettext_lazy("Instance Management"), "instances:list", Permission.VIEW),
    (gettext_lazy("Create DB Instance"), "instances:create", Permission.MANAGE_INSTANCES),
    (gettext_lazy("Backup Management"), "backups:list", Permission.VIEW),
    (gettext_lazy("Create Backup"), "backups:create", Permission.CREATE_BACKUP),
    (gettext_lazy("Task Center"), "instances:tasks", Permission.VIEW),
    (gettext_lazy("Users"), "users", Permission.MANAGE_USERS),
    (gettext_lazy("Create User"), "user-create", Permission.MANAGE_USERS),
    (gettext_lazy("Audit"), "audit", Permission.READ_AUDIT),
    (gettext_lazy("Settings"), "settings", Permission.MANAGE_SETTINGS),
    (gettext_lazy("Time Zone"), "time-zone", None),
    (gettext_lazy("Notifications"), "notifications:list", Permission.MANAGE_CHANNELS),
    (gettext_lazy("Sessions"), "sessions", None),
    (gettext_lazy("Change password"), "password-change", None),
    (gettext_lazy("Keyboard shortcuts"), "keys", None),
)


@dataclass(frozen=True)
class Result:
    """A row of the results: a link, and what tells it from others of the same name."""

    label: str
    url: str
    note: str = ""


@dataclass(frozen=True)
class Group:
    """The results of one kind. `code` is part of the ids of their elements."""

    code: str
    label: str
    results: Sequence[Result]


@require_safe
def search_all(request: Request) -> HttpResponse:
    """Show what the text finds: on a page of its own or, while the user types, in the search dialog."""
    # PostgreSQL rejects a text with NUL.
    text = request.GET.get("q", "").replace("\0", "\ufffd").strip()[:LONGEST]
    groups = [group for group in _groups(request.user, text) if group.results] if text else []
    context = {"text": text, "groups": groups, "count": sum(len(group.results) for group in groups)}
    return render_page(request, "overview/search.html", "overview/_search_results.html", context)


def _groups(user: User, text: str) -> Iterator[Group]:
    yield Group("instance", _("Instances"), list(_instances(text)))
    yield Group("backup", _("Backups"), list(_backups(text)))
    yield Group("task", _("Tasks"), list(_tasks(text)))
    yield Group("user", _("Users"), list(_users(user, text)))
    yield Group("page", _("Pages"), list(_pages(user, text)))


def _pages(user: User, text: str) -> Iterator[Result]:
    """Yield the pages that the user may open and that have the text at the start of a word of their name.

    Chinese has no spaces between words: such text may be anywhere.
    """
    start = f" {text.lower()}" if text.isascii() else text
    for label, name, permission in PAGES:
        if start in f" {label.lower()}" and not roles.refusal(user, permission):
            yield Result(str(label), reverse(name))


def _instances(text: str) -> Iterator[Result]:
    for instance in Instance.objects.filter(search(text)).order_by(NameKey("name"), "id")[:LISTED]:
        note = _line(instance.get_type_display(), instance.status.label)
        yield Result(instance.name, instance.get_absolute_url(), note)


def _backups(text: str) -> Iterator[Result]:
    # Names often end with a date: descending order has the newest first.
    found = Backup.objects.filter(search(text)).order_by(NameKey("name").desc(), "-id").defer("contents")
    for backup in found[:LISTED]:
        yield Result(backup.name, backup.get_absolute_url(), _line(backup.instance_name, backup.shown_status.label))


def _tasks(text: str) -> Iterator[Result]:
    found = Job.objects.filter(searching_tasks(text)).order_by(NameKey("instance_name").desc(), "-created", "-id")
    for job in found[:LISTED]:
        when = times.moment(times.local(job.created))
        note = _line(job.instance_name, job.shown_status.label, when)
        yield Result(job.get_kind_display(), job.get_absolute_url(), note)


def _users(viewer: User, text: str) -> Iterator[Result]:
    """Yield the users whose name begins with the text, if the viewer may manage users. A console has few users."""
    if roles.refusal(viewer, Permission.MANAGE_USERS):
        return
    for user in User.objects.filter(username__istartswith=text).order_by("username")[:LISTED]:
        yield Result(user.username, f"{reverse('users')}?{urlencode({'q': user.username})}", user.get_full_name())


def _line(*parts: str | Promise) -> str:
    """Join the parts that are not empty to the line that stands beside a result."""
    return pgettext("between parts of a line", ", ").join(str(part) for part in parts if part)
