"""Restore a logical backup over the deployment that it was made from, or to an empty one.

The engine keeps a journal of the exchange in the instance's home. As long as it is there, settle() has to be called
until it succeeds: only then is it certain which data the deployment has.
"""

from contextlib import suppress

from backups import archive
from backups.damage import note_damage
from backups.jobs.restoring import damages
from backups.models import Backup
from backups.storage.base import archive_storage
from console.text.messages import Message
from instances import engines
from instances.choices import Step
from instances.engines.base import Contents, EngineError
from instances.homes import instance_home
from instances.jobs.places import access_of
from instances.models import Instance
from instances.queue.job import JobFailed
from instances.queue.pace import Amount
from instances.queue.work import Work


def restore_over(
    work: Work, backup: Backup, instance: Instance, *, begin: float, end: float, empty: bool = False
) -> None:
    """Replace the data of the deployment with the backup's. Raises JobFailed or LeaseLost.

    With `empty`, the deployment must have no data. `begin` and `end` are the job's progress, in percent, before and
    after everything is loaded beside the data. Mark the backup if its archive is missing or damaged.
    """
    access, home, engine = access_of(instance), instance_home(instance.id), engines.deployment()
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    done, total = 0, 0

    def report() -> None:
        work.report(begin + (end - begin) * done / (total or 1), Amount(Step.LOAD, done, total) if total else None)

    def read(now_done: int, now_total: int) -> None:
        nonlocal done, total
        done, total = now_done, now_total
        report()

    work.begin(Step.LOAD)
    try:
        with archive.stream(
            archive_storage(), backup.archive_name, sha256=backup.sha256 or None, progress=read
        ) as stream:

            def expected() -> Contents:
                # Only the end of the archive shows whether it is the right one.
                for _rest in stream.blocks:
                    pass
                work.begin(Step.EXCHANGE)
                assert stream.contents is not None
                return stream.contents

            tag = str(work.job.id)
            engine.restore(
                access,
                stream.blocks,
                expected,
                lambda _documents: report(),
                tag=tag,
                directory=home,
                empty=empty,
            )
    except (archive.ArchiveError, EngineError) as error:
        if damages(error):
            note_damage(backup, str(error))
        unclear = engine.journaled(home)
        raise JobFailed(str(error) if unclear else Message("deployment.not_restored", why=error)) from error


def settle(instance: Instance, tag: str) -> bool | None:
    """Finish or undo what a restoration has left on the deployment, and return whether it has the restored data.

    `tag` is the id of its job. Return None if it has left nothing, or if the journal is that of a later restoration.
    forget() must follow. Raises EngineError while the deployment does not answer,
    JobFailed if its password cannot be decrypted.
    """
    engine, home = engines.deployment(), instance_home(instance.id)
    return engine.settle(access_of(instance), home) if engine.journaled(home, tag) else None


def forget(instance_id: str, tag: str) -> None:
    """Remove the journal of a settled restoration, and the home: a deployment needs none otherwise."""
    home, engine = instance_home(instance_id), engines.deployment()
    if home.is_dir():
        # Without any journal, the agent may have ended while it wrote the first one.
        if engine.journaled(home, tag) or not engine.journaled(home):
            engine.forget(home)
        with suppress(OSError):
            home.rmdir()
