from console.testing.dialogs import (
    AddExistingInstanceDialog,
    ConnectionTestDialog,
    CreateBackupDialog,
    CreateInstanceDialog,
    DeleteInstanceDialog,
    EditConnectionDialog,
    RemoveFromConsoleDialog,
    ResetPasswordDialog,
    RestartInstanceDialog,
)
from console.testing.pages.basic_information import RenameForm
from console.testing.pages.instance_home import InstanceHome
from console.testing.pages.list_page import ListPage
from console.testing.pages.row import Row


class InstanceRow(Row):
    id_attribute = "data-instance-id"

    def create_backup(self) -> CreateBackupDialog:
        self.press("Create Backup")
        return CreateBackupDialog(self.page)

    def create_backup_from_menu(self) -> CreateBackupDialog:
        return self.ask(CreateBackupDialog)

    def open(self, name: str) -> InstanceHome:
        self.root.get_by_role("link", name=name, exact=True).click()
        return InstanceHome(self.page, name).shown()

    def edit_name(self) -> RenameForm:
        # While the name is edited, the row cannot be found by it.
        row = self.page.locator(f'[data-instance-id="{self.id}"]')
        self.choose("Rename")
        return RenameForm(self.page, row)

    def rename(self, name: str) -> None:
        self.edit_name().submit(name)

    def restart(self) -> None:
        self.ask(RestartInstanceDialog).done()

    def reset_password(self) -> ResetPasswordDialog:
        return self.ask(ResetPasswordDialog)

    def test_connection(self) -> None:
        """Test the connection of an existing deployment, without waiting for the result."""
        self.ask(ConnectionTestDialog).done()

    def edit_connection(self) -> EditConnectionDialog:
        return self.ask(EditConnectionDialog)

    def remove_from_console(self, *, final_backup: bool = False) -> None:
        """Type the row's name into the dialog, and remove the existing deployment."""
        name = self.root.get_by_role("link").first.inner_text()
        self.ask(RemoveFromConsoleDialog).submit(name, final_backup=final_backup)

    def delete(self, *, final_backup: bool = False) -> None:
        """Type the row's name into the dialog, and delete the instance."""
        name = self.root.get_by_role("link").first.inner_text()
        self.ask(DeleteInstanceDialog).submit(name, final_backup=final_backup)


class InstanceManagement(ListPage):
    views = ("instances:list",)
    path, heading = "/instances/", "Instance Management"

    def row(self, name: str) -> InstanceRow:
        return InstanceRow(self.page, self._row(name))

    def add_existing(self) -> AddExistingInstanceDialog:
        self._press("Add Existing Instance")
        return AddExistingInstanceDialog(self.page)

    def create_instance(self) -> CreateInstanceDialog:
        self._press("Create DB Instance")
        return CreateInstanceDialog(self.page)
