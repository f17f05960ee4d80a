from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from console.text import catalogues


class Command(BaseCommand):
    help = "Bring the catalogues of translations (locale/ of each app) up to date with the sources."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        for path in catalogues.update():
            self.stdout.write(f"Updated {path.relative_to(settings.BASE_DIR)}")
        for problem in catalogues.problems():
            self.stdout.write(str(problem))
