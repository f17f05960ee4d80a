"""The agent, one per host. It runs the host's database servers, watches its deployments, and runs the queued jobs."""

import logging
import secrets
import threading
import time
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections, connections
from django.utils import timezone

from console.processes.outages import Outages
from console.processes.version import version
from console.text.errors import DATABASE_UNAVAILABLE, explain_database, explain_file
from console.text.messages import Message
from instances import homes, hosts
from instances.engines.base import EngineError
from instances.listening import listening_here
from instances.models import Host, Job
from instances.queue import leases
from instances.queue.job import JobCancelled, JobFailed, JobKinds, JobSteps, LeaseLost, steps_of
from instances.queue.supervisor import Supervisor
from instances.queue.watcher import Watcher
from instances.queue.work import Work

log = logging.getLogger(__name__)

TICK = 0.1
CLAIM_EVERY = 0.2
RECONCILE_EVERY = 5.0
PERIODIC_EVERY = 2.0
# Seconds between attempts to write the end of a job.
PERSIST_AFTER = (1.0, 2.0, 4.0, 8.0, *[15.0] * 20)
# Seconds between attempts to clean up after a job; the last pause repeats.
CLEAN_UP_AFTER = (2.0, 4.0, 8.0, 16.0, 30.0)
# How long the stopping agent waits for the threads of jobs to end by themselves.
STOP_SECONDS = 2.5


class Agent:
    """Runs the database servers and the jobs of one host. `kinds` has the steps of each kind of job.

    A separate thread calls the functions in `periodic` every few seconds with the time. `leave_alone` returns the ids
    of the instances whose status the agent must not change by itself. The steps of a job report to a `work` object.
    """

    def __init__(
        self,
        host: str,
        kinds: JobKinds,
        periodic: Sequence[Callable[[datetime], None]] = (),
        *,
        leave_alone: Callable[[], Collection[str]] = tuple,
        work: type[Work] = Work,
    ) -> None:
        self.host = host
        self.kinds = kinds
        self.watcher = Watcher(host, leave_alone)
        self.periodic = (*periodic, self.watcher.reconcile)
        self.leave_alone = leave_alone
        self.work = work
        self.supervisor = Supervisor(host, leave_alone)
        # Distinguishes this agent from others of the host, on this machine or elsewhere.
        self.token = secrets.token_hex(16)
        self._outages = Outages(log)
        # The loops and tasks that could not use the console database when they ran last.
        self._without_database: set[str] = set()
        # By the id of a job whose cleanup failed: the failures, and the time.monotonic() of the next attempt.
        self._clean_ups: dict[UUID, tuple[int, float]] = {}
        self._stopping = threading.Event()
        self._works: dict[threading.Thread, Work] = {}
        self._due: dict[str, float] = {}
        # Set when a job has ended, so that the next one begins at once.
        self._ended = threading.Event()
        # The number of calls of stop(), and the time at which the agent ends the jobs that still run.
        self._stop_requests = 0
        self._drained_at = 0.0

    def stop(self) -> None:
        """Make run() end after the running jobs, or after CONSOLE_DRAIN_SECONDS. A second call ends it at once.

        Safe in a signal handler.
        """
        # Do not set the event here: that takes a lock, which the interrupted thread may hold.
        self._stop_requests += 1
        if self._stop_requests == 1:
            self._drained_at = time.monotonic() + settings.CONSOLE_DRAIN_SECONDS

    def take_host(self, before: str) -> bool:
        """Become the host's only agent. Return False if another agent is alive, or if stop() is called.

        `before` is the token of an agent that has ended. If another agent was seen recently, wait until it sends a
        heartbeat or goes offline.
        """
        last_heartbeat = None
        listening = listening_here()
        take = partial(hosts.take, self.host, agent=self.token, before=before, version=version())
        while not take(now=timezone.now(), listening=listening):
            heartbeat = Host.objects.get(pk=self.host).seen
            if last_heartbeat and heartbeat != last_heartbeat:
                return False
            last_heartbeat = heartbeat
            time.sleep(0.5)
            if self._stop_requests:
                return False
        return True

    def _may_end(self) -> bool:
        if self._stop_requests != 1 or time.monotonic() >= self._drained_at:
            return self._stop_requests > 0
        return not any(thread.is_alive() for thread in self._works)

    def run(self) -> None:
        """Serve until stop() is called. Main thread only: Linux ends servers with the thread that started them."""
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
                if not self._stop_requests and self._is_due("claim", CLAIM_EVERY):
                    self._claim()
                if self._is_due("reconcile", RECONCILE_EVERY):
                    self.supervisor.reconcile()
                    self._succeeded("round", "The rounds of the agent succeed again.")
            except Exception as error:
                # The servers and the agent carry on.
                self._failed("round", "A round of the agent failed", error)
                time.sleep(1.0)
        self._stopping.set()
        self._end()
        keeper.join(0.5)
        timer.join(0.5)

    def _failed(self, key: str, sentence: str, error: Exception) -> None:
        """Log why the loop or task `key` failed, unless that was logged since it succeeded.

        If the console database is unavailable, all loops and tasks share one line. Any other error gets a traceback, so
        call this while the error is handled.
        """
        if isinstance(error, DATABASE_UNAVAILABLE):
            self._without_database.add(key)
            self._outages.begin("database", explain_database(error), str(error))
        else:
            self._without_database.discard(key)
            self._outages.begin(key, sentence, repr(error), traceback=True)
        connections.close_all()

    def _succeeded(self, key: str, sentence: str) -> None:
        """Log the sentence if the loop or task `key` had failed.

        An outage of the console database ends when all loops and tasks that it stopped succeed again.
        """
        self._outages.end(key, sentence)
        self._without_database.discard(key)
        if not self._without_database:
            self._outages.end("database", "The console database responds again.")

    def _begin(self) -> None:
        """Fail the jobs and settle the files that a dead agent of this host left behind, then start the servers."""
        for job in Job.objects.running().filter(host=self.host).select_related("instance", "host"):
            leases.fail_interrupted(steps_of(job, self.kinds))
        self.sweep()
        self.supervisor.begin()

    def sweep(self) -> None:
        """Settle the files that jobs left on this host when their agent died. Call only while no job runs."""
        homes.prepare_host()
        for steps in self.kinds.values():
            steps.sweep(self.leave_alone())

    def _end(self) -> None:
        """End the running jobs as Failed, then stop the servers."""
        for work in self._works.values():
            work.stop(Message("agent.shut_down"))
        # A job may be waiting for a server, so the supervisor must keep working until the jobs end.
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline and any(thread.is_alive() for thread in self._works):
            self.supervisor.tick()
            threading.Event().wait(TICK)
        self.watcher.stop()
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
            job = leases.claim(self.host, timezone.now())
            if job is None:
                return
            work = self.work(job, self.supervisor)
            thread = threading.Thread(target=self._do, args=[work], name=f"job-{job.id}", daemon=True)
            self._works[thread] = work
            thread.start()

    def _do(self, work: Work) -> None:
        """Run the steps of one job, in its own thread, and write its outcome and its record."""
        with work.record.logging():
            self._do_steps(work)

    def _do_steps(self, work: Work) -> None:
        job, steps = work.job, steps_of(work.job, self.kinds)
        log.info("Job %s (%s) of instance %s started.", job.id, job.kind, job.instance_uid or "-")
        completed = False
        try:
            try:
                result = steps.run(work)
                completed = self._persist(job, lambda: leases.complete(steps, result))
                outcome = "completed" if completed else "lost its lease"
            except LeaseLost:
                outcome = "lost its lease"
            except JobFailed as error:
                outcome = self._fail(steps, str(error), interrupted=self._stopping.is_set())
                outcome = str(error) if isinstance(error, JobCancelled) else outcome
            except DATABASE_UNAVAILABLE as error:
                log.warning("Job %s (%s) could not go on: %s", job.id, job.kind, error)
                connections.close_all()
                outcome = self._fail(steps, explain_database(error))
            except OSError as error:
                reason = _explain(error)
                log.warning("Job %s (%s) failed: %s", job.id, job.kind, reason)
                outcome = self._fail(steps, reason)
            except Exception as error:
                # Whatever the error, the job must not stay Running.
                log.exception("Job %s (%s) failed unexpectedly.", job.id, job.kind)
                outcome = self._fail(steps, _explain(error))
            # Most reasons of failures end with a full stop, some do not.
            log.info("Job %s (%s) %s.", job.id, job.kind, outcome.removesuffix("."))
            # Before the cleanup ends: until then the task's page refreshes itself.
            work.record.save()
        finally:
            try:
                self._settle(work, steps, completed=completed)
                work.record.save()
                connections.close_all()
            finally:
                work.ended = True
                self._ended.set()

    def _fail(self, steps: JobSteps[Any, Any], reason: str, *, interrupted: bool = False) -> str:
        self._persist(steps.job, lambda: leases.fail(steps, reason, interrupted=interrupted, left_behind=True))
        return f"failed: {reason}"

    def _persist(self, job: Job, write: Callable[[], bool]) -> bool:
        """Write the end of a job; retry for some minutes while the console database is unavailable.

        The write is conditional on the lease, so repeating it changes nothing.
        """
        key, what = f"end of job {job.pk}", f"The end of job {job.pk} ({job.kind})"
        for pause in PERSIST_AFTER:
            try:
                written = write()
            except DATABASE_UNAVAILABLE as error:
                self._outages.begin(key, f"{what} could not be written and will be retried", str(error))
                connections.close_all()
                if self._stopping.wait(pause):
                    break
            else:
                self._outages.end(key, f"{what} has been written.")
                return written
        return write()

    def _settle(self, work: Work, steps: JobSteps[Any, Any], *, completed: bool) -> None:
        """Make servers and files agree with the job's outcome. If that fails, _clean_up_left_behind() retries."""
        try:
            if not completed:
                steps.abandon(work)
        except Exception as error:
            self._clean_up_failed(work.job, error)
        else:
            self._clean_up(steps)

    def _clean_up_left_behind(self, _now: datetime) -> None:
        """Clean up after the jobs that another process ended, or whose first cleanup failed."""
        doing = [work.job.pk for thread, work in list(self._works.items()) if thread.is_alive()]
        for job in Job.objects.filter(host=self.host, left_behind=True).exclude(pk__in=doing):
            if time.monotonic() >= self._clean_ups.get(job.pk, (0, 0.0))[1]:
                self._clean_up(steps_of(job, self.kinds))

    def _clean_up(self, steps: JobSteps[Any, Any]) -> None:
        job = steps.job
        try:
            steps.clean_up()
            # The job's row has had left_behind set since the job ended, so failing to write it does no harm.
            Job.objects.filter(pk=job.pk).update(left_behind=False)
        except Exception as error:
            self._clean_up_failed(job, error)
        else:
            self._clean_ups.pop(job.pk, None)
            self._outages.end(f"job {job.pk}", f"Cleaning up after job {job.pk} ({job.kind}) succeeded.")

    def _clean_up_failed(self, job: Job, error: Exception) -> None:
        """Log the reason once, and let _clean_up_left_behind() retry after a pause."""
        failures = self._clean_ups.get(job.pk, (0, 0.0))[0]
        pause = CLEAN_UP_AFTER[min(failures, len(CLEAN_UP_AFTER) - 1)]
        self._clean_ups[job.pk] = failures + 1, time.monotonic() + pause
        # A sentence for people, such as that a deployment does not answer.
        said = isinstance(error, EngineError | JobFailed)
        self._outages.begin(
            f"job {job.pk}",
            f"Cleaning up after job {job.pk} ({job.kind}) failed and will be retried",
            explain_file(error) if isinstance(error, OSError) else str(error) if said else repr(error),
            traceback=not (said or isinstance(error, (OSError, *DATABASE_UNAVAILABLE))),
        )
        if isinstance(error, DATABASE_UNAVAILABLE):
            connections.close_all()

    def _keep_time(self) -> None:
        """Call the periodic tasks until the agent stops. Call a task that failed again in the next round."""
        while not self._stopping.is_set():
            for number, task in enumerate((*self.periodic, self._clean_up_left_behind)):
                try:
                    close_old_connections()
                    task(timezone.now())
                    self._succeeded(f"task {number}", "The periodic task succeeds again.")
                except Exception as error:
                    self._failed(f"task {number}", "A periodic task failed", error)
            self._stopping.wait(PERIODIC_EVERY)
        connections.close_all()

    def _lose_host(self) -> None:
        """End this agent: its heartbeats stopped for so long that another agent has taken over the host."""
        log.error("Another agent has taken over the host %s; this one ends.", self.host)
        for work in list(self._works.values()):
            work.lose()
        # End at once, as after a second signal.
        self._stop_requests += 2

    def _keep_leases(self) -> None:
        """Renew the leases and write the host's heartbeat. The main thread may have to wait, so it could be late."""
        every = min(5.0, settings.CONSOLE_LEASE_SECONDS / 4)
        watch = leases.LeaseWatch()
        while not self._stopping.wait(every):
            try:
                close_old_connections()
                now = timezone.now()
                if not hosts.write_heartbeat(self.host, agent=self.token, now=now):
                    self._lose_host()
                    return
                for thread, work in list(self._works.items()):
                    if thread.is_alive() and work.job.token and not leases.renew(work.job.token, now):
                        work.lose()
                watch.fail_expired(self.kinds, time.monotonic())
                self._succeeded("leases", "The leases are renewed again.")
            except Exception as error:
                # Keep the thread alive: without it every lease would expire.
                self._failed("leases", "The leases could not be renewed", error)
                if isinstance(error, DatabaseError | InterfaceError):
                    # No agent could renew its leases. Give each agent time to do so when the database is back.
                    watch = leases.LeaseWatch()


def _explain(error: Exception) -> str:
    """Return the reason for a failure that no step of the job expected."""
    if isinstance(error, OSError):
        return Message("job.disk", why=explain_file(error))
    return Message("job.unexpected", name=type(error).__name__)
