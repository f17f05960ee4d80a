"""The class that does each kind of job."""

from backups.jobs.delete import DeleteBackup
from backups.jobs.delete_instance import DeleteInstanceWithBackups
from backups.jobs.make import MakeBackup
from backups.jobs.probe_storage import ProbeStorage
from backups.jobs.restore_to_deployment import RestoreToDeployment
from backups.jobs.restore_to_new import RestoreToNewInstance
from backups.jobs.restore_to_original import RestoreToOriginal
from backups.jobs.verify import VerifyBackup
from instances.choices import JobKind
from instances.jobs.create import CreateInstance
from instances.jobs.reset_password import ResetPassword
from instances.jobs.restart import RestartInstance
from instances.jobs.test_connection import TestConnection
from instances.queue.job import JobKinds

JOBS: JobKinds = {
    JobKind.CREATE_INSTANCE: CreateInstance,
    JobKind.RESTART: RestartInstance,
    JobKind.RESET_PASSWORD: ResetPassword,
    JobKind.DELETE_INSTANCE: DeleteInstanceWithBackups,
    JobKind.BACKUP: MakeBackup,
    JobKind.DELETE_BACKUP: DeleteBackup,
    JobKind.RESTORE_NEW: RestoreToNewInstance,
    JobKind.RESTORE_ORIGINAL: RestoreToOriginal,
    JobKind.RESTORE_DEPLOYMENT: RestoreToDeployment,
    JobKind.VERIFY: VerifyBackup,
    JobKind.TEST_STORAGE: ProbeStorage,
    JobKind.TEST_CONNECTION: TestConnection,
}
