"""The administrator's password, from the dialog to the driver that signs in with it."""

import re
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import pymongo
import pytest
from playwright.sync_api import Page, expect
from pymongo.errors import ConnectionFailure, OperationFailure

from console.testing.pages import BackupManagement, BasicInformation, InstanceManagement, SignIn, TaskCenter
from tests.certificates import certificate
from tests.e2e.console import INSTANCE_PASSWORD, PASSWORD, Console, connect
from tests.waiting import wait_for

NEW = "Another-horse-8"


def signs_in(port: int, password: str, **options: Any) -> bool:
    """Return whether a driver can read with this password."""
    with connect(port, password=password, **options) as client:
        try:
            client["shop"]["orders"].find_one()
        except OperationFailure as error:
            assert error.code == 18, error
            return False
    return True


def test_only_the_typed_password_opens_the_instance(console: Console, signed_in_page: Page) -> None:
    InstanceManagement(signed_in_page).open().create_instance().submit(name="with-a-password", password=NEW)
    port = console.wait_available("with-a-password")["port"]
    assert signs_in(port, NEW)
    assert not signs_in(port, INSTANCE_PASSWORD)
    with (
        pymongo.MongoClient[dict[str, Any]]("127.0.0.1", port, directConnection=True) as nobody,
        pytest.raises(OperationFailure, match="requires authentication"),
    ):
        nobody["shop"]["orders"].find_one()


def test_a_generated_password_is_shown_can_be_copied_and_opens_the_instance(
    console: Console, signed_in_page: Page
) -> None:
    page = InstanceManagement(signed_in_page).open()
    dialog = page.create_instance().fill(name="1st")
    shown = dialog.generate()
    expect(dialog.button("Copy password")).to_be_focused()
    # An error in another field loses neither the password nor the text of that field.
    dialog.press().expect_error("DB Instance Name", "Start the name with a letter")
    expect(dialog.field("DB Instance Name")).to_have_value("1st")
    dialog.fill(name="with-a-generated").done()
    assert signs_in(console.wait_available("with-a-generated")["port"], shown)


def test_nobody_signs_in_without_a_password_until_it_is_reset(console: Console, signed_in_page: Page) -> None:
    dialog = InstanceManagement(signed_in_page).open().create_instance().fill(name="without-a-password")
    dialog.skip_password()
    expect(dialog.field("Administrator Password")).to_be_hidden()
    dialog.done()
    row = console.wait_available("without-a-password")
    assert not signs_in(row["port"], INSTANCE_PASSWORD)
    page = BasicInformation(signed_in_page, row["id"]).open()
    expect(page.fact("Administrator")).to_contain_text("No password is set yet")
    page.reset_password().submit(NEW)
    wait_for(lambda: signs_in(row["port"], NEW), because="the password to be set")
    expect(page.fact("Administrator")).not_to_contain_text("No password is set yet")


def test_two_different_passwords_are_rejected_and_stay_in_their_fields(signed_in_page: Page) -> None:
    dialog = InstanceManagement(signed_in_page).open().create_instance().fill(name="never-made")
    dialog.type_password(NEW, again="Another-horse-9").press()
    dialog.expect_error("Confirm Password", "The two passwords differ.")
    expect(dialog.field("Administrator Password")).to_have_value(NEW)
    dialog.type_password("simple").press()
    dialog.expect_error("Administrator Password", "Add an uppercase letter")
    dialog.cancel()


def test_after_a_reset_only_the_new_password_works(console: Console, signed_in_page: Page) -> None:
    row = console.create_instance("to-reset")
    with connect(row["port"]) as client:
        client["shop"]["orders"].insert_one({"_id": 1})
        client["shop"].command("createUser", "reader", pwd="Read-only-1", roles=["read"])
    InstanceManagement(signed_in_page).open().row("to-reset").reset_password().submit(NEW)
    TaskCenter(signed_in_page).open().row("Reset password", "to-reset").expect_status("Completed")
    assert signs_in(row["port"], NEW) and not signs_in(row["port"], INSTANCE_PASSWORD)
    with connect(row["port"], password=NEW) as client:
        assert client["shop"]["orders"].find_one() == {"_id": 1}
        # The agent's own user is not listed.
        assert [user["user"] for user in client["admin"].command("usersInfo")["users"]] == ["rwuser"]
    with pymongo.MongoClient[dict[str, Any]](
        "127.0.0.1", row["port"], username="reader", password="Read-only-1", authSource="shop", directConnection=True
    ) as reader:
        assert reader["shop"]["orders"].find_one() == {"_id": 1}
        with pytest.raises(OperationFailure, match="not authorized"):
            reader["shop"]["orders"].insert_one({"_id": 2})


def test_the_connection_string_is_copied_and_connects(console: Console, signed_in_page: Page) -> None:
    row = console.create_instance("to-connect-to")
    signed_in_page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = BasicInformation(signed_in_page, row["id"]).open()
    page.fact("Connection String").get_by_role("button", name="Copy connection string").click()
    expect(page.fact("Connection String").get_by_role("button")).to_have_attribute("data-copied", "")
    copied = signed_in_page.evaluate("navigator.clipboard.readText()")
    assert copied == page.connection_string and INSTANCE_PASSWORD not in copied
    with pymongo.MongoClient[dict[str, Any]](copied, password=INSTANCE_PASSWORD) as client:
        client["shop"]["orders"].insert_one({"_id": 1})
        assert client.primary == ("127.0.0.1", row["port"])


def test_the_lines_for_python_connect_without_changes(console: Console, signed_in_page: Page) -> None:
    row = console.create_instance("lines")
    page = BasicInformation(signed_in_page, row["id"]).open()
    lines = page.fact("Python (pymongo)").get_by_role("code").inner_text()
    program = lines.replace("getpass()", f'"{INSTANCE_PASSWORD}"') + "\nprint(client.admin.command('ping')['ok'])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "1.0", done.stderr


def test_the_password_is_in_no_file_of_the_home_and_no_command_line(console: Console) -> None:
    password = "Nowhere-to-be-found-7"
    form = {"password": password, "confirmation": password}
    row = console.create_instance("searched", password=password, confirmation=password)
    console.post(f"/instances/{row['id']}/reset-password/", form)
    asked = {"kind": "reset-password", "instance_uid": row["id"]}
    wait_for(lambda: console.jobs.last(**asked).get("ended"), because="the password to be reset")
    assert signs_in(row["port"], password)
    found = [path for path in console.home.rglob("*") if path.is_file() and password.encode() in path.read_bytes()]
    assert found == []
    assert password not in "".join(console.output) + "".join(console.pids().values())
    assert not any(job["secret"] for job in console.jobs.find())


def test_a_copy_has_the_passwords_of_the_backup_unless_a_new_one_is_given(
    console: Console, signed_in_page: Page
) -> None:
    row = console.create_instance("with-old-users")
    with connect(row["port"]) as client:
        client["shop"]["orders"].insert_one({"_id": 1})
    console.create_backup(row["id"], "of-old-users")
    backup = console.wait_backup("of-old-users")
    console.wait_available("with-old-users")
    form = {"request_key": secrets.token_hex(16), "name": "copy-as-it-was"}
    assert console.post(f"/backups/{backup['id']}/restore/", form).status == 200
    dialog = BackupManagement(signed_in_page).open().row("of-old-users").restore()
    dialog.type_password(NEW).to_new("copy-with-another")
    as_it_was, another = console.wait_available("copy-as-it-was"), console.wait_available("copy-with-another")
    assert signs_in(as_it_was["port"], INSTANCE_PASSWORD)
    assert signs_in(another["port"], NEW) and not signs_in(another["port"], INSTANCE_PASSWORD)


def test_restore_to_original_keeps_the_current_password_of_the_administrator(console: Console) -> None:
    row = console.create_instance("to-go-back")
    with connect(row["port"]) as client:
        client["shop"]["orders"].insert_one({"_id": 1})
        client["shop"].command("createUser", "reader", pwd="Read-only-1", roles=["read"])
    console.create_backup(row["id"], "before-the-reset")
    backup = console.wait_backup("before-the-reset")
    console.wait_available("to-go-back")
    console.post(f"/instances/{row['id']}/reset-password/", {"password": NEW, "confirmation": NEW})
    wait_for(lambda: signs_in(row["port"], NEW), because="the password to be reset")
    with connect(row["port"], password=NEW) as client:
        client["shop"].command("dropUser", "reader")
    form = {"request_key": secrets.token_hex(16), "confirm": "to-go-back"}
    assert console.post(f"/backups/{backup['id']}/restore-to-original/", form).status == 200
    console.wait_available("to-go-back")
    assert signs_in(row["port"], NEW) and not signs_in(row["port"], INSTANCE_PASSWORD)
    with connect(row["port"], password=NEW) as client:
        assert [user["user"] for user in client["shop"].command("usersInfo")["users"]] == ["reader"]


def test_the_password_of_the_demo_instances_is_printed_only_at_the_first_start(tmp_path: Path) -> None:
    with Console(tmp_path / "home", demo=True, CONSOLE_DEMO_PASSWORD="") as demo:
        said = "".join(demo.output)
        found = re.search(r"User of the demo instances: rwuser\nPassword: +(\S+)   \(shown only this once\)", said)
        assert found, said
        assert signs_in(demo.wait_available("demo-single-node")["port"], found[1])
        demo.stop()
        demo.output.clear()
        demo.start()
        assert "demo instances" not in "".join(demo.output)


def test_with_a_certificate_instances_accept_only_tls(tmp_path: Path, page: Page) -> None:
    pem = certificate(tmp_path / "db.pem", names=["localhost"])
    with Console(
        tmp_path / "home",
        CONSOLE_DB_TLS_CERTIFICATE=str(pem),
        CONSOLE_DB_TLS_KEY=str(pem.with_suffix(".key")),
        CONSOLE_DB_TLS_CA=str(pem),
    ) as running:
        row = running.create_instance("with-tls")
        SignIn(page).open(running.url).submit("admin", PASSWORD)
        shown = BasicInformation(page, row["id"]).open()
        expect(shown.fact("TLS")).to_have_text("Required")
        address = shown.connection_string
        assert address == (f"mongodb://rwuser@localhost:{row['port']}/?authSource=admin&directConnection=true&tls=true")
        with pymongo.MongoClient[dict[str, Any]](address, password=INSTANCE_PASSWORD, tlsCAFile=str(pem)) as client:
            client["shop"]["orders"].insert_one({"_id": 1})
        plain = address.replace("&tls=true", "")
        with (
            pymongo.MongoClient[dict[str, Any]](
                plain, password=INSTANCE_PASSWORD, serverSelectionTimeoutMS=1000
            ) as client,
            pytest.raises(ConnectionFailure),
        ):
            client["shop"]["orders"].find_one()
        running.create_backup(row["id"], "over-tls")
        running.wait_backup("over-tls")
