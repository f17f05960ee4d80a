"""The watcher checks the existing deployments of a host, and writes the states of their instances.

Each deployment has a thread of its own, so a deployment that does not answer delays neither the others nor the agent.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from datetime import datetime
from typing import Any

from django.db import close_old_connections, connections
from django.utils import timezone

from console.processes import secrets
from console.processes.outages import Outages
from console.text.errors import DATABASE_UNAVAILABLE
from console.text.messages import Message
from instances import engines
from instances.choices import Action, EngineKind, State
from instances.engines.base import Access, EngineError
from instances.engines.deployment.facts import Watch
from instances.models import Deployment, Instance, InstanceQuerySet
from instances.reported import columns_of

log = logging.getLogger(__name__)

CHECK_EVERY = 30.0
CHECK_FAILED_EVERY = 5.0
# A deployment whose check fails once may only be electing a new primary.
FAILED_CHECKS = 2
# Counting the documents of all databases takes a deployment longer than answering.
FACTS_EVERY = 300.0
# A certificate may be renewed at any time, and looking at it takes a connection of its own.
CERTIFICATE_EVERY = 3600.0

# The states that end when the deployment answers, and those that end when it does not.
_DOWN = (State.STARTING, State.ABNORMAL, State.RESTORE_FAILED)
_ALIVE = (State.AVAILABLE, State.STARTING, State.ABNORMAL)


class Watcher:
    """Checks the deployments of a host that were reached once.

    Does not change the status of the instances that `leave_alone` returns.
    """

    def __init__(self, host: str, leave_alone: Callable[[], Collection[str]] = tuple) -> None:
        self.host = host
        self._leave_alone = leave_alone
        self._checks: dict[str, Check] = {}

    def reconcile(self, _now: datetime) -> None:
        """Watch every deployment that should be watched, and check at once any whose row has changed."""
        rows = {row["instance_id"]: row for row in self._rows()}
        for gone in self._checks.keys() - rows.keys():
            self._checks.pop(gone).stop()
        for instance_id, row in rows.items():
            if instance_id not in self._checks:
                self._checks[instance_id] = Check(instance_id, self._leave_alone)
            self._checks[instance_id].watch(row)

    def _rows(self) -> Iterable[dict[str, Any]]:
        """Return the connections, each with what else is a reason to check at once: the end of work, or another state.

        Short work may begin and end between two calls, but a restoration that fails leaves another state.
        """
        here = Deployment.objects.filter(instance__host=self.host, instance__engine_kind=EngineKind.DEPLOYMENT)
        reached = here.filter(instance__state__in=[*_ALIVE, State.RESTORE_FAILED])
        columns = [field.attname for field in Deployment._meta.concrete_fields]
        kept = reached.exclude(instance__action=Action.DELETE)
        return list(kept.values(*columns, "instance__action", "instance__state"))

    def stop(self) -> None:
        """End all checks, without waiting for those that run."""
        while self._checks:
            self._checks.popitem()[1].stop()


class Check:
    """The repeated check of one deployment."""

    def __init__(self, instance_id: str, leave_alone: Callable[[], Collection[str]]) -> None:
        self._instance_id = instance_id
        self._leave_alone = leave_alone
        self._outages = Outages(log)
        self._row: dict[str, Any] | None = None
        self._access: Access | None = None
        self._watch: Watch | None = None
        self._facts_at = self._certificate_at = 0.0
        self._failures = 0
        self._due = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"watch-{instance_id}", daemon=True)

    def watch(self, row: dict[str, Any]) -> None:
        """Start the thread, and check at once if the row is not the same as before."""
        if row != self._row:
            self._row = row
            self._due.set()
        if not self._thread.is_alive() and not self._ended.is_set():
            self._thread.start()

    def stop(self) -> None:
        """Make the thread end, but do not wait for it."""
        self._ended.set()
        self._due.set()

    def _run(self) -> None:
        while not self._ended.is_set():
            self._due.clear()
            try:
                close_old_connections()
                self.check()
                self._outages.end("check", f"The deployment {self._instance_id} is checked again.")
            except Exception as error:
                # Keep the thread alive. The agent logs that the console database is unavailable.
                if not isinstance(error, DATABASE_UNAVAILABLE):
                    sentence = f"The check of the deployment {self._instance_id} failed"
                    self._outages.begin("check", sentence, repr(error), traceback=True)
            finally:
                connections.close_all()
            self._due.wait(CHECK_FAILED_EVERY if self._failures else CHECK_EVERY)
        self._unwatch()

    def check(self) -> None:
        """Ask the deployment whether it is well, and write any change."""
        deployment = Deployment.objects.filter(pk=self._instance_id).first()
        if deployment is None:
            return
        try:
            self._ask(deployment)
        except secrets.CannotUnseal:
            self._write_abnormal(Message("deployment.password_unreadable"))
        except EngineError as error:
            self._failures += 1
            if self._failures >= FAILED_CHECKS:
                self._write_abnormal(str(error))
        else:
            self._failures = 0
            self._write_available()

    def _ask(self, deployment: Deployment) -> None:
        """Raise EngineError unless the deployment answers. Now and then, copy what it says about itself to its row."""
        access = deployment.access()
        if self._watch is None or access != self._access:
            self._unwatch()
            self._watch, self._access = engines.deployment().watch(access), access
            self._facts_at = self._certificate_at = 0.0
        alive = self._watch.alive()
        self._note_certificate(deployment, self._watch)
        if not alive:
            raise EngineError(self._watch.why)
        if time.monotonic() < self._facts_at:
            return
        self._facts_at = time.monotonic() + FACTS_EVERY
        try:
            columns = columns_of(self._watch.facts(), timezone.now())
        except EngineError as error:
            # A deployment that answers is well, even if counting what it has takes too long.
            log.info("The facts about the deployment %s could not be read: %s", self._instance_id, error)
        else:
            Instance.objects.filter(pk=self._instance_id).update(**columns)

    def _note_certificate(self, deployment: Deployment, watch: Watch) -> None:
        """Now and then, note when the certificate expires, also if the deployment does not answer because of it."""
        if not deployment.tls or time.monotonic() < self._certificate_at:
            return
        self._certificate_at = time.monotonic() + CERTIFICATE_EVERY
        with suppress(EngineError):
            if expires := watch.certificate_expires():
                # Only if the connection was not edited meanwhile.
                same = Deployment.objects.filter(pk=deployment.pk, address=deployment.address, tls=True)
                same = same.filter(sealed_certificate=deployment.sealed_certificate)
                same.exclude(certificate_expires=expires).update(certificate_expires=expires)

    def _unwatch(self) -> None:
        if self._watch:
            self._watch.close()
        self._watch = None

    def _write_available(self) -> None:
        down = self._instances().filter(state__in=_DOWN)
        # A job that is working on the deployment writes the state itself.
        working = [Action.RESTORE, Action.DELETE, Action.RESTART]
        down.exclude(action__in=working).update(state=State.AVAILABLE, failure="")

    def _write_abnormal(self, reason: str) -> None:
        self._instances().filter(state__in=_ALIVE).update(state=State.ABNORMAL, failure=reason)

    def _instances(self) -> InstanceQuerySet:
        return Instance.objects.filter(pk=self._instance_id).exclude(pk__in=self._leave_alone())
