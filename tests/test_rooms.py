"""Modules and templates use only the rooms that their own room may use: backups -> instances -> console."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

BASE = Path(settings.BASE_DIR)
APPS = ("console", "instances", "backups")
# The rooms of console/ that may use every app, as its top level may.
FREE = {"configuration", "management", "migrations", "monitoring", "overview", "testing"}
LIBRARIES = {path.stem: app for app in APPS for path in (BASE / app / "templatetags").glob("[!_]*.py")}
LOADED = re.compile(r"{% load ([^%]+) %}")
INCLUDED = re.compile(r'{% (?:include|extends) "([^"]+)"')


def app_of(parts: tuple[str, ...]) -> str:
    """Return the app whose arrows apply to a file; "backups", which may use every app, for the composition root."""
    app, *inside = parts if parts[0] in APPS else ("console", *parts)
    if app != "console":
        return app
    return "backups" if len(inside) == 1 or inside[0] in FREE else "console"


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def apps_of_modules(path: Path) -> Iterator[str]:
    yield from (app for name in imported(path) if (app := name.split(".")[0]) in APPS)


def apps_of_templates(path: Path) -> Iterator[str]:
    text = path.read_text()
    libraries = (name for names in LOADED.findall(text) for name in names.split())
    yield from (LIBRARIES[name] for name in libraries if name in LIBRARIES)
    # Every page extends the templates at the top, so these count as the console's.
    yield from (room for name in INCLUDED.findall(text) if (room := name.split("/")[0]) in APPS)


def uses() -> Iterator[tuple[str, str, str]]:
    """Yield each file, the app whose arrows apply to it, and an app that it uses."""
    for app in APPS:
        for path in (BASE / app).rglob("*.py"):
            for used in apps_of_modules(path):
                yield str(path), app_of(path.relative_to(BASE).parts), used
    for path in (BASE / "templates").rglob("*.html"):
        for used in apps_of_templates(path):
            yield str(path), app_of(path.relative_to(BASE / "templates").parts), used


def test_no_module_or_template_uses_an_app_against_the_arrows() -> None:
    assert [f"{path} uses {used}" for path, app, used in uses() if APPS.index(used) > APPS.index(app)] == []


@pytest.mark.parametrize(
    ("path", "app"),
    [
        ("backups/_list.html", "backups"),
        ("instances/models/job.py", "instances"),
        ("console/jobs.py", "backups"),
        ("console/testing/seed/backups.py", "backups"),
        ("console/web/htmx.py", "console"),
        ("base.html", "backups"),
        ("overview/_failures.html", "backups"),
        ("components/_chart.html", "console"),
    ],
)
def test_the_composition_root_and_the_free_rooms_may_use_every_app(path: str, app: str) -> None:
    assert app_of(Path(path).parts) == app
