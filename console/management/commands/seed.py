import shutil
import signal
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, transaction
from django.utils import timezone

from backups import history as past
from backups.archive import ArchiveError
from backups.models import Backup, Policy, Restoration, StorageSample
from backups.storage.base import StorageFailed, archive_storage
from console.accounts import passwords
from console.audit import audited as audit
from console.audit.choices import Outcome
from console.processes import home, locks
from console.testing.seed import backups as backups_seeding
from console.testing.seed import console as console_seeding
from console.testing.seed import deployments as deployments_seeding
from console.testing.seed import instances as instances_seeding
from console.testing.seed import samples
from console.testing.seed.backups import Drawing, Drawn
from console.testing.seed.console import Event, Seed
from console.testing.seed.instances import Instances
from instances.choices import InstanceType
from instances.connecting import ADMINISTRATOR
from instances.engines.base import EngineError
from instances.models import Deployment, Instance, Job

_BATCH = 1000


class Command(BaseCommand):
    help = (
        "Fill the console with instances, backups of every status, policies, tasks, users and audit events: the same "
        "seed gives the same ids and names. Instances and archives are real. The console may be running."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--seed", type=int, default=1, metavar="N", help="what all is drawn from (%(default)s)")
        parser.add_argument(
            "--instances", type=int, default=3, metavar="N", help="instances with a server each (%(default)s)"
        )
        parser.add_argument("--backups", type=int, default=24, metavar="N", help="backups of those (%(default)s)")
        parser.add_argument(
            "--documents",
            type=int,
            default=0,
            metavar="N",
            help="documents of a kilobyte in each instance, besides the few thousand of the demo (%(default)s)",
        )
        parser.add_argument(
            "--no-archives",
            action="store_true",
            help="do not make the archives of the backups: they are listed, and cannot be downloaded, restored or "
            "verified. For very many of them",
        )
        parser.add_argument(
            "--now",
            type=moment,
            metavar="TIME",
            help="the time that all times lie before, such as 2026-01-31T12:00:00+00:00 (now)",
        )
        parser.add_argument(
            "--password",
            default="",
            help=f"of the users that are made, and of {ADMINISTRATOR} on the instances (generated and printed)",
        )
        parser.add_argument(
            "--instance-password",
            default="",
            metavar="PASSWORD",
            help=f"of {ADMINISTRATOR} on the instances, if it is another one",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if min(options["instances"] - 1, options["backups"], options["documents"]) < 0:
            raise CommandError("--instances must be 1 or more, --backups and --documents 0 or more.")
        self.given = bool(options["password"])
        self.password = options["password"] or passwords.generate()
        self.instance_password = options["instance_password"] or self.password
        seed = Seed(options["seed"], options["now"] or timezone.now().replace(microsecond=0))
        home.prepare(settings.CONSOLE_HOME)
        # End on SIGTERM as on Ctrl-C: undo unfinished work, and stop the servers that fill the samples.
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            with room() as directory:
                if Instance.objects.filter(pk=seed.id("in02", "instance", "abnormal")).exists():
                    raise CommandError(
                        f"This console has what the seed {seed.number} makes already. Choose another --seed, or empty "
                        "the console first with: manage.py reset"
                    )
                self.fill(seed, directory, options)
        except OperationalError as error:
            raise CommandError(f"The console database cannot be used: {error}. Start the console once first.") from None
        except (EngineError, ArchiveError, StorageFailed) as error:
            raise CommandError(f"Nothing more was made: {error}") from None
        finally:
            signal.signal(signal.SIGTERM, before)

    def fill(self, seed: Seed, directory: Path, options: dict[str, Any]) -> None:
        kinds = [kind.value for kind in InstanceType]
        made = samples.make(directory, kinds, password=self.instance_password, more=options["documents"])
        # Accept the storage while there are no backups. Later a new console would look for their archives in it.
        archive_storage().require_there()
        user, archives = console_seeding.administrator(), not options["no_archives"]
        instances = instances_seeding.draw(seed, options["instances"], made)
        existing = instances.others[instances_seeding.DEPLOYMENT]
        drawing = Drawing(seed, made, user)
        ordinary = drawing.of(instances.real, options["backups"])
        first = list(islice(ordinary, _BATCH))
        gone = backups_seeding.retired(seed, instances.others["abnormal"].host)
        special = backups_seeding.special(drawing, instances, gone)
        with kept_if_written(instances, [*special.values(), *first]):
            instances_seeding.give_files(instances, made)
            self.store(drawing, [*special.values(), *first], archives=archives)
            past = backups_seeding.past(seed, first, special, instances, user)
            with transaction.atomic():
                Instance.objects.bulk_create(instances.all)
                Deployment.objects.bulk_create([deployments_seeding.deployment(seed, existing)])
                Policy.objects.bulk_create(backups_seeding.policies(seed, instances))
                Job.objects.bulk_create(
                    [
                        *instances_seeding.jobs_of(seed, instances, (gone.id, gone.name), user),
                        *deployments_seeding.tests(seed, existing, user),
                        *past.jobs,
                    ]
                )
                write([*special.values(), *first])
                Restoration.objects.bulk_create(past.restorations)
                console_seeding.write_events(list(history(instances, [*special.values(), *first])), user)
        written = len(first) + len(special)
        while batch := list(islice(ordinary, _BATCH)):
            with kept_if_written(None, batch):
                self.store(drawing, batch, archives=archives)
                with transaction.atomic():
                    write(batch)
            written += len(batch)
        past_samples = backups_seeding.samples(seed, instances, drawing.cuts)
        StorageSample.objects.bulk_create(past_samples, ignore_conflicts=True)
        self.report(seed, instances, written, options)

    def store(self, drawing: Drawing, batch: list[Drawn], *, archives: bool) -> None:
        for drawn in batch:
            if archives and backups_seeding.stored(drawn):
                drawing.store(drawn.backup)

    def report(self, seed: Seed, instances: Instances, backups: int, options: dict[str, Any]) -> None:
        users = console_seeding.make_users(self.password)
        self.stdout.write(
            f"Seed {seed.number}: {len(instances.all)} instances ({len(instances.real)} with a server, one of each "
            f"other status), {backups} backups."
        )
        if options["no_archives"]:
            self.stdout.write("Their archives are not there: they cannot be downloaded, restored or verified.")
        self.stdout.write("The instances become Available when the agent has started their servers.")
        same = self.instance_password == self.password
        self.stdout.write(f"Users:    {', '.join([*users, *([f'{ADMINISTRATOR} on the instances'] if same else [])])}")
        shown = "as given" if self.given else f"{self.password}   (shown only this once)"
        self.stdout.write(f"Password: {shown}")
        if not same:
            self.stdout.write(f"{ADMINISTRATOR} on the instances has the password that was given for it.")


def moment(text: str) -> datetime:
    parsed = datetime.fromisoformat(text)
    if parsed.tzinfo is None:
        raise ValueError("a time without its zone")
    return parsed.replace(microsecond=0)


@contextmanager
def room() -> Iterator[Path]:
    """Make a directory for this seeding and remove it afterwards. Raises CommandError if another seeding is running."""
    directory = Path(settings.CONSOLE_HOME) / "seed"
    lock = locks.acquire(directory.with_suffix(".lock"))
    if lock is None:
        raise CommandError("Another seeding is running. Wait until that has ended.")
    with lock:
        # Remove what a killed seeding left there.
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(mode=0o700)
        try:
            yield directory
        finally:
            shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def kept_if_written(instances: Instances | None, batch: list[Drawn]) -> Iterator[None]:
    """Remove the files of the instances and backups if the block fails to write their rows."""
    try:
        yield
    except BaseException:
        if instances:
            instances_seeding.take_files(instances)
        backups_seeding.unstore([drawn.backup for drawn in batch])
        raise


def write(batch: list[Drawn]) -> None:
    Job.objects.bulk_create(drawn.job for drawn in batch)
    written = Backup.objects.bulk_create(drawn.backup for drawn in batch)
    past.note_ends(written)


def history(instances: Instances, batch: list[Drawn]) -> Iterator[Event]:
    """Yield the audit events that creating these rows would have recorded."""
    for instance in instances.all:
        trace = "ddsAddInstance" if instance.is_deployment else "ddsCreateInstance"
        yield Event(instance.created, trace, audit.resource_of(instance))
    for drawn in batch:
        yield Event(drawn.backup.started, "ddsCreateBackup", audit.resource_of(drawn.backup))
    lost = instances.others["abnormal"]
    reason = lost.backup_refusal
    yield Event(lost.created, "ddsCreateBackup", audit.resource_of(lost), Outcome.REFUSED, reason)
