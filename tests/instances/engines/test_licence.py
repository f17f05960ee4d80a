"""SecantusDB is licensed under the GPL: the console talks to it only over a connection, never in one process."""

import ast
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

LAUNCHER = Path("instances/engines/embedded/launcher")
GPL = {"secantus", "wiredtiger"}
ROOMS = {"backups", "console", "instances", "tests"}


def imports(path: Path) -> Iterator[str]:
    """Yield the full name of every module that the file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from (f"{node.module}.{name.name}" for name in node.names)


def imported() -> dict[Path, set[str]]:
    base = Path(settings.BASE_DIR)
    files = [base / "manage.py", *(path for room in sorted(ROOMS) for path in (base / room).rglob("*.py"))]
    return {path.relative_to(base): set(imports(path)) for path in files}


def test_only_the_launcher_imports_secantusdb() -> None:
    importing = {path for path, names in imported().items() if {name.split(".")[0] for name in names} & GPL}
    assert importing
    assert {path for path in importing if path.parent != LAUNCHER} == set()


def test_the_launcher_and_the_console_do_not_import_each_other() -> None:
    inside = {path: names for path, names in imported().items() if path.parent == LAUNCHER}
    assert {name for names in inside.values() for name in names if name.split(".")[0] in ROOMS} == set()
    name = ".".join(LAUNCHER.parts)
    assert [
        path for path, names in imported().items() if any(f"{each}.".startswith(f"{name}.") for each in names)
    ] == []
