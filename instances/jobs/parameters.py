"""The parameters that services pass to the jobs on instances."""

from dataclasses import dataclass

from instances.queue.job import Parameters


@dataclass(frozen=True, kw_only=True)
class CreateParameters(Parameters):
    # True if the job loads demo documents into the new instance.
    demo: bool = False
    # How many demo documents of about a kilobyte it loads besides.
    more_documents: int = 0
    # True if the job sets a password, which is not kept: see retrying.
    with_password: bool = False
