from console.testing.pages.list_page import ListPage
from console.testing.pages.row import Row


class TaskRow(Row):
    id_attribute = "data-task-id"


class TaskCenter(ListPage):
    views = ("instances:tasks",)
    path, heading = "/tasks/", "Task Center"

    def row(self, kind: str, instance: str) -> TaskRow:
        """Return the newest task on the instance whose kind has this label."""
        rows = self.page.get_by_role("row").filter(has_text=kind)
        return TaskRow(self.page, rows.filter(has=self.page.get_by_text(instance, exact=True)).first)
