from console.testing.dialogs import ChangeRoleDialog, CreateUserDialog
from console.testing.pages.list_page import ListPage
from console.testing.pages.row import Row


class UserRow(Row):
    id_attribute = "data-user-id"

    def change_role(self, role: str) -> None:
        self.press("Change Role")
        ChangeRoleDialog(self.page).choose(role).done()


class Users(ListPage):
    views = ("users",)
    path, heading = "/users/", "Users"

    def row(self, name: str) -> UserRow:
        rows = self.page.get_by_role("row")
        return UserRow(self.page, rows.filter(has=self.page.get_by_text(name, exact=True)).first)

    def create_user(self) -> CreateUserDialog:
        self.page.get_by_role("main").get_by_role("link", name="Create User").click()
        return CreateUserDialog(self.page)
