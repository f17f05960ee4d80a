from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError

from backups.imports import import_archive
from console.processes import home
from console.text.refused import Refused


class Command(BaseCommand):
    help = (
        "Import an archive (<backup id>.tar.zst) that was made elsewhere: check it completely, keep a copy, and list "
        "it as a manual backup that can be restored to a new instance. The console may be running."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE", help="the archive")
        parser.add_argument("--new-id", action="store_true", help="import it under a new id")

    def handle(self, *args: Any, file: Path, new_id: bool, **options: Any) -> None:
        home.prepare(settings.CONSOLE_HOME)
        try:
            backup = import_archive(path=file, new_id=new_id, requested_by=None, progress=self.show)
        except Refused as refusal:
            raise CommandError(str(refusal.message)) from None
        except OperationalError as error:
            raise CommandError(f"The console database cannot be used: {error}. Start the console once first.") from None
        documents = sum(database.documents for database in backup.databases)
        self.stdout.write(
            f"Imported {backup.name} ({backup.id}): {len(backup.databases)} databases, {documents} documents of the "
            f"instance {backup.instance_name}. Restore it to a new instance from Backup Management."
        )

    def show(self, done: int, total: int) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"\rChecking: {100 * done // max(total, 1)} %", ending="\n" if done >= total else "")
