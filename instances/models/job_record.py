"""JobRecord: the steps that a job has taken, and the lines that its agent has logged about it."""

from django.db import models

from instances.models.job import Job


class JobRecord(models.Model):
    """The agent's record of a job. Only the task's page reads it, so lists of jobs stay cheap."""

    job = models.OneToOneField(Job, primary_key=True, on_delete=models.CASCADE, related_name="record")
    # The steps in order, each as [code of the step, Unix time at which it began].
    steps = models.JSONField(default=list)
    log = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"record of {self.job_id}"
