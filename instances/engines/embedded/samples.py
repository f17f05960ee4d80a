"""Data directories full of documents, made by the engine itself, before any instance has them."""

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from instances.engines.base import Cut, Facts, Server
from instances.engines.embedded import demo, process
from instances.engines.embedded.backup import backup, blocks
from instances.engines.embedded.facts import facts
from instances.engines.embedded.private import wait
from instances.engines.embedded.users import set_password


@dataclass(frozen=True)
class Sample:
    """The home of an instance that is none: its data directory, what its server said of itself, and a cut of it."""

    home: Path
    facts: Facts
    cut: Cut


def make(room: Path, kinds: Iterable[str], *, password: str, more: int = 0) -> dict[str, Sample]:
    """Make a sample of each kind that demo.load() knows, in a directory of that name, with so many documents more.

    `password` is the administrator's in all of them. Their servers have ended when this returns. Only for the main
    thread. Raises EngineError.
    """
    running: dict[str, tuple[Server, subprocess.Popen[bytes]]] = {}
    try:
        for kind in kinds:
            server = Server(process.free_port(), room / kind, private=True)
            process.prepare(server.home)
            running[kind] = server, process.spawn(server.home, server.port, private=True)
        samples = {}
        for kind, (server, spawned) in running.items():
            wait(server, spawned)
            set_password(server, password)
            demo.load(server, kind)
            demo.load_more(server, kind, more)
            samples[kind] = Sample(server.home, facts(server), _kept_cut(server))
        return samples
    finally:
        for _server, spawned in running.values():
            process.stop(spawned)


def _kept_cut(server: Server) -> Cut:
    """A cut of all databases whose files are copied, so that it can be read as often as wanted."""
    folder = server.home / "cut"
    with backup(server) as cut:
        (folder / "data").mkdir(parents=True)
        for member in cut.members:
            with (folder / member.name).open("wb") as file:
                for block in member.read():
                    file.write(block)
        contents = cut.contents()
    members = [replace(member, read=partial(blocks, folder / member.name, member.size)) for member in cut.members]
    return replace(cut, members=members, contents=lambda waiting=None: contents)
