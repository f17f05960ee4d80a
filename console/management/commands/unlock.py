from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from console.accounts import throttle


class Command(BaseCommand):
    help = "Let a user sign in again after too many failed attempts. Without a name, also unlock all addresses."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", nargs="?")

    def handle(self, *args: Any, name: str | None, **options: Any) -> None:
        throttle.forget(name)
        self.stdout.write(f"{name or 'Everybody'} can try to sign in again.")
