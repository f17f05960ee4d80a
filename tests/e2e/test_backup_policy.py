"""Automated backups with the real agent and archives: turned on and off in the browser, and after downtime."""

import os
import re
import signal
from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.sync_api import Page, expect

from console.testing.pages import BackupsAndRestorations
from tests.e2e.console import Console, connect
from tests.waiting import wait_for


def wait_policy(console: Console, instance: dict[str, Any]) -> dict[str, Any]:
    """Wait for a new instance's policy and return it; the agent writes it when it checks which backups are due."""
    return wait_for(lambda: console.policies.last(instance_id=instance["id"]), because="the default policy")


def test_turning_the_policy_on_makes_a_backup_and_turning_it_off_can_delete_it(
    signed_in_page: Page, console: Console
) -> None:
    page = signed_in_page
    instance = console.create_instance("with-a-policy")
    with connect(instance["port"]) as client:
        client["shop"]["orders"].insert_one({"item": "lamp"})
    backups = BackupsAndRestorations(page, instance["id"]).open()
    backups.expect_text("Automated backup is on: every day, 02:00-03:00 UTC, kept for 7 days.")
    assert console.automated(instance) == []

    dialog = backups.modify_policy().turn(False)
    expect(dialog.field("Retention Period (days)")).to_be_hidden()
    dialog.done()
    backups.expect_text("Automated backup is off.")

    dialog = backups.modify_policy()
    expect(dialog.preview).to_contain_text("No backup will be made automatically.")
    expect(dialog.field("Delete automated backups")).to_have_count(0)
    dialog.turn(True)
    expect(dialog.preview).to_contain_text("A backup starts when you press OK.")
    dialog.keep(7).start_at("05:00-06:00")
    expect(dialog.preview).to_contain_text(re.compile(r"(20\d\d 05:00 UTC\D[\s\S]*){3}Unknown until"))
    dialog = dialog.keep(733).on().press()
    dialog.expect_text("Enter a whole number from 1 to 732.", "Choose at least one day of the week.")
    expect(dialog.field("Retention Period (days)")).to_have_value("733")
    dialog.keep(6)
    expect(dialog.field("Sunday")).to_be_checked()
    expect(dialog.field("Sunday")).to_be_disabled()
    dialog.start_at("23:00-00:00").done()

    wait_for(lambda: console.automated(instance), because="the first automated backup")
    (backup,) = console.automated(instance)
    assert re.fullmatch(f"auto-{instance['name']}-[0-9]{{8}}-[0-9]{{6}}", backup["name"])
    row = backups.row(backup["name"])
    row.expect_status("Complete")
    row.expect_text("Automated")
    assert console.archive(backup).exists()
    row.expect_refused("Delete", "They can be deleted only while the policy is off.")

    backups.modify_policy().turn(False).delete_automated().done()
    row.expect_gone()
    assert not console.archive(backup).exists()


def test_a_window_missed_in_downtime_runs_once_and_expired_backups_are_deleted(fresh_console: Console) -> None:
    console = fresh_console
    instance = console.create_instance("orders", windows=True)
    wait_policy(console, instance)
    for switch in ({}, {"enabled": "on", "keep_days": "7", "window": "02:00-03:00", "weekdays": "1"}):
        console.post(f"/instances/{instance['id']}/backup-policy/", switch)
    (old,) = console.automated(instance)
    console.wait_backup(old["name"])
    console.stop()
    # Pretend that the console has been down since yesterday and that the window is this hour.
    now = datetime.now(UTC)
    missed = {"start_hour": now.hour, "next_window": f"{now - timedelta(days=1):%Y-%m-%d %H}:00:00"}
    console.policies.change({"instance_id": instance["id"]}, weekdays="1,2,3,4,5,6,7", **missed)
    console.backups.change({"id": old["id"]}, expires=f"{now:%Y-%m-%d %H:%M:%S}")

    console.start()
    wait_for(lambda: console.automated(instance)[-1]["id"] != old["id"], because="the missed window")
    new = console.automated(instance)[-1]
    console.wait_backup(new["name"])
    wait_for(lambda: console.automated(instance) == [console.backup(new["name"])], because="the expired one gone")
    wait_for(lambda: not console.archive(old).exists(), because="its archive gone")

    os.kill(console.pid_of("manage.py agent"), signal.SIGKILL)
    wait_policy(console, console.create_instance("another", windows=True))
    assert [backup["id"] for backup in console.automated(instance)] == [new["id"]]
    assert console.archive(new).exists()
