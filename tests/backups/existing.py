"""Existing deployments as instances of a real console, over HTTP."""

import re
import secrets
from typing import Any

from tests.deployments import PASSWORD, USER, Deployment
from tests.e2e.console import Answer, Console
from tests.waiting import wait_for

Row = dict[str, Any]


def add(console: Console, name: str, deployment: Deployment, **fields: str) -> Row:
    """Add the deployment as an instance, wait for the end of its test, and return the instance's row."""
    form = {"name": name, "host": "", "request_key": secrets.token_hex(16), **connection(deployment), **fields}
    answer = console.post("/instances/add-existing/", form)
    assert answer.status == 200, re.findall('class="error">.*</span>', answer.text)
    return tested(console, name)


def edit(console: Console, instance: Row, deployment: Deployment, **fields: str) -> Row:
    """Change the connection, wait for the end of its test, and return the instance's row."""
    answer = console.post(f"/instances/{instance['id']}/connection/", connection(deployment) | fields)
    assert answer.status == 200, answer
    return tested(console, instance["name"])


def retest(console: Console, instance: Row) -> Row:
    answer = console.post(f"/instances/{instance['id']}/test-connection/", {})
    assert answer.status == 200, answer
    return tested(console, instance["name"])


def connection(deployment: Deployment) -> dict[str, str]:
    fields = {"address": deployment.address, "user": USER, "password": PASSWORD, "auth_source": "admin"}
    fields |= {"mechanism": "", "reads_from": "primary", "may_probe": "on"}
    if deployment.tls:
        fields |= {"tls": "on", "ca": deployment.tls.authority.path.read_text()}
    return fields


def tested(console: Console, name: str) -> Row:
    """Wait until no test of the instance's connection is queued or running; return the instance's row."""

    def ended() -> bool:
        tests = console.jobs.find(kind="test-connection", instance_name=name)
        return all(job["status"] not in {"Queued", "Running"} for job in tests)

    wait_for(ended, because=f"the end of the test of {name}")
    return console.instance(name)


def state(console: Console, name: str, state: str) -> Row:
    """Wait until the instance has this state and no work in progress; return its row.

    The agent pauses for up to 30 seconds between two checks, and between two attempts to settle a restoration.
    """

    def reached() -> Row:
        row = console.instance(name)
        return row if (row["state"], row["action"]) == (state, "") else {}

    return wait_for(reached, seconds=90, because=f"{name} {state}")


def restore(console: Console, backup: Row, name: str, *, safety: bool = False) -> Answer:
    fields = {"confirm": name, "request_key": secrets.token_hex(16)} | ({"safety_backup": "on"} if safety else {})
    return console.post(f"/backups/{backup['id']}/restore-to-original/", fields)
