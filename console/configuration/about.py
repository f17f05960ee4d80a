"""The versions of the console and of what it runs on, and the licences of the libraries it uses."""

import platform
import re
import sqlite3
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from typing import Any

import django
from django.db import connection

from console.processes.version import DISTRIBUTION, version

ENGINE = "secantusdb"
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_LICENCE = "License :: "


@dataclass(frozen=True)
class Library:
    name: str
    version: str
    licence: str


def versions() -> list[tuple[str, str]]:
    """Return the name and the version of each part that a report of a fault should mention."""
    found = {library.name.lower(): library for library in libraries()}
    engine = found.get(ENGINE)
    return [
        ("Document Database Console", version() or "–"),  # noqa: RUF001
        ("Python", platform.python_version()),
        ("Django", django.get_version()),
        (engine.name if engine else ENGINE, engine.version if engine else "–"),  # noqa: RUF001
        _database(),
    ]


def _database() -> tuple[str, str]:
    if connection.vendor == "sqlite":
        return "SQLite", sqlite3.sqlite_version
    return "PostgreSQL", ".".join(map(str, connection.get_database_version()))


@cache
def libraries() -> list[Library]:
    """Return the libraries that the console requires to run, by name."""
    try:
        required = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        required = []
    names = {match[0] for line in required if "extra ==" not in line and (match := _NAME.match(line))}
    return sorted([*map(_library, names), Library("idiomorph", "", "0BSD")], key=lambda library: library.name.lower())


def _library(name: str) -> Library:
    try:
        facts = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return Library(name, "", "")
    return Library(facts["Name"], facts["Version"], licence_of(facts))


def licence_of(facts: Any) -> str:
    """Return the licence that a package states: as an expression, else in one line of text, else as a classifier."""
    if expression := facts.get("License-Expression"):
        return str(expression)
    text = str(facts.get("License") or "").strip()
    if text and "\n" not in text and len(text) <= 60:
        return text
    classifiers = [line.split(" :: ")[-1] for line in facts.get_all("Classifier") or [] if line.startswith(_LICENCE)]
    return ", ".join(classifiers)
