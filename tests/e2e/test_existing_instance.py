"""An existing deployment in a real browser: added, backed up in three ways, restored, edited, removed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from console.testing.pages import BackupManagement, InstanceManagement, TaskCenter
from tests.certificates import certificate
from tests.deployments import PASSWORD, USER, Deployment
from tests.e2e.console import INSTANCE_PASSWORD, Console, connect
from tests.waiting import wait_for

DOCUMENTS = [{"_id": number, "item": f"lamp {number}"} for number in range(300)]


@pytest.fixture(scope="module")
def existing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A deployment that is not the console's, with documents."""
    with Deployment(tmp_path_factory.mktemp("existing")) as deployment:
        with deployment.client() as client:
            client.shop.orders.insert_many(DOCUMENTS)
            client.shop.orders.create_index("item")
        yield deployment


def add(page: Page, existing: Deployment, name: str) -> InstanceManagement:
    """Add the deployment, and wait until its connection is tested."""
    instances = InstanceManagement(page).open()
    dialog = instances.add_existing().fill(name=name, address=existing.address, user=USER, password=PASSWORD)
    dialog.allow(scratch=True).done()
    instances.row(name).expect_status("Available")
    return instances


def test_it_is_added_backed_up_in_three_ways_restored_and_removed(
    signed_in_page: Page, console: Console, existing: Deployment, tmp_path: Path
) -> None:
    page = signed_in_page
    instances = add(page, existing, "existing")
    row = instances.row("existing")
    for text in ("Replica set", f"127.0.0.1:{existing.port}"):
        row.expect_text(text)
    row.expect_refused("Restart", "The console does not run its server")

    dialog = row.create_backup()
    dialog.expect_text("Logical", "All databases at one moment, by one transaction.")
    dialog.submit(name="by-the-row", description="Before the upgrade")
    console.wait_backup("by-the-row")
    console.wait_available("existing")
    backups = BackupManagement(page).open()
    backups.create_backup().choose(type="Replica set", instance="existing").submit(name="by-management")
    console.wait_backup("by-management")
    console.wait_available("existing")
    own = InstanceManagement(page).open().row("existing").open("existing").backups_and_restorations()
    own.create_backup().submit(name="by-its-page")
    own.row("by-its-page").expect_status("Complete")
    for name in ("by-the-row", "by-management", "by-its-page"):
        own.row(name).expect_text("Logical")
    detail = own.row("by-the-row").open("by-the-row")
    expect(detail.fact("Consistency")).to_have_text("All databases at one moment.")

    with existing.client() as client:
        client.shop.orders.delete_many({})
    BackupManagement(page).open().row("by-the-row").restore().type_password(INSTANCE_PASSWORD).to_new("restored")
    restored = console.wait_available("restored")
    with connect(restored["port"]) as client:
        assert list(client.shop.orders.find().sort("_id")) == DOCUMENTS
        assert "item_1" in client.shop.orders.index_information()

    BackupManagement(page).open().row("by-the-row").restore().to_original("existing")
    TaskCenter(page).open().row("Restore to original instance", "existing").expect_status("Completed")
    console.wait_available("existing")
    with existing.client() as client:
        assert list(client.shop.orders.find().sort("_id")) == DOCUMENTS
    made_before = [row for row in console.backups.find(method="Logical") if row["name"].startswith("before-restore")]
    assert [row["status"] for row in made_before] == ["COMPLETED"]

    with Deployment(tmp_path) as spare:
        add(page, spare, "spare")
        BackupManagement(page).open().row("by-the-row").restore().to_deployment("spare")
        TaskCenter(page).open().row("Restore to empty deployment", "spare").expect_status("Completed")
        with spare.client() as client:
            assert list(client.shop.orders.find().sort("_id")) == DOCUMENTS
        console.wait_available("spare")
        instances = InstanceManagement(page).open()
        instances.row("spare").remove_from_console()
        instances.row("spare").expect_gone()

    instances = InstanceManagement(page).open()
    instances.row("existing").remove_from_console()
    instances.row("existing").expect_gone()
    with existing.client() as client:
        assert client.shop.orders.insert_one({"_id": "later"}).acknowledged
    BackupManagement(page).open().row("by-the-row").expect_text("Deleted")


def test_a_wrong_password_is_said_and_can_be_edited(signed_in_page: Page, existing: Deployment) -> None:
    instances = InstanceManagement(signed_in_page).open()
    instances.add_existing().submit(name="mistyped", address=existing.address, user=USER, password="wrong")
    row = instances.row("mistyped")
    row.expect_status("Creation failed")
    home = row.open("mistyped")
    basic = home.basic_information()
    dialog = basic.edit_connection().fill(address=existing.address, password=PASSWORD)
    dialog.allow(any_moment=True).done()
    expect(basic.fact("Status")).to_contain_text("Available")
    expect(basic.findings.first).to_contain_text(f"127.0.0.1:{existing.port}")
    assert PASSWORD not in signed_in_page.content() and "%40office" in basic.connection_string
    basic.test_connection()
    TaskCenter(signed_in_page).open().row("Test connection", "mistyped").expect_status("Completed")
    instances.open().row("mistyped").remove_from_console()
    instances.row("mistyped").expect_gone()


def test_secrets_stay_in_the_dialog_while_its_errors_are_mended(signed_in_page: Page, tmp_path: Path) -> None:
    path = certificate(tmp_path / "client.pem")
    pem = path.read_text() + path.with_suffix(".key").read_text()
    dialog = InstanceManagement(signed_in_page).open().add_existing()
    dialog.fill(name="1st", address="mongodb://db.example.org/", user="backup", password=PASSWORD)
    dialog.use_tls(certificate=pem).press()
    dialog.expect_error("DB Instance Name", "Start the name with a letter")
    expect(dialog.field("Password")).to_have_value(PASSWORD)
    expect(dialog.field("Client Certificate and Key")).to_have_value(pem)
    dialog.fill(address="mongodb://reader:secret@db.example.org/?tlsCAFile=/etc/ca.pem").press()
    dialog.expect_error("Connection String", "tlsCAFile")
    expect(dialog.field("Connection String")).to_have_value("mongodb://reader@db.example.org/?tlsCAFile=/etc/ca.pem")


def test_a_long_dialog_stays_in_the_window_and_scrolls(signed_in_page: Page) -> None:
    signed_in_page.set_viewport_size({"width": 360, "height": 900})
    dialog = InstanceManagement(signed_in_page).open().add_existing().unfold()

    def ends_in_the_window() -> bool:
        box = dialog.root.bounding_box()
        return box is not None and box["height"] > 700 and box["y"] + box["height"] <= 900

    wait_for(ends_in_the_window, because="the dialog to end in the window")
    dialog.press()
    dialog.expect_error("Connection String", "Fill in this field.")
