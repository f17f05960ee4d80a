from typing import Any

from django.core.management.base import BaseCommand

from console.environment import SETTINGS


class Command(BaseCommand):
    help = "Print the settings that the environment may set, as the table in console/README.md."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write("| Setting | Default | Meaning |\n| --- | --- | --- |")
        for setting in SETTINGS:
            default = setting.default
            shown = default if " " in default or default in {"", "generated"} or "`" in default else f"`{default}`"
            self.stdout.write(f"| `{setting.name}` | {shown} | {setting.meaning} |")
