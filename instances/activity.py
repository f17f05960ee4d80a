"""The activity that every page shows, and notifications of jobs that have ended.

Users are notified when work they requested ends. Nobody requested an automated backup, so every user is notified if
one fails.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from django.contrib.auth.models import User
from django.db.models import Q

from console.text import clocks
from console.web.started import key_of
from instances import hosts
from instances.choices import JobKind, JobStatus
from instances.models import Host, Job
from instances.notifications import Notification, is_finished_deletion, notifications_of

# Host clocks differ, so a job may become visible after another job with a later end.
_OVERLAP = timedelta(seconds=30)
# A user who was away longer gets notifications for the last day only.
_LONGEST = timedelta(days=1)
_JOBS = 500
# The key of the session under which it has the outage whose notice the user does not want to see.
AWAY = "notice_away"
# In this form, the index on `requested_by` and `ended` serves the query.
_UNENDED = Q(ended=None)


@dataclass(frozen=True)
class Notified:
    """The jobs that a browser has been notified of: all that ended before `since`, and `jobs`, which ended later.

    The browser keeps this as text: `since` in milliseconds, then the first 12 hex digits of each job's id.
    """

    since: datetime
    jobs: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return "~".join([str(int(self.since.timestamp() * 1000)), *sorted(self.jobs)])

    @classmethod
    def parse(cls, text: str, now: datetime) -> Self:
        """Parse the browser's text. If it is unreadable, the browser counts as notified of everything until now."""
        moment, *jobs = text.split("~")
        try:
            since = datetime.fromtimestamp(int(moment) / 1000, UTC)
        except (ValueError, OverflowError, OSError):
            return cls(now)
        return cls(min(max(since, now - _LONGEST), now), frozenset(jobs))

    def is_old(self, now: datetime) -> bool:
        return now - self.since > 2 * _OVERLAP

    def includes(self, job: Job) -> bool:
        return _short_id(job) in self.jobs


def _short_id(job: Job) -> str:
    return key_of(job.id)


@dataclass(frozen=True)
class Activity:
    """The number of the user's own jobs that have not ended, and the problems of instances and hosts."""

    running: int
    # The number of instances whose server is down. Lists refresh when it changes.
    down: int
    # The offline hosts that have instances or unended jobs; all hosts if all are offline.
    offline: list[Host]
    # True if there are no hosts because no agent has ever started.
    no_agent: bool

    @property
    def outage(self) -> str:
        """The name of the present outage of agents, another one if another agent stops responding; "" if none does."""
        lost = [(host.name, host.seen) for host in self.offline]
        return hashlib.sha256(repr((self.no_agent, lost)).encode()).hexdigest()[:12] if lost or self.no_agent else ""

    @property
    def version(self) -> str:
        shown = [self.running, self.down, self.no_agent, *((host.name, host.seen) for host in self.offline)]
        return hashlib.sha256(repr(shown).encode()).hexdigest()[:12]


def activity_of(user: User, now: datetime) -> Activity:
    """Return the user's activity, in one query because every page needs it."""
    return _activity(Job.objects.filter(_UNENDED, requested_by=user).count(), now)


def _activity(running: int, now: datetime) -> Activity:
    known = hosts.shown()
    offline = [host for host in known if not host.is_online(now)]
    needed = [host for host in offline if host.is_needed or len(offline) == len(known)]
    return Activity(running, known[0].down if known else 0, needed, no_agent=not known)


def activity_and_notifications(
    user: User, notified: Notified, now: datetime
) -> tuple[Activity, list[Notification], Notified]:
    """Return the activity, the notifications that are due, and the browser's new Notified once it has shown them."""
    # An end in the future, from a clock that was wrong, would be news until then.
    lately = Q(ended__gte=notified.since, ended__lte=clocks.latest(now))
    # Each of the three conditions is a range scan of one index.
    mine = Q(_UNENDED, requested_by=user) | Q(lately, requested_by=user)
    automated = Q(lately, requested_by=None, kind=JobKind.BACKUP, status=JobStatus.FAILED)
    jobs = list(Job.objects.filter(mine | automated).select_related("instance").order_by()[:_JOBS])
    running = [job for job in jobs if job.ended is None]
    ended = [job for job in jobs if job.ended and not notified.includes(job)]
    # People delete many backups at once: wait for the last deletion, then send one notification.
    deleting = any(job.kind == JobKind.DELETE_BACKUP for job in running)
    waiting = [job for job in ended if deleting and is_finished_deletion(job)]
    ended = [job for job in ended if job not in waiting]
    since = min([max(notified.since, now - _OVERLAP), *(job.ended for job in waiting if job.ended)])
    later = [job for job in jobs if job.ended and job.ended >= since and (notified.includes(job) or job in ended)]
    following = Notified(since, frozenset(_short_id(job) for job in later))
    return _activity(len(running), now), notifications_of(ended), following
