"""The page of a task, and the rows of the Task Center, which lead to it."""

from playwright.sync_api import Locator, Page, expect

from console.testing.dialogs import RetryTaskDialog
from console.testing.pages.page import WORK_MILLISECONDS, FactsPage
from console.testing.pages.row import Row


class TaskRow(Row):
    id_attribute = "data-task-id"

    def open(self, kind: str) -> "TaskPage":
        """Follow the task's name, which is the label of its kind."""
        self.press(kind)
        return TaskPage(self.page, kind).shown()


class TaskPage(FactsPage):
    """The page of one task. Follow its name in Task Center, or open the page with the task's id."""

    views = ("backups:task",)

    def __init__(self, page: Page, kind: str, task_id: str = "") -> None:
        super().__init__(page)
        self.heading = kind
        self.path = f"/tasks/{task_id}/" if task_id else ""

    @property
    def task(self) -> TaskRow:
        """Return the task's id, status and operations as if they were a row of a list."""
        return TaskRow(self.page, self.page.get_by_role("region", name=self.heading, exact=True))

    def steps(self) -> Locator:
        """Return the rows of the table of steps, without its head."""
        return self.page.get_by_role("table", name="Steps").locator("tbody").get_by_role("row")

    def expect_step(self, label: str, status: str) -> None:
        """Wait until the table of steps has the step with this status."""
        row = self.steps().filter(has=self.page.get_by_role("rowheader", name=label))
        expect(row).to_contain_text(status, timeout=WORK_MILLISECONDS)

    @property
    def log(self) -> Locator:
        """Return the last lines that the agent logged about the task."""
        return self.page.get_by_role("region", name="Log")

    def retry(self) -> RetryTaskDialog:
        self.task.press("Retry")
        return RetryTaskDialog(self.page)
