"""Which function does which kind of job: the one place where the apps' handlers meet."""

from backups.handlers import HANDLERS as BACKUP_HANDLERS
from backups.restoring import HANDLERS as RESTORE_HANDLERS
from instances.handlers import HANDLERS as INSTANCE_HANDLERS
from instances.jobs import Handlers

HANDLERS: Handlers = {**INSTANCE_HANDLERS, **BACKUP_HANDLERS, **RESTORE_HANDLERS}
