"""The pages keep the promises of "What tests may rely on" and have no other attributes of that kind."""

import re
from uuid import UUID

import pytest
from playwright.sync_api import Page, expect

from console.testing import pages
from tests.e2e.console import ROOT, Console

DOCUMENT = (ROOT / "console" / "testing" / "README.md").read_text()
PROMISED = DOCUMENT.split("## What tests may rely on")[1].split("\n## ")[0]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")] for line in PROMISED.splitlines() if line.startswith("| ")
]
NAMES = [row for row in ROWS if len(row) == 3 and row[0] not in {"Page", "---"}]
ATTRIBUTES = {row[0]: re.findall(r"data-[a-z-]+", row[1]) for row in ROWS if len(row) == 2 and "data-" in row[1]}


@pytest.fixture(scope="module")
def ids(console: Console) -> dict[str, str]:
    """The ids of a backup, its task and its instance, which also has a restoration."""
    instance = console.create_instance("contract")
    console.create_backup(instance["id"], "contract")
    backup = console.wait_backup("contract")
    console.wait_available("contract")
    console.post(f"/backups/{backup['id']}/restore/", {"name": "contract-copy", "request_key": "0" * 32})
    console.wait_available("contract-copy")
    return {"instance": instance["id"], "backup": backup["id"], "task": str(UUID(console.job_of("contract")["id"]))}


@pytest.fixture
def shown(signed_in_page: Page, ids: dict[str, str]) -> dict[str, pages.ConsolePage]:
    """Return an object for each page that the document names."""
    page = signed_in_page
    return {
        "Overview": pages.Overview(page),
        "Instance Management": pages.InstanceManagement(page),
        "the home of an instance": pages.InstanceHome(page, "contract", ids["instance"]),
        "Basic Information": pages.BasicInformation(page, ids["instance"]),
        "Backup Management": pages.BackupManagement(page),
        "Backups & Restorations": pages.BackupsAndRestorations(page, ids["instance"]),
        "the page of a backup": pages.BackupDetail(page, "contract", ids["backup"]),
        "the page of a task": pages.TaskPage(page, "Backup", ids["task"]),
        "Task Center": pages.TaskCenter(page),
        "Audit": pages.Audit(page),
        "Users": pages.Users(page),
        "Settings": pages.Settings(page),
        "Notifications": pages.Notifications(page),
    }


def test_the_document_has_both_tables() -> None:
    assert len(NAMES) > 20 and len(ATTRIBUTES) == 10


def test_every_page_has_the_promised_roles_and_names(shown: dict[str, pages.ConsolePage]) -> None:
    for title, each in shown.items():
        page = each.open().page
        for where, role, name in NAMES:
            if where in {title, "every page"}:
                found = page.get_by_role(role, name=name, exact=role != "button")  # type: ignore[arg-type]
                expect(found.first, f"{role} {name} on {title}").to_be_visible()


def test_rows_and_pages_have_the_promised_attributes(shown: dict[str, pages.ConsolePage]) -> None:
    for where, attributes in ATTRIBUTES.items():
        title = "Backups & Restorations" if "Restorations" in where else next(name for name in shown if name in where)
        part = shown[title].open().page.locator("".join(f"[{attribute}]" for attribute in attributes)).first
        expect(part, where).to_be_visible()
        for attribute in attributes:
            assert part.get_attribute(attribute), f"{attribute} of {where} is empty"


def test_the_templates_have_no_undocumented_attributes() -> None:
    promised = {name for names in ATTRIBUTES.values() for name in names}
    for template in (ROOT / "templates").rglob("*.html"):
        used = set(re.findall(r"data-(?:[a-z]+-id|status)\b", template.read_text()))
        assert used <= promised, f"{template.name} has {used - promised}"
