"""The agent: one per host, it runs the host's database servers and the jobs of the queue."""

import logging
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime

from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections, connections
from django.utils import timezone

from console.text import database_errors as database
from console.text import disk_errors as disk
from console.text.sentences import sentence as _
from instances import hosts
from instances.choices import JobKind
from instances.jobs import handlers as files
from instances.listening import listening_here
from instances.models import Host, Job
from instances.queue import leases as jobs
from instances.queue.supervisor import Supervisor

log = logging.getLogger(__name__)

TICK = 0.1
CLAIM_EVERY = 0.2
RECONCILE_EVERY = 5.0
PERIODIC_EVERY = 2.0
# The pauses between attempts to write the end of a job.
PERSIST_AFTER = (1.0, 2.0, 4.0, 8.0, *[15.0] * 20)
# How long stopping waits for the threads of jobs to end by themselves.
STOP_SECONDS = 2.5


class Agent:
    """`periodic` is called every few seconds with the time, in a thread of its own."""

    def __init__(self, host: str, handlers: jobs.Handlers, periodic: Sequence[Callable[[datetime], None]] = ()) -> None:
        self.host = host
        self.handlers = handlers
        self.periodic = periodic
        self.supervisor = Supervisor(host)
        # What tells this agent from another of the host, on this machine or elsewhere.
        self.token = secrets.token_hex(16)
        self._stopping = threading.Event()
        self._works: dict[threading.Thread, jobs.Work] = {}
        self._due: dict[str, float] = {}
        # Set when a job has ended: the next one begins at once.
        self._ended = threading.Event()
        # How often stop() was called, and when at the latest the jobs that run then are told to end.
        self._asked = 0
        self._drained_at = 0.0

    def stop(self) -> None:
        """Ask the agent to end when its running jobs have, or CONSOLE_DRAIN_SECONDS later; again: at once.

        Safe in a signal handler.
        """
        # Not the event: setting one takes a lock, which the interrupted thread may hold.
        self._asked += 1
        if self._asked == 1:
            self._drained_at = time.monotonic() + settings.CONSOLE_DRAIN_SECONDS

    def take_host(self, before: str) -> bool:
        """Become the host's one agent; False if another one is alive. `before` is the token of one that has ended.

        One that was heard of a moment ago is waited for: either it is heard of again, or it is not any more.
        """
        heard = None
        listening = listening_here()
        while not hosts.take(self.host, agent=self.token, before=before, now=timezone.now(), listening=listening):
            seen = Host.objects.get(pk=self.host).seen
            if heard and seen != heard:
                return False
            heard = seen
            time.sleep(0.5)
            if self._asked:
                return False
        return True

    def _may_end(self) -> bool:
        if self._asked != 1 or time.monotonic() >= self._drained_at:
            return self._asked > 0
        return not any(thread.is_alive() for thread in self._works)

    def run(self) -> None:
        """Serve until stop() is called. For the main thread: Linux ends servers with the thread that started them."""
        self._begin()
        keeper = threading.Thread(target=self._keep_leases, name="leases", daemon=True)
        keeper.start()
        timer = threading.Thread(target=self._keep_time, name="periodic", daemon=True)
        timer.start()
        while not self._may_end():
            if self._ended.wait(TICK):
                self._ended.clear()
                self._due.clear()
            try:
                self.supervisor.tick()
                self._works = {
                    thread: work for thread, work in self._works.items() if thread.is_alive() and not work.ended
                }
                if not self._asked and self._is_due("claim", CLAIM_EVERY):
                    self._claim()
                if self._is_due("reconcile", RECONCILE_EVERY):
                    self.supervisor.reconcile()
            except database.AWAY as error:
                # The console database is away or locked: servers go on, and so does the agent.
                log.warning("%s (%s)", database.explain(error), error)
                connections.close_all()
                time.sleep(1.0)
            except Exception:
                log.exception("A round of the agent broke.")
                time.sleep(1.0)
        self._stopping.set()
        self._end()
        keeper.join(0.5)
        timer.join(0.5)

    def _begin(self) -> None:
        """Settle what a dead agent of this host left behind, then start the servers."""
        reason = _("The agent stopped while this was running.")
        for job in Job.objects.running().filter(host=self.host).select_related("instance", "host"):
            why = job.cancel_reason or reason
            jobs.fail(job, self.handlers[JobKind(job.kind)], why, interrupted=not job.cancel_reason, left_behind=True)
        files.sweep()
        self.supervisor.begin()

    def _end(self) -> None:
        """Stop in order: the running jobs end as Failed, then the servers."""
        for work in self._works.values():
            work.stop(_("The agent was stopped while this was running."))
        # Jobs that wait for a server need the supervisor's ear until they have ended.
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline and any(thread.is_alive() for thread in self._works):
            self.supervisor.tick()
            threading.Event().wait(TICK)
        self.supervisor.shut_down()
        try:
            hosts.release(self.host, agent=self.token)
        except (DatabaseError, InterfaceError) as error:
            log.warning("The host could not be released: %s", error)
        connections.close_all()

    def _is_due(self, what: str, every: float) -> bool:
        now = time.monotonic()
        if now < self._due.get(what, 0.0):
            return False
        self._due[what] = now + every
        return True

    def _claim(self) -> None:
        while len(self._works) < settings.CONSOLE_PARALLEL_JOBS:
            job = jobs.claim(self.host, timezone.now())
            if job is None:
                return
            work = jobs.Work(job, self.supervisor)
            thread = threading.Thread(target=self._do, args=[work], name=f"job-{job.id}", daemon=True)
            self._works[thread] = work
            thread.start()

    def _do(self, work: jobs.Work) -> None:
        """Run one job in its thread, and write how it ended."""
        job, handler = work.job, self.handlers[JobKind(work.job.kind)]
        log.info("Job %s (%s) of instance %s started.", job.id, job.kind, job.instance_uid or "-")
        completed = False
        try:
            try:
                result = handler.run(work)
                completed = self._persist(lambda: jobs.complete(job, handler, result))
                outcome = "completed" if completed else "lost its lease"
            except jobs.LeaseLost:
                outcome = "lost its lease"
            except jobs.JobFailed as error:
                why, interrupted = str(error), self._stopping.is_set()
                self._persist(lambda: jobs.fail(job, handler, why, interrupted=interrupted, left_behind=True))
                outcome = f"failed: {why}"
            except database.AWAY as error:
                log.warning("Job %s (%s) broke: %s", job.id, job.kind, error)
                connections.close_all()
                reason = database.explain(error)
                self._persist(lambda: jobs.fail(job, handler, reason, left_behind=True))
                outcome = f"failed: {reason}"
            except Exception as error:
                # Whatever it was, the job must not stay Running; the traceback goes to the log.
                log.exception("Job %s (%s) broke.", job.id, job.kind)
                reason = _explain(error)
                self._persist(lambda: jobs.fail(job, handler, reason, left_behind=True))
                outcome = "broke"
            log.info("Job %s (%s) %s.", job.id, job.kind, outcome)
        finally:
            try:
                self._settle(work, handler, completed=completed)
                connections.close_all()
            finally:
                work.ended = True
                self._ended.set()

    def _persist(self, write: Callable[[], bool]) -> bool:
        """Write the end of a job, again for some minutes if the console database is away.

        Every end is conditional on the lease, so that writing it twice changes nothing.
        """
        for pause in PERSIST_AFTER:
            try:
                return write()
            except database.AWAY as error:
                log.warning("The end of a job could not be written and is tried again: %s", error)
                connections.close_all()
                if self._stopping.wait(pause):
                    break
        return write()

    def _settle(self, work: jobs.Work, handler: jobs.Handler, *, completed: bool) -> None:
        """Bring servers and files in line with the end of the job; if that fails now, it is tried again later."""
        try:
            if not completed:
                handler.abandon(work)
            handler.clean_up(work.job)
            Job.objects.filter(pk=work.job.pk).update(left_behind=False)
        except Exception:
            # Its end was written with left_behind; nothing more has to be written now, when nothing may be writable.
            log.exception("Cleaning up after job %s (%s) broke.", work.job.id, work.job.kind)

    def _clean_up_left_behind(self, _now: datetime) -> None:
        """Remove the files that jobs left which were ended elsewhere, or could not be cleaned up at once."""
        doing = [work.job.pk for thread, work in list(self._works.items()) if thread.is_alive()]
        for job in Job.objects.filter(host=self.host, left_behind=True).exclude(pk__in=doing):
            try:
                self.handlers[JobKind(job.kind)].clean_up(job)
            except Exception:
                log.exception("Cleaning up after job %s (%s) broke and will be tried again.", job.id, job.kind)
                continue
            Job.objects.filter(pk=job.pk).update(left_behind=False)

    def _keep_time(self) -> None:
        """Call what is periodic. What fails once is called again the next time."""
        while not self._stopping.is_set():
            for task in (*self.periodic, self._clean_up_left_behind):
                try:
                    close_old_connections()
                    task(timezone.now())
                except (DatabaseError, InterfaceError) as error:
                    log.warning("%s (%s)", database.explain(error), error)
                    connections.close_all()
                except Exception:
                    log.exception("A periodic task broke.")
            self._stopping.wait(PERIODIC_EVERY)
        connections.close_all()

    def _lose_host(self) -> None:
        """Another agent has the host, since this one was not heard of for too long: what it does now is not its own."""
        log.error("Another agent has taken over the host %s; this one ends.", self.host)
        for work in list(self._works.values()):
            work.lose()
        # At once, as a second signal would have it.
        self._asked += 2

    def _keep_leases(self) -> None:
        """Renew the leases and the host's sign of life, apart from the main thread, which may have to wait."""
        every = min(5.0, settings.CONSOLE_LEASE_SECONDS / 4)
        judge_from = 0.0
        while not self._stopping.wait(every):
            try:
                close_old_connections()
                now = timezone.now()
                if not hosts.hold(self.host, agent=self.token, now=now):
                    self._lose_host()
                    return
                for thread, work in list(self._works.items()):
                    if thread.is_alive() and work.job.token and not jobs.renew(work.job.token, now):
                        work.lose()
                if time.monotonic() >= judge_from:
                    jobs.fail_expired(self.handlers, now)
            except (DatabaseError, InterfaceError) as error:
                log.warning("The leases could not be renewed: %s", error)
                connections.close_all()
                # Nobody could renew; when the database is back, every agent gets the time to do so.
                judge_from = time.monotonic() + settings.CONSOLE_LEASE_SECONDS
            except Exception:
                # Without this thread every lease would run out.
                log.exception("The leases could not be kept.")
                connections.close_all()


def _explain(error: Exception) -> str:
    """Of what no handler has explained."""
    if isinstance(error, OSError):
        return _("The work could not be done on this host: %s.") % disk.explain(error)
    return _("Unexpected error: %s. The agent's log has the details.") % type(error).__name__
