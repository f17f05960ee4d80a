"""Page objects of the pages. They find elements by role and label, and wait for what a page shows, never for time.

backups = BackupManagement(page).open()
backups.row("before-upgrade").expect_status("Complete")
"""

from console.testing.pages.audit import Audit
from console.testing.pages.backup_detail import BackupDetail, BackupRow
from console.testing.pages.backup_management import BackupList, BackupManagement, BackupsAndRestorations, RestorationRow
from console.testing.pages.basic_information import BasicInformation, RenameForm
from console.testing.pages.instance_home import InstanceHome
from console.testing.pages.instance_management import InstanceManagement, InstanceRow
from console.testing.pages.list_page import ListPage
from console.testing.pages.notifications import ChannelPage, ChannelRow, Notifications
from console.testing.pages.overview import Overview
from console.testing.pages.page import WORK_MILLISECONDS, ConsolePage, Exported, FactsPage
from console.testing.pages.password import Password
from console.testing.pages.row import Row
from console.testing.pages.search import Search
from console.testing.pages.sessions import Sessions
from console.testing.pages.settings import Settings
from console.testing.pages.sign_in import SignIn
from console.testing.pages.task import TaskPage, TaskRow
from console.testing.pages.task_center import InstanceTasks, TaskCenter
from console.testing.pages.users import UserRow, Users

__all__ = [
    "WORK_MILLISECONDS",
    "Audit",
    "BackupDetail",
    "BackupList",
    "BackupManagement",
    "BackupRow",
    "BackupsAndRestorations",
    "BasicInformation",
    "ChannelPage",
    "ChannelRow",
    "ConsolePage",
    "Exported",
    "FactsPage",
    "InstanceHome",
    "InstanceManagement",
    "InstanceRow",
    "InstanceTasks",
    "ListPage",
    "Notifications",
    "Overview",
    "Password",
    "RenameForm",
    "RestorationRow",
    "Row",
    "Search",
    "Sessions",
    "Settings",
    "SignIn",
    "TaskCenter",
    "TaskPage",
    "TaskRow",
    "UserRow",
    "Users",
]
