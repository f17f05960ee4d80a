"""What services give to the jobs on instances."""

from dataclasses import dataclass

from instances.queue.job import Parameters


@dataclass(frozen=True, kw_only=True)
class CreateParameters(Parameters):
    # Whether the new instance gets demo documents.
    demo: bool = False
