"""Every page has a help of a few sentences, in every language."""

import re

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse
from django.utils import translation

from console.testing import pages
from tests.console.notifications.channels import make_channel
from tests.factories import make_backup, make_job

pytestmark = pytest.mark.django_db
# Nobody has signed in on these, or they are a part of another page.
WITHOUT = {"sign-in", "instances:rename", "instances:name"}
VIEWS = sorted({view for kind in vars(pages).values() for view in getattr(kind, "views", ())} - WITHOUT)
FILES = sorted(path.stem for path in (settings.BASE_DIR / "templates" / "help").glob("*.html"))


def test_each_page_has_a_help_and_each_help_a_page() -> None:
    assert [view.replace(":", "-") for view in VIEWS] == FILES


@pytest.mark.parametrize("view", VIEWS)
def test_the_button_beside_the_heading_opens_it(plain: Client, view: str) -> None:
    backup = make_backup()
    task = make_job(instance=backup.instance)
    inside = ("instance", "instances:detail", "instances:instance-tasks", "backups:instance")
    arguments = {
        **dict.fromkeys(inside, backup.instance_uid),
        "backups:detail": backup.id,
        "backups:task": task.id,
        "notifications:detail": make_channel().pk,
    }
    html = plain.get(reverse(view, args=[arguments[view]] if view in arguments else [])).text
    assert html.count('popovertarget="help"') == html.count('id="help"') == html.count("<h1") == 1
    assert re.search(r"</h1>\s*<button[^>]*popovertarget=\"help\"", html)


@pytest.mark.parametrize("language", [code for code, _name in settings.LANGUAGES])
@pytest.mark.parametrize("file", FILES)
def test_it_has_two_to_five_sentences(file: str, language: str) -> None:
    with translation.override(language):
        text = re.sub(r"<[^>]+>", " ", render_to_string(f"help/{file}.html"))
    text = text.replace("Restore...", "Restore")
    sentences = re.findall(r"[.。](?:\s|$|(?=[^\s\d]))", text)
    assert 2 <= len(sentences) <= 5, text


def test_a_page_without_a_help_has_no_button(plain: Client, user: User) -> None:
    assert 'id="help"' not in plain.get("/nothing-is-here/").text
