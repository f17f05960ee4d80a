"""Test the storage of archives: write a small object, read it back, compare and delete it."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.files.base import ContentFile

from backups.storage.base import archive_storage
from console.text.errors import explain_file
from console.text.messages import Message
from instances.choices import JobStatus
from instances.models import Job
from instances.queue.job import JobFailed, JobSteps, Parameters
from instances.queue.work import Work

_BYTES = 64 * 1024


class ProbeStorage(JobSteps[Parameters, None]):
    parameters_type = Parameters

    @property
    def _name(self) -> str:
        return f"storage-test-{self.job.pk}"

    def run(self, work: Work) -> None:
        storage, content = archive_storage(), secrets.token_bytes(_BYTES)
        with _failing("storage.test_write"):
            storage.save(self._name, ContentFile(content))
        work.report(40)
        with _failing("storage.test_read"), storage.open(self._name) as file:
            found = file.read()
        work.report(70)
        if found != content:
            raise JobFailed(Message("storage.test_differs"))
        with _failing("storage.test_delete"):
            storage.delete(self._name)
            if storage.exists(self._name):
                raise JobFailed(Message("storage.test_kept"))

    def completed(self, result: None) -> None:
        """Nothing depends on the test."""

    def failed(self, reason: str) -> None:
        """Nothing depends on the test."""

    def clean_up(self) -> None:
        if Job.objects.filter(pk=self.job.pk, status=JobStatus.COMPLETED).exists():
            return
        storage = archive_storage()
        storage.discard_partial(self._name)
        storage.delete(self._name)


@contextmanager
def _failing(code: str) -> Iterator[None]:
    """Raise JobFailed with the message and the reason if the storage fails."""
    try:
        yield
    except OSError as error:
        raise JobFailed(Message(code, why=explain_file(error))) from error
