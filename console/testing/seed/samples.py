"""The sample databases that seeding copies into instances and backups. A real server fills them beforehand."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from instances import demo_documents, engines
from instances.engines.base import Cut, Facts, Server


@dataclass(frozen=True)
class Sample:
    """A home with its data directory, what its server reported, and a cut of it."""

    home: Path
    facts: Facts
    cut: Cut


def make(room: Path, kinds: Iterable[str], *, password: str, more: int = 0) -> dict[str, Sample]:
    """Make a sample of each kind that demo_documents.load() knows, in a directory named after the kind.

    Each has `more` additional documents, and an administrator with this password. The servers have ended when this
    returns. Call it only in the main thread. Raises EngineError.
    """
    engine, samples = engines.embedded(), {}
    for kind in kinds:
        home = room / kind
        engine.files.prepare(home)
        with engine.scratch(home) as server:
            engine.set_password(server, password)
            demo_documents.load(server, kind)
            demo_documents.load_more(server, kind, more)
            samples[kind] = Sample(home, engine.facts(server), _kept_cut(server))
    return samples


def _kept_cut(server: Server) -> Cut:
    """Take a cut and copy its files, so that the cut can be read any number of times."""
    folder = server.home / "cut"
    with engines.embedded().backup(server) as cut:
        for member in cut.members:
            path = folder / member.name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                for block in member.read():
                    file.write(block)
        contents = cut.contents()
    members = [replace(member, read=partial(_read, folder / member.name)) for member in cut.members]
    return replace(cut, members=members, contents=lambda waiting=None: contents)


def _read(path: Path) -> Iterator[memoryview]:
    with path.open("rb") as file:
        while block := file.read(1024 * 1024):
            yield memoryview(block)
