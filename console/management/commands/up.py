import http.client
import os
import secrets
import socket
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, InterfaceError, OperationalError, connection, connections, transaction
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

from backups.models import Backup, Policy
from console.accounts import passwords
from console.processes import home, locks
from console.processes.bind import bind_socket, only_this_machine
from console.processes.parent import end_with_input
from console.processes.tree import Child, Tree
from console.text import catalogues
from instances import hosts, services
from instances.choices import InstanceType
from instances.connecting import ADMINISTRATOR
from instances.models import Host, Instance

DEMO_INSTANCES = {
    InstanceType.CLUSTER: "demo-cluster",
    InstanceType.REPLICA_SET: "demo-replica-set",
    InstanceType.SINGLE_NODE: "demo-single-node",
}


PARTS = ("web", "agent")
# Earlier versions had migrations of these packages.
RETIRED_APPS = {"axes"}
# The key of the advisory lock, a number that no other program has a reason to use.
PREPARING = 0x646263


class Command(BaseCommand):
    help = "Set up what is missing and run the whole console, web and agent, until Ctrl-C or SIGTERM."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--bind", default=settings.CONSOLE_BIND, help="address to listen on (%(default)s)")
        parser.add_argument("--port", type=int, default=settings.CONSOLE_PORT, help="port to listen on (%(default)s)")
        parser.add_argument("--no-demo", action="store_true", help="do not make demo instances on an empty console")
        parser.add_argument(
            "--until-input-ends",
            action="store_true",
            help="stop also when standard input ends; for programs that run it",
        )
        parser.add_argument("--only", choices=PARTS, help="run one of the two parts; the other runs elsewhere")

    def handle(self, *args: Any, bind: str, port: int, no_demo: bool, only: str | None, **options: Any) -> None:
        os.umask(0o077)
        if options["until_input_ends"]:
            end_with_input()
        if settings.CONSOLE_TEST_HOOKS and not only_this_machine(bind, settings.CONSOLE_URL):
            raise CommandError(
                "CONSOLE_TEST_HOOKS=1 is for a console that only this machine can reach: let it listen on 127.0.0.1, "
                "without an https address in CONSOLE_URL, or unset it."
            )
        if settings.CONSOLE_URL.startswith("https:") and not settings.CONSOLE_PROXIES:
            self.stderr.write(
                "CONSOLE_URL is an https address, but CONSOLE_PROXIES is 0: everybody seems to come from the proxy's "
                "address, and a few failed sign-ins lock everybody out. Set CONSOLE_PROXIES=1."
            )
        # Pass the option on to the child processes.
        os.environ["CONSOLE_BIND"] = bind
        home.prepare(settings.CONSOLE_HOME)
        lock = locks.acquire(locks.of_up(settings.CONSOLE_HOME))
        if lock is None:
            raise CommandError(
                f"Another console is already running on the home {settings.CONSOLE_HOME}. "
                "Stop it first, or set CONSOLE_HOME to another directory."
            )
        with lock:
            parts = [only] if only else list(PARTS)
            with bound(bind, port) if "web" in parts else nullcontext() as listening:
                self.prepare(parts, no_demo=no_demo)
                ended_well = self.tree(listening, bind, port, agent="agent" in parts).run()
        if not ended_well:
            sys.exit(1)

    def prepare(self, parts: Sequence[str], *, no_demo: bool) -> None:
        """Bring database, static files, translations, administrator and demo up to date. It is safe to repeat."""
        if "web" in parts:
            # Leave out the pictures of README.md, which no page shows.
            call_command("collectstatic", interactive=False, verbosity=0, clear=True, ignore_patterns=["readme"])
        for directory in settings.LOCALE_PATHS:
            catalogues.compile_into(directory)
        try:
            with one_at_a_time():
                self.prepare_database(parts, no_demo=no_demo)
        except OperationalError as error:
            raise CommandError(f"The console database cannot be used: {error}") from None
        connections.close_all()

    def prepare_database(self, parts: Sequence[str], *, no_demo: bool) -> None:
        require_own_database()
        call_command("migrate", interactive=False, verbosity=0)
        if "agent" in parts:
            self.expect_agent(settings.CONSOLE_HOST)
        if not User.objects.exists():
            self.create_administrator()
        if "agent" in parts and not no_demo and not Instance.objects.exists() and not Backup.objects.exists():
            self.create_demo()

    def expect_agent(self, host: str) -> None:
        """Let the pages wait for the host's agent, which starts soon, whenever the previous one has ended."""
        lock = locks.acquire(locks.of_agent(settings.CONSOLE_HOME, host))
        # A previous agent that is still ending has the lock.
        with lock or nullcontext():
            hosts.expect(host, before=lock.read() if lock else "", now=timezone.now())

    def create_demo(self) -> None:
        given = settings.CONSOLE_DEMO_PASSWORD
        password = given or passwords.generate()
        try:
            for kind, name in DEMO_INSTANCES.items():
                with transaction.atomic():
                    made = services.create_instance(
                        name=name, type=kind, requested_by=None, password=password, demo=True
                    )
                    Policy.default(made, enabled=False).save(force_insert=True)
        except ValidationError as error:
            raise CommandError(f"CONSOLE_DEMO_PASSWORD breaks the rule: {' '.join(error.messages)}") from None
        self.stdout.write(f"User of the demo instances: {ADMINISTRATOR}")
        shown = "as set in CONSOLE_DEMO_PASSWORD" if given else f"{password}   (shown only this once)"
        self.stdout.write(f"Password:                   {shown}")

    def create_administrator(self) -> None:
        name, given = settings.CONSOLE_ADMIN_USER, settings.CONSOLE_ADMIN_PASSWORD
        password = given or secrets.token_urlsafe(12)
        User.objects.create_superuser(name, password=password)
        self.stdout.write(f"Administrator: {name}")
        shown = "as set in CONSOLE_ADMIN_PASSWORD" if given else f"{password}   (shown only this once)"
        self.stdout.write(f"Password:      {shown}")

    def tree(self, listening: socket.socket | None, bind: str, port: int, *, agent: bool) -> Tree:
        """Return the processes to run: web servers if there is a socket for them, and the agent."""
        python, parent = sys.executable, ("--parent-pid", str(os.getpid()))
        children = []
        if listening:
            handed = ("--socket", str(listening.fileno()), "--threads", str(settings.CONSOLE_WEB_THREADS))
            command = [python, "-m", "console.processes.web_server", *handed, *parent]
            children += [
                Child("web", command, inherits=[listening.fileno()]) for _ in range(settings.CONSOLE_WEB_WORKERS)
            ]
        if agent:
            children.append(Child("agent", [python, str(settings.BASE_DIR / "manage.py"), "agent", *parent]))
        address = settings.CONSOLE_URL or f"http://{f'[{bind}]' if ':' in bind else bind}:{port}"
        said = f"The console is ready: {address}" if listening else f"The agent of {settings.CONSOLE_HOST} runs"
        return Tree(
            children,
            ready=(lambda: answers(bind, port)) if listening else agent_is_online,
            on_ready=lambda: self.stdout.write(f"{said}   (stop it with Ctrl-C)"),
            report=self.stderr.write,
            drain=settings.CONSOLE_DRAIN_SECONDS,
        )


def require_own_database() -> None:
    """Raise CommandError if the console database has migrations that this version does not know."""
    loader = MigrationLoader(connection)
    unknown = set(loader.applied_migrations) - set(loader.disk_migrations)
    if strange := {(app, name) for app, name in unknown if app not in RETIRED_APPS}:
        app, name = min(strange)
        raise CommandError(
            f"The home {settings.CONSOLE_HOME} or its database is of another version of the console ({app} {name}): "
            "set CONSOLE_HOME, and DATABASE_URL if you use it, to new ones."
        )


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Let only one `up` at a time prepare a PostgreSQL database. On SQLite the lock of the home does that."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [PREPARING])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [PREPARING])


def agent_is_online() -> bool:
    """Return whether the agent of this host has sent a heartbeat recently."""
    try:
        return Host.objects.online(timezone.now()).filter(name=settings.CONSOLE_HOST).exclude(agent="").exists()
    except (DatabaseError, InterfaceError):
        return False
    finally:
        connections.close_all()


def bound(bind: str, port: int) -> socket.socket:
    """Return a socket with the port, on which the web servers will listen. Raises CommandError if the port is taken."""
    try:
        return bind_socket(bind, port)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or error
        raise CommandError(
            f"Port {port} on {bind} cannot be used ({why}). Stop the program that has it or choose another: "
            f"manage.py up --port {port + 1}"
        ) from None


def answers(bind: str, port: int) -> bool:
    """Return whether a web server answers requests."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bind, bind)  # noqa: S104  # compared, not bound
    connection = http.client.HTTPConnection(host, port, timeout=1)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status > 0
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
