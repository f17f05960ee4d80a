from playwright.sync_api import Page

from console.testing.pages.list_page import ListPage
from console.testing.pages.task import TaskRow


class TaskCenter(ListPage):
    views = ("instances:tasks",)
    path, heading = "/tasks/", "Task Center"

    def row(self, kind: str, instance: str) -> TaskRow:
        """Return the newest task on the instance whose kind has this label."""
        rows = self.page.get_by_role("row").filter(has_text=kind)
        return TaskRow(self.page, rows.filter(has=self.page.get_by_text(instance, exact=True)).first)


class InstanceTasks(TaskCenter):
    """The tasks of one instance. Open the page from the instance's other pages, or with the instance's id."""

    views = ("instances:instance-tasks",)
    heading = "Tasks"

    def __init__(self, page: Page, instance_id: str = "") -> None:
        super().__init__(page)
        self.path = f"/instances/{instance_id}/tasks/" if instance_id else ""
