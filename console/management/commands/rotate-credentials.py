from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError

from console import rotation
from console.processes import home, locks


class Command(BaseCommand):
    help = (
        "Make a new key for the passwords, keys and URLs that the console stores, and encrypt all of them with it. "
        "The console may be running."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--drop-old", action="store_true", help="drop the old key even if it is still in use")

    def handle(self, *args: Any, drop_old: bool, **options: Any) -> None:
        home.prepare(settings.CONSOLE_HOME)
        lock = locks.acquire(settings.CONSOLE_HOME / "rotation.lock")
        if lock is None:
            raise CommandError("The keys are being rotated already.")
        try:
            with lock:
                unreadable = self.use_first() if settings.CONSOLE_CREDENTIAL_KEYS else self.rotate(drop_old=drop_old)
        except OperationalError as error:
            raise CommandError(f"The console database cannot be used: {error}. Start the console once first.") from None
        except OSError as error:
            raise CommandError(f"The keys cannot be written: {error}.") from None
        for row in unreadable:
            self.stderr.write(f"No key can decrypt what is stored for the {row}. Enter it again.")

    def rotate(self, *, drop_old: bool) -> list[str]:
        dropped, unreadable = rotation.rotate_file(drop_old=drop_old)
        self.stdout.write(f"Everything is encrypted with a new key: {settings.CONSOLE_HOME / 'credentials.key'}.")
        self.stdout.write(
            "The old one is dropped. Keep a copy of the file."
            if dropped
            else "The old one is kept, because it is still in use: run this command again."
        )
        return unreadable

    def use_first(self) -> list[str]:
        if len(settings.CONSOLE_CREDENTIAL_KEYS) == 1:
            raise CommandError(
                "The key is in CONSOLE_CREDENTIAL_KEYS, which only you can change. Make a new key with: "
                "python -c 'import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())'. "
                "Set CONSOLE_CREDENTIAL_KEYS=NEW,OLD for the web process and all agents, and restart them. Run this "
                "command with the same setting. Then remove OLD, and restart them again."
            )
        unused, unreadable = rotation.seal_all_anew()
        self.stdout.write(
            "Everything is encrypted with the first key in CONSOLE_CREDENTIAL_KEYS. Remove the others from the setting "
            "of the web process and all agents, and restart them."
            if unused
            else "A process still encrypts with another key than the first one in CONSOLE_CREDENTIAL_KEYS. Give the "
            "web process and all agents the same setting, restart them, and run this command again."
        )
        return unreadable
