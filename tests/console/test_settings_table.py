"""The table in console/README.md lists exactly the settings that environment variables can set."""

import io
import re

from django.conf import settings
from django.core.management import call_command

from console.environment import BASE_DIR, SETTINGS


def test_the_readme_has_the_table_that_the_command_prints() -> None:
    printed = io.StringIO()
    call_command("settings", stdout=printed)
    document = (BASE_DIR / "console" / "README.md").read_text()
    assert printed.getvalue().strip() in document, "Put the output of `manage.py settings` into console/README.md."


def test_every_setting_exists_in_django() -> None:
    for setting in SETTINGS:
        assert hasattr(settings, setting.name), setting.name


def test_no_other_module_reads_a_setting_missing_from_the_table() -> None:
    known = {setting.name for setting in SETTINGS}
    for folder in ("backups", "console", "instances"):
        for module in (BASE_DIR / folder).rglob("*.py"):
            named = set(re.findall(r"\bCONSOLE_[A-Z][A-Z_0-9]*[A-Z0-9]\b", module.read_text()))
            assert named <= known, f"{module.relative_to(BASE_DIR)} names {named - known}"
