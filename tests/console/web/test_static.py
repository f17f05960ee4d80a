"""Static files and templates: modules import hashed names, and files and the first page load stay small."""

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client, override_settings

from console.templatetags import assets, components
from tests import factories

SOURCES = settings.BASE_DIR / "static"
TEMPLATES = settings.BASE_DIR / "templates"
IMPORT = re.compile(r'\b(?:import|from) "\./([^"]+)"')
# Assumed size of the headers of a response, in bytes.
HEADERS = 420
FIRST_LOAD = 84_000


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Collect the static files like `up` does, and let pages use them during the test."""
    root = tmp_path_factory.mktemp("static")
    backends = settings.STORAGES | {"staticfiles": {"BACKEND": "console.web.static.ModuleStorage"}}
    with override_settings(STORAGES=backends, STATIC_ROOT=str(root)):
        forget_links()
        call_command("collectstatic", "--noinput", verbosity=0)
        yield root
    forget_links()


def forget_links() -> None:
    """Forget the addresses of files that pages have shown before: they have other names then."""
    for remembered in (assets.stylesheets, assets.modules, components.icon):
        remembered.cache_clear()


def hashed(root: Path, name: str) -> str:
    paths: dict[str, str] = json.loads((root / "staticfiles.json").read_text())["paths"]
    return paths[name]


def test_modules_import_hashed_files(collected: Path) -> None:
    waiting, seen = [hashed(collected, "js/console.js")], set[str]()
    while waiting:
        name = waiting.pop()
        seen.add(name)
        imports = IMPORT.findall((collected / name).read_text())
        waiting += [f"js/{each}" for each in imports if f"js/{each}" not in seen]
    assert seen == {hashed(collected, f"js/{path.name}") for path in (SOURCES / "js").glob("*.js")}


def test_every_stylesheet_is_linked_somewhere() -> None:
    linked = set(assets.STYLESHEETS)
    for template in TEMPLATES.rglob("*.html"):
        linked |= set(re.findall(r'{% stylesheet "([^"]+)" %}', template.read_text()))
    css = SOURCES / "css"
    assert linked == {str(path.relative_to(css).with_suffix("")) for path in css.rglob("*.css")}


@pytest.mark.parametrize("path", sorted((SOURCES / "css").rglob("*.css")), ids=lambda path: path.name)
def test_every_css_rule_is_in_a_layer(path: Path) -> None:
    text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
    outermost = [line for line in text.splitlines() if line and not line.startswith((" ", "}"))]
    assert all(line.startswith("@layer ") for line in outermost), outermost


@pytest.mark.parametrize("path", sorted((SOURCES / "js").glob("*.js")), ids=lambda path: path.name)
def test_a_module_has_at_most_150_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 150


@pytest.mark.parametrize("path", sorted(TEMPLATES.rglob("*.html")), ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_a_template_is_short_and_lists_its_inputs(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert max(map(len, lines)) <= 160
    assert len(lines) <= 120
    assert lines[0].startswith("{#"), "its inputs are named first"


@pytest.mark.django_db
def test_the_first_load_of_a_page_stays_small(collected: Path, client: Client) -> None:
    """Add up page, styles, scripts and images as the console sends them to a browser with an empty cache."""
    for number in range(3):
        factories.make_instance(name=f"instance-{number}")
    client.force_login(factories.make_user())
    page = client.get("/instances/").content
    files = set(re.findall(r'(?:href|src)="/static/([^"#]+)', page.decode()))
    assert len(files) > 10
    sent = [gzip.compress(page), *(compressed(collected / name) for name in files)]
    assert sum(len(each) + HEADERS for each in sent) <= FIRST_LOAD


def compressed(path: Path) -> bytes:
    smaller = path.with_name(f"{path.name}.gz")
    return (smaller if smaller.exists() else path).read_bytes()
