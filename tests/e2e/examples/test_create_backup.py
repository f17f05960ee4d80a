"""The three ways to create a backup, tested as a QA engineer would, with nothing but console.testing."""

import pytest
from playwright.sync_api import Page

from console.testing.pages import BackupManagement, InstanceManagement


@pytest.fixture
def instances(signed_in_page: Page) -> InstanceManagement:
    """Instance Management with the Available instance "orders"."""
    page = InstanceManagement(signed_in_page).open()
    if not page.row("orders").root.count():
        page.create_instance().submit(name="orders", type="Replica set")
    page.row("orders").expect_status("Available")
    return page


def test_a_backup_is_created_from_the_row_of_the_instance(instances: InstanceManagement) -> None:
    instances.row("orders").create_backup().submit(name="from-the-row", description="Made by hand")
    BackupManagement(instances.page).open().row("from-the-row").expect_status("Complete")


def test_a_backup_is_created_from_the_menu_of_the_row(instances: InstanceManagement) -> None:
    instances.row("orders").create_backup_from_menu().submit(name="from-the-menu")
    BackupManagement(instances.page).open().row("from-the-menu").expect_status("Complete")


def test_a_backup_is_created_in_backup_management(instances: InstanceManagement) -> None:
    backups = BackupManagement(instances.page).open()
    backups.create_backup().choose(type="Replica set", instance="orders").submit(name="from-management")
    row = backups.row("from-management")
    row.expect_status("Complete")
    row.expect_text("Manual")
    row.expect_text("Physical")


def test_a_backup_is_created_on_backups_and_restorations(instances: InstanceManagement) -> None:
    backups = instances.row("orders").open("orders").backups_and_restorations()
    backups.create_backup().submit(name="from-its-own-page")
    backups.row("from-its-own-page").expect_status("Complete")


def test_each_rejected_input_is_explained_beside_its_field(instances: InstanceManagement) -> None:
    dialog = instances.row("orders").create_backup().fill(name="1st", description="a < b").press()
    dialog.expect_error("Backup Name", "4 to 64 characters")
    dialog.expect_error("Description", "<")
    dialog.cancel()
