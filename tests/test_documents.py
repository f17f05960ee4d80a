"""Every document is reachable from README.md, and everything that it links to or names exists."""

import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest

from console.environment import BASE_DIR, SETTINGS

ROOMS = ("backups", "console", "instances", "static", "templates", "tests")
DOCUMENTS = sorted([*BASE_DIR.glob("*.md"), *(found for room in ROOMS for found in (BASE_DIR / room).rglob("*.md"))])
FRONT = BASE_DIR / "README.md"
each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(BASE_DIR)))


@cache
def prose(document: Path) -> str:
    """Return the document without its code blocks."""
    return re.sub(r"^```.*?^```$", "", document.read_text(), flags=re.DOTALL | re.MULTILINE)


def anchors(document: Path) -> set[str]:
    """Return the anchors of the headings, as GitHub generates them."""
    headings = re.findall(r"^#+ (.+)$", prose(document), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(document: Path) -> list[tuple[Path, str]]:
    """Return the links to files of the project, as pairs of file and anchor; the anchor may be empty."""
    found = re.findall(r'\]\(([^)\s]+)\)|(?:src|srcset)="([^"]+)"', prose(document))
    targets = [inline or attribute for inline, attribute in found]
    relative = [unquote(target).partition("#") for target in targets if not re.match(r"[a-z]+:", target)]
    return [((document.parent / path).resolve() if path else document, anchor) for path, _, anchor in relative]


@each_document
def test_links_lead_to_files_and_headings_that_exist(document: Path) -> None:
    for target, anchor in links(document):
        assert target.exists(), target
        assert not anchor or anchor in anchors(target), f"{target.relative_to(BASE_DIR)} has no heading #{anchor}"


@each_document
def test_paths_and_settings_in_the_text_exist(document: Path) -> None:
    for path in re.findall(rf"`((?:{'|'.join(ROOMS)})/[\w./-]*)`", prose(document)):
        assert (BASE_DIR / path).exists(), path
    named = set(re.findall(r"\bCONSOLE_[A-Z][A-Z_0-9]*[A-Z0-9]\b", document.read_text()))
    assert named <= {setting.name for setting in SETTINGS}


def test_the_front_page_leads_to_every_document_and_every_document_links_back() -> None:
    reached, waiting = set[Path](), [FRONT]
    while waiting:
        document = waiting.pop()
        reached.add(document)
        waiting += {target for target, _ in links(document) if target.suffix == ".md"} - reached
    assert reached == set(DOCUMENTS)
    for document in DOCUMENTS:
        if document.parent != BASE_DIR:
            assert FRONT in dict(links(document)), f"{document.relative_to(BASE_DIR)} does not link to README.md"
