"""The rows of instances, hosts and jobs. Imports no view code."""

from instances.models.deployment import Deployment
from instances.models.host import Host, HostQuerySet, offline_after
from instances.models.instance import (
    LAST_BACKUP,
    Instance,
    InstanceQuerySet,
    is_available,
    new_instance_id,
    shows_status,
)
from instances.models.job import Job, JobQuerySet
from instances.models.job_record import JobRecord

__all__ = [
    "LAST_BACKUP",
    "Deployment",
    "Host",
    "HostQuerySet",
    "Instance",
    "InstanceQuerySet",
    "Job",
    "JobQuerySet",
    "JobRecord",
    "is_available",
    "new_instance_id",
    "offline_after",
    "shows_status",
]
