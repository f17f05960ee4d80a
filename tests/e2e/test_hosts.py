"""Several machines, each simulated by a home: two hosts with their agents, two web servers, one PostgreSQL."""

import os
import re
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from console.testing.session import Session
from tests.e2e.bulk import fill
from tests.e2e.console import INSTANCE_PASSWORD, ROOT, Console, connect
from tests.postgres import Cluster
from tests.waiting import wait_for

LEASE = "3"
KEY = "of-both-web-servers-" + "x" * 40
# Seals passwords that one machine sends to the agent of another.
SEALING = Fernet.generate_key().decode()
STOPPED = "The agent stopped while this was running."


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster() as running:
        yield running


@pytest.fixture(scope="module")
def here(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """The console with its own host, alpha."""
    home = tmp_path_factory.mktemp("alpha") / "home"
    with Console(
        home,
        DATABASE_URL=cluster.url,
        CONSOLE_HOST="alpha",
        CONSOLE_LEASE_SECONDS=LEASE,
        CONSOLE_SECRET_KEY=KEY,
        CONSOLE_CREDENTIAL_KEYS=SEALING,
    ) as running:
        yield running


@pytest.fixture(scope="module")
def there(here: Console, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """The second host, beta, which runs only an agent."""
    home = tmp_path_factory.mktemp("beta") / "home"
    with Console(
        home,
        only="agent",
        DATABASE_URL=cluster.url,
        CONSOLE_HOST="beta",
        CONSOLE_LEASE_SECONDS=LEASE,
        CONSOLE_BACKUP_BYTES_PER_SECOND="1500000",
        CONSOLE_CREDENTIAL_KEYS=SEALING,
    ) as running:
        yield running


def agent_of(console: Console) -> int:
    return console.pid_of("manage.py agent")


def row_of(console: Console, instance: dict[str, str]) -> str:
    page = console.get("/instances/").text
    return re.search(rf'<tr id="instance-{instance["id"]}".*?</tr>', page, re.DOTALL)[0]  # type: ignore[index]


def test_a_host_stops_responding_during_a_backup_and_comes_back(here: Console, there: Console) -> None:
    ours = here.create_instance("on-alpha", host="alpha")
    theirs = here.create_instance("on-beta", host="beta")
    assert (ours["host_id"], theirs["host_id"]) == ("alpha", "beta")
    for instance, owner, other in ((ours, here, there), (theirs, there, here)):
        assert (owner.home / "instances" / instance["id"]).is_dir()
        assert not (other.home / "instances" / instance["id"]).exists()
        fill(instance["port"], megabytes=2)
    page = here.get("/instances/?host=beta").text
    assert "on-beta" in page and "on-alpha" not in page

    here.create_backup(theirs["id"], "cut-short")
    here.wait_copying("cut-short")
    os.kill(agent_of(there), signal.SIGSTOP)
    try:
        failed = here.wait_backup("cut-short", "FAILED")
        assert failed["failure"] == STOPPED
        wait_for(lambda: "Host offline since" in row_of(here, theirs), because="the row to say offline")
        assert 'data-status="normal"' in row_of(here, theirs) and "Host offline" not in row_of(here, ours)
        refused = here.submit_backup(theirs["id"], "not-now")
        assert refused.status == 422 and "Host beta is offline" in refused.text
        # The database server on beta keeps working, and so does the other host.
        with connect(theirs["port"]) as client:
            assert client.bulk.texts.count_documents({}) == 2000
        here.create_backup(ours["id"], "meanwhile")
        here.wait_backup("meanwhile")
    finally:
        os.kill(agent_of(there), signal.SIGCONT)

    wait_for(lambda: "Host offline" not in row_of(here, theirs), because="beta to be back")
    assert here.instance("on-beta")["action"] == ""
    wait_for(lambda: there.stored() == [], because="beta to have cleaned up")
    assert here.backup("cut-short")["status"] == "FAILED"
    here.create_backup(theirs["id"], "well-again")
    backup = here.wait_backup("well-again")
    assert there.archive(backup).exists() and not here.archive(backup).exists()
    assert not there.archive(failed).exists() and here.leftovers() == []
    assert here.jobs.find(status=("Queued", "Running")) + here.jobs.find(left_behind=True) == []

    here.post(f"/backups/{backup['id']}/restore/", {"name": "copy-on-beta", "request_key": secrets.token_hex(16)})
    copy = here.wait_available("copy-on-beta")
    assert copy["host_id"] == "beta"
    with connect(copy["port"]) as client:
        assert client.bulk.texts.count_documents({}) == 2000


def test_an_instance_without_a_chosen_host_goes_to_the_least_loaded_one(here: Console, there: Console) -> None:
    counts = {host["name"]: len(here.instances.find(host_id=host["name"])) for host in here.hosts.find()}
    fewest = min(counts, key=lambda name: (counts[name], name))
    first = here.create_instance("placed-first")
    assert len(set(counts.values())) == 1 or first["host_id"] == fewest


def test_a_second_agent_of_the_same_host_is_refused(here: Console, there: Console, tmp_path: Path) -> None:
    before = agent_of(there)
    second = subprocess.run(
        [sys.executable, "manage.py", "agent"],
        cwd=ROOT,
        env={**there.environment, "CONSOLE_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert second.returncode != 0
    assert "An agent for the host beta is running elsewhere" in second.stderr
    assert agent_of(there) == before


def test_the_host_of_a_killed_agent_works_again_at_once(here: Console, there: Console) -> None:
    killed = agent_of(there)
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: agent_of(there) not in (0, killed), because="another agent")
    instance = here.create_instance("after-the-kill", host="beta")
    assert instance["host_id"] == "beta"


def test_two_web_servers_share_sessions_forms_and_static_files(here: Console, cluster: Cluster, tmp_path: Path) -> None:
    """Simulate a load balancer: send one browser's cookies and forms to either server."""
    with Console(
        tmp_path / "home",
        only="web",
        DATABASE_URL=cluster.url,
        CONSOLE_SECRET_KEY=KEY,
        CONSOLE_LEASE_SECONDS=LEASE,
        CONSOLE_CREDENTIAL_KEYS=SEALING,
    ) as second:
        browser = Session(here.url)
        browser.sign_in()
        page = browser.get("/instances/")
        # Get the form from one server and submit it to the other.
        browser._token = browser._find_token("/instances/create/")
        browser.url = second.url
        form = {"name": "by-the-second", "type": "Single", "request_key": secrets.token_hex(16)}
        form |= {"password": INSTANCE_PASSWORD, "confirmation": INSTANCE_PASSWORD}
        answer = browser.post("/instances/create/", form)
        assert answer.status == 200 and "by-the-second" in answer.text
        here.wait_available("by-the-second")
        styles = set(re.findall(r'href="(/static/[^"]+\.css)"', page.text))
        assert styles and all(browser.get(style).status == 200 for style in styles)
        assert second.pid_of("console.processes.web_server") and "manage.py agent" not in " ".join(
            second.pids().values()
        )
        # A sign-out on one server ends the session on the other.
        browser.post("/sign-out/", {})
        browser.url = here.url
        assert "/sign-in/" in browser.get("/instances/").url
