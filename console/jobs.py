"""Which function does which kind of job: the one place where the apps' handlers meet."""

from backups.jobs.make import HANDLERS as BACKUP_HANDLERS
from backups.jobs.restore import HANDLERS as RESTORE_HANDLERS
from instances.jobs.handlers import HANDLERS as INSTANCE_HANDLERS
from instances.queue.leases import Handlers

HANDLERS: Handlers = {**INSTANCE_HANDLERS, **BACKUP_HANDLERS, **RESTORE_HANDLERS}
