import getpass
import os
import shutil
import tempfile
from argparse import ArgumentParser
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from backups.archive import ArchiveError
from backups.rehearsal import Rehearsed, rehearse
from backups.storage.base import NotEnoughSpace
from console.processes import home, secrets
from instances import engines
from instances.engines.base import Access, EngineError
from instances.engines.deployment.hosts import NotAllowed
from instances.engines.deployment.uri import parse
from instances.models import Deployment

VARIABLE = "DEPLOYMENT_PASSWORD"


class Command(BaseCommand):
    help = (
        "Back an existing MongoDB deployment up into a temporary folder, restore that into a temporary server, and "
        "compare every document. Registers nothing and removes everything. With --probe, the test writes to a scratch "
        "collection in the database console_probe, to prove that backups can be of one moment."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("name", nargs="?", help="the instance, if the deployment is registered")
        which.add_argument("--uri", help=f"a connection string without the password, which is in {VARIABLE} or typed")
        parser.add_argument("--tls-ca", type=Path, metavar="FILE", help="with --uri: the certificates to trust (PEM)")
        parser.add_argument(
            "--tls-cert", type=Path, metavar="FILE", help="with --uri: the client's certificate and key"
        )
        parser.add_argument("--probe", action="store_true", help="prove that backups can be of one moment")

    def handle(self, *args: Any, name: str | None, uri: str | None, probe: bool, **options: Any) -> None:
        home.prepare(settings.CONSOLE_HOME)
        access = self.from_uri(uri, options["tls_ca"], options["tls_cert"]) if uri else self.from_row(name or "")
        room = Path(tempfile.mkdtemp(prefix="check-", dir=settings.CONSOLE_HOME))
        try:
            self.report(self.rehearse(access, room, probe=probe))
        except (EngineError, ArchiveError, NotEnoughSpace, OSError) as error:
            raise CommandError(f"The check failed: {error}") from None
        finally:
            shutil.rmtree(room, ignore_errors=True)

    def from_row(self, name: str) -> Access:
        found = Deployment.objects.filter(instance__name=name)[:2]
        if len(found) != 1:
            raise CommandError(
                f"{'Several existing deployments are' if found else 'No existing deployment is'} named {name}."
            )
        try:
            return found[0].access()
        except secrets.CannotUnseal:
            raise CommandError(
                f"The console's credential key has changed. Enter the password of {name} again."
            ) from None

    def from_uri(self, uri: str, ca: Path | None, certificate: Path | None) -> Access:
        try:
            parsed = parse(uri)
        except NotAllowed as error:
            raise CommandError(str(error)) from None
        if parsed.password:
            # Everybody on this machine can read the arguments of a process.
            raise CommandError(f"Leave the password out of the connection string. Set {VARIABLE}, or type it.")
        password = ""
        if parsed.user and parsed.mechanism != "MONGODB-X509":
            password = os.environ.get(VARIABLE) or getpass.getpass(f"Password of {parsed.user}: ")
        return Access(
            address=parsed.address,
            user=parsed.user,
            password=password,
            auth_source=parsed.auth_source or "admin",
            mechanism=parsed.mechanism,
            tls=bool(parsed.tls or ca or certificate),
            ca=ca.read_text() if ca else "",
            certificate=certificate.read_text() if certificate else "",
            reads_from=parsed.reads_from or "primary",
        )

    def rehearse(self, access: Access, room: Path, *, probe: bool) -> Rehearsed:
        self.say("Testing the connection...")
        tested = engines.deployment().test(access, lambda: None, probe=probe)
        for finding in tested.findings:
            self.say(f"  [{finding.tone}] {finding.message}")
        # Say what comes of it: a check may be of any moment, because it compares with what it has read.
        access = replace(access, ways=tested.ways or access.ways, any_moment=True)
        return rehearse(access, tested, room, self.say)

    def say(self, sentence: str) -> None:
        self.stdout.write(sentence)
        self.stdout.flush()

    def report(self, result: Rehearsed) -> None:
        for name in result.changed:
            self.say(f"  {name} was written to meanwhile, so it was compared with the archive only.")
        for name in result.lacking:
            self.say(f"  {name} is not supported by the temporary server, so it was not compared.")
        for difference in result.different:
            self.say(f"  {difference}")
        if result.different:
            raise CommandError(f"{len(result.different)} of {result.collections} collections differ.")
        self.say(
            f"All {result.documents} documents in {result.collections} collections and their indexes are the same."
        )
