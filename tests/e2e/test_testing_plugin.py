"""console.testing as the tests of another project use it: installed, without settings, in a separate folder."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.waiting import wait_for

THEIRS = """
import json, os, time, urllib.request
from pathlib import Path


def test_there_is_a_console(console_server):
    assert urllib.request.urlopen(console_server.url + "/healthz").status == 200
    assert "No migrations" not in console_server.manage("settings")
    Path("seen.json").write_text(json.dumps({"home": str(console_server.home), "took": console_server.started_in}))
"""


KILLED = """
import signal, sys, threading
from pathlib import Path
from console.testing.server import ConsoleServer

server = ConsoleServer(Path(sys.argv[1]))
# The thread that starts it may end long before the tests do.
starting = threading.Thread(target=server.start)
starting.start()
starting.join()
server.sign_in()
print("ready", flush=True)
signal.pause()
"""


def run(folder: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("DJANGO", "PYTEST", "CONSOLE"))}
    return subprocess.run(
        [sys.executable, *command], cwd=folder, env=clean, capture_output=True, text=True, timeout=120
    )


def test_importing_the_plugin_imports_neither_django_nor_playwright(tmp_path: Path) -> None:
    code = "import sys, console.testing.plugin; print('django' in sys.modules, 'playwright' in sys.modules)"
    assert run(tmp_path, "-c", code).stdout.split() == ["False", "False"]


def test_the_page_objects_need_no_settings(tmp_path: Path) -> None:
    code = "import sys, console.testing.pages; print('django' in sys.modules)"
    assert run(tmp_path, "-c", code).stdout.split() == ["False"]


def test_a_console_starts_for_the_tests_and_stops_with_the_run(tmp_path: Path) -> None:
    (tmp_path / "test_theirs.py").write_text(THEIRS)
    done = run(tmp_path, "-m", "pytest", "-q", "-p", "no:django", "-p", "no:randomly", "test_theirs.py")
    assert done.returncode == 0, done.stdout + done.stderr
    seen = json.loads((tmp_path / "seen.json").read_text())
    # It takes under 5 s on an idle machine; the bound allows for a busy one.
    assert seen["took"] < 20
    assert left(seen["home"]) == []


def test_a_console_stops_when_the_run_is_killed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with subprocess.Popen([sys.executable, "-c", KILLED, str(home)], stdout=subprocess.PIPE, text=True) as killed:
        assert killed.stdout is not None
        assert killed.stdout.readline() == "ready\n"
        assert len(left(str(home))) >= 3
        killed.kill()
    wait_for(lambda: left(str(home)) == [], seconds=15, because="the end of every process")


def left(home: str) -> list[Path]:
    """Return the /proc entries of the processes of the console with this home."""
    mine = f"CONSOLE_HOME={home}".encode()
    return [entry for entry in Path("/proc").glob("[0-9]*/environ") if mine in read(entry)]


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
