"""A complete console for tests: the real process tree, used over HTTP like a browser without JavaScript."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Self

import console
from console.testing.hooks import Hooks
from console.testing.ports import free_port, free_ports
from console.testing.session import INSTANCE_PASSWORD, PASSWORD, Session
from console.testing.waiting import wait_for

_NOT_PASSED_ON = ("CONSOLE_", "DJANGO_", "DATABASE_URL")


def manage_py() -> Path:
    """The console's manage.py. Raises RuntimeError if the package was installed without its clone."""
    found = Path(console.__file__).resolve().parent.parent / "manage.py"
    if not found.exists():
        raise RuntimeError(
            f"There is no {found}. Clone the console's repository and install it from there with: pip install -e ."
        )
    return found


def _leads(pid: int) -> bool:
    try:
        return os.getpgid(pid) == pid
    except ProcessLookupError:
        return False


class ConsoleServer(Session):
    """`manage.py up` on a free port with its own home. A context manager: the tree stops when the block ends, or when
    this process ends, even by SIGKILL.

    `environment` holds settings of the console, such as CONSOLE_LEASE_SECONDS="5". A missing home is created; it stays
    after the console has stopped. `only` is "web" or "agent" to run one part of a console that has several homes.
    `hooks` controls the test hooks. `instance_password` is the password of the user rwuser on the demo instances and on
    the instances of seed().
    """

    def __init__(
        self,
        home: Path,
        *,
        demo: bool = False,
        only: str = "",
        instance_password: str = INSTANCE_PASSWORD,
        **environment: str,
    ) -> None:
        self.home = home
        self.instance_password = instance_password
        self.only = only
        self.port = free_port()
        super().__init__(f"http://127.0.0.1:{self.port}")
        self.hooks = Hooks(self.url)
        self.demo = demo
        self.environment = {
            # Do not pass on settings that are meant for another console.
            **{key: value for key, value in os.environ.items() if not key.startswith(_NOT_PASSED_ON)},
            "CONSOLE_HOME": str(home),
            "CONSOLE_ADMIN_PASSWORD": PASSWORD,
            "CONSOLE_DEMO_PASSWORD": instance_password,
            # Avoid the ports of other consoles on this machine, which search for free ports in the same way.
            "CONSOLE_FIRST_DB_PORT": str(free_ports(100)),
            "CONSOLE_TEST_HOOKS": "1",
            "PYTHONUNBUFFERED": "1",
            **environment,
        }
        self.output: list[str] = []
        # How many seconds the console took to get ready.
        self.started_in = 0.0

    def __enter__(self) -> Self:
        try:
            self.start()
            if self.only != "agent":
                self.sign_in()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # --- The process tree -------------------------------------------------------------------------

    def start(self) -> None:
        begun = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "up", "--until-input-ends", "--port", str(self.port), *self._options()],
            cwd=manage_py().parent,
            env=self.environment,
            # The pipe closes when this process ends, however it ends; then the console stops.
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        ready = threading.Event()
        threading.Thread(target=self._read, args=[self.process, ready], daemon=True).start()
        wait_for(lambda: ready.is_set() or self.process.poll() is not None, seconds=60, because="starting")
        if self.process.poll() is not None:
            raise AssertionError("The console did not start:\n" + "".join(self.output))
        self.started_in = time.monotonic() - begun

    def _options(self) -> list[str]:
        return [*([] if self.demo else ["--no-demo"]), *(["--only", self.only] if self.only else [])]

    def _read(self, process: "subprocess.Popen[str]", ready: threading.Event) -> None:
        assert process.stdin is not None and process.stdout is not None
        with process.stdin, process.stdout:
            for line in process.stdout:
                self.output.append(line)
                if "(stop it with Ctrl-C)" in line:
                    ready.set()

    def stop(self) -> float:
        """Stop the tree as Ctrl-C does, and return how many seconds it took."""
        started = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError("up did not stop:\n" + "".join(self.output)) from None
        return time.monotonic() - started

    def manage(self, *arguments: str) -> str:
        """Run a `manage.py` command on this console's home, and return its output."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=manage_py().parent,
            env=self.environment,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise AssertionError(f"manage.py {arguments[0]} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def seed(
        self, number: int = 1, *, instances: int = 3, backups: int = 24, documents: int = 0, archives: bool = True
    ) -> None:
        """Fill the console, which may be running, with what `manage.py seed` makes.

        The password is PASSWORD for its users, and `instance_password` for the user rwuser on its instances.
        """
        sizes = {"seed": number, "instances": instances, "backups": backups, "documents": documents}
        options = [f"--{name}={value}" for name, value in sizes.items()]
        options += [f"--password={PASSWORD}", f"--instance-password={self.instance_password}"]
        self.manage("seed", *options, *([] if archives else ["--no-archives"]))

    def reset(self) -> None:
        """Delete all data of the console, which may be running; users stay signed in."""
        self.manage("reset", f"--yes-destroy={self.home}")

    def pids(self) -> dict[int, str]:
        """Return this console's processes by pid, including orphans. They are found by their environment."""
        mine = f"CONSOLE_HOME={self.home}".encode()
        found = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                if mine not in (entry / "environ").read_bytes().split(b"\0"):
                    continue
                if (entry / "stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                    continue
                found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
            except OSError:
                continue
        return found

    def pid_of(self, part: str) -> int:
        """Return the pid of the group leader (not of a worker) whose command line contains the text."""

        def leader() -> int:
            return next((pid for pid, line in self.pids().items() if part in line and _leads(pid)), 0)

        return wait_for(leader, because=part)
