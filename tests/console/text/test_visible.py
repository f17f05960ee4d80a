"""Which characters are invisible, and where foreign text is shown with escapes in their place."""

import io
import logging
import sys
import unicodedata
from pathlib import Path

import pytest
from django.template import Context, Template
from django.test import Client, RequestFactory
from django.urls import reverse

from backups.models import Backup
from console.audit import origin
from console.audit.models import AuditEvent
from console.text.messages import Message
from console.text.visible import VisibleFormatter, invisible, visible
from instances.engines.base import Collection, Contents, Database
from tests.factories import make_backup

HOSTILE = "a\x1b[31m\r\n\u202e<b>"
SHOWN = r"a\x1b[31m\r\n\u202e<b>"
SHOWN_IN_HTML = r"a\x1b[31m\r\n\u202e&lt;b&gt;"
# Joiners, and format characters that have a shape of their own.
VISIBLE_FORMATS = {
    *(0x200C, 0x200D),
    *(*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD),
    *range(0x13430, 0x13440),
}


def test_the_invisible_characters_are_unicodes_control_and_format_characters() -> None:
    hidden = {code for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) in _CATEGORIES}
    found = {ord(character) for character in invisible("".join(map(chr, range(sys.maxunicode + 1))))}
    assert hidden - found == VISIBLE_FORMATS & hidden
    assert all(unicodedata.category(chr(code)) == "Cn" for code in found - hidden)


_CATEGORIES = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def test_text_without_invisible_characters_stays_the_same_object() -> None:
    for text in ("déjà vu 备份 👩\u200d💻", Message("backup.gone")):
        assert visible(text) is text


def test_invisible_characters_in_html_become_escapes_and_the_rest_stays_escaped_once() -> None:
    page = Template('{% load components %}{{ text|visible }} {{ texts|join:", "|visible }}')
    assert page.render(Context({"text": HOSTILE, "texts": [HOSTILE]})) == f"{SHOWN_IN_HTML} {SHOWN_IN_HTML}"


def test_a_message_shows_foreign_text_with_escapes() -> None:
    assert str(Message("server.refused", why=OSError(HOSTILE))).endswith(SHOWN)
    assert str(Message("import.no_file", path=Path(HOSTILE))) == f"There is no file {SHOWN}."


@pytest.mark.django_db
def test_pages_show_stored_foreign_text_with_escapes(plain: Client) -> None:
    contents = Contents((Database(HOSTILE, (Collection("c\t", 1, ("i\t", "j")),)),))
    backup = make_backup(contents=contents.to_document())
    Backup.objects.filter(pk=backup.pk).update(description=HOSTILE, failure=HOSTILE, verify_failure=HOSTILE)
    for path in (backup.get_absolute_url(), reverse("backups:list")):
        page = plain.get(path).content.decode()
        assert not set(invisible(page)) - {"\n"}
        assert page.count(SHOWN_IN_HTML) >= 3
    page = plain.get(backup.get_absolute_url()).content.decode()
    assert r">c\t<" in page and r">i\t, j<" in page


@pytest.mark.django_db
def test_the_name_typed_at_a_failed_sign_in_is_recorded_with_escapes(client: Client) -> None:
    client.post(reverse("sign-in"), {"username": "a\x1b\u202eb", "password": "wrong"})
    assert AuditEvent.objects.get().user_name == r"a\x1b\u202eb"


def test_a_user_agent_is_taken_with_escapes() -> None:
    with origin.of_request(RequestFactory().get("/", headers={"User-Agent": "curl\x1b[2J\x9b"})):
        assert origin.current().user_agent == r"curl\x1b[2J\x9b"


def test_a_line_of_the_log_stays_one_line() -> None:
    output = io.StringIO()
    handler = logging.StreamHandler(output)
    handler.setFormatter(VisibleFormatter("%(message)s"))
    log = logging.Logger("foreign")
    log.addHandler(handler)
    try:
        raise ValueError(HOSTILE)
    except ValueError as error:
        log.warning("It failed: %s", error, exc_info=True)
    lines = output.getvalue().splitlines()
    assert lines[0] == f"It failed: {SHOWN}"
    assert not invisible("".join(lines))
