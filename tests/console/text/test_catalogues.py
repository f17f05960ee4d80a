from io import StringIO
from pathlib import Path

import pytest
from babel.messages import Catalog
from babel.messages.mofile import read_mo
from django.core.management import call_command
from django.utils.translation import gettext, ngettext, override, pgettext
from pytest_django import Settings

from backups.choices import BackupStatus, RestorationStatus
from console.text import catalogues

TODO = """
Every string that users see is in the catalogue of every language, translated. Do this:

  1. .venv/bin/python manage.py messages
  2. Translate what is listed below: write its msgstr in the file named, as CONTRIBUTING.md says.

"""


def test_every_string_is_translated_into_every_language() -> None:
    if found := catalogues.problems():
        pytest.fail(TODO + "\n".join(map(str, found)), pytrace=False)


def test_the_catalogues_are_exactly_as_the_command_writes_them() -> None:
    for language in catalogues.languages():
        path = catalogues.path_of(language)
        assert path.read_text(encoding="utf-8") == catalogues.written(catalogues.read(language)), (
            "Run manage.py messages."
        )


def test_a_translation_is_shown_in_its_language() -> None:
    with override("zh-hans"):
        assert gettext("Create Backup") == "创建备份"
        assert ngettext("%d session has ended.", "%d sessions have ended.", 2) % 2 == "已结束 2 个会话。"
        assert pgettext("backup", "Complete") == "备份完成"
        assert (str(BackupStatus.FAILED.label), str(RestorationStatus.FAILED.label)) == ("备份失败", "恢复失败")
    with override("en"):
        assert gettext("Create Backup") == "Create Backup"


@pytest.fixture
def sources(tmp_path: Path, settings: Settings) -> Path:
    """Create a source tree: two apps and the templates have strings of their own, and two of the three share one."""
    settings.BASE_DIR = tmp_path
    for directory in catalogues.SOURCES:
        (tmp_path / directory).mkdir()
    (tmp_path / "console" / "a.py").write_text('_("Shared")\n_("Read %(n)d of %(all)d")\n')
    (tmp_path / "backups" / "b.py").write_text(
        '_("Shared")\nngettext("%d byte", "%d bytes", 2)\npgettext_lazy("verb", "Back up")\n'
    )
    (tmp_path / "templates" / "c.html").write_text(
        '{% load i18n %}\n  <p title="{% translate "Here" %}">'
        "{% blocktranslate with a=b %}It’s {{ a }}{% endblocktranslate %}\n"
        "{# a comment #}{% blocktranslate count n=3 %}{{ n }} row{% plural %}{{ n }} rows{% endblocktranslate %}"
    )
    return tmp_path


def catalogue() -> Path:
    return catalogues.path_of("zh_Hans")


def translate(translations: dict[str, str]) -> None:
    text = catalogue().read_text(encoding="utf-8")
    for source, translated in translations.items():
        assert f'msgid "{source}"' in text
        head, tail = text.split(f'msgid "{source}"', 1)
        text = f'{head}msgid "{source}"' + tail.replace('""', f'"{translated}"', 1)
    catalogue().write_text(text, encoding="utf-8")


def found() -> set[tuple[str, str]]:
    return {(problem.what, problem.text) for problem in catalogues.problems()}


def test_strings_are_collected_from_modules_and_templates(sources: Path) -> None:
    call_command("messages", stdout=StringIO())
    texts = {str(message.id) for message in catalogues.messages(catalogues.read("zh_Hans"))}
    assert texts == {
        *("Read %(n)d of %(all)d", "Shared", "('%d byte', '%d bytes')", "Back up"),
        *("('%(n)s row', '%(n)s rows')", "Here", "It’s %(a)s"),
    }
    assert 'msgctxt "verb"' in catalogue().read_text()


def test_updating_again_changes_nothing(sources: Path) -> None:
    assert catalogues.update() == [catalogue()]
    assert catalogues.update() == []


def test_a_translation_is_kept_when_its_string_moves(sources: Path) -> None:
    catalogues.update()
    translate({"Shared": "共享"})
    (sources / "console" / "a.py").write_text("")
    catalogues.update()
    assert 'msgid "Shared"\nmsgstr "共享"' in catalogue().read_text(encoding="utf-8")


def test_a_missing_translation_is_a_problem(sources: Path) -> None:
    assert ("missing", "Shared") in found()
    catalogues.update()
    assert ("not translated", "Shared") in found()
    translate({"Shared": "共享"})
    assert ("not translated", "Shared") not in found()


def test_different_placeholders_are_a_problem(sources: Path) -> None:
    catalogues.update()
    translate({"Read %(n)d of %(all)d": "%(n)d"})
    assert ("other placeholders in the translation", "Read %(n)d of %(all)d") in found()
    catalogue().write_text(catalogue().read_text().replace('msgstr "%(n)d"', 'msgstr "%(all)d 中的 %(n)d"'))
    assert "Read %(n)d of %(all)d" not in {text for _what, text in found()}


def test_a_string_no_longer_in_the_sources_is_a_problem_until_the_next_update(sources: Path) -> None:
    catalogues.update()
    gone = '\nmsgid "Gone"\nmsgstr "x"\n\n#~ msgid "Long gone"\n#~ msgstr "y"\n'
    catalogue().write_text(catalogue().read_text() + gone)
    assert {("no longer in the sources", "Gone"), ("obsolete", "Long gone")} <= found()
    catalogues.update()
    assert "one" not in catalogue().read_text()


def test_a_fuzzy_translation_is_a_problem(sources: Path) -> None:
    catalogues.update()
    text = catalogue().read_text()
    catalogue().write_text(text.replace('msgid "Shared"\nmsgstr ""', '#, fuzzy\nmsgid "Shared"\nmsgstr "共享"'))
    assert ("fuzzy", "Shared") in found()
    catalogues.update()
    assert ("fuzzy", "Shared") in found()


def test_only_translated_strings_are_compiled(sources: Path, tmp_path: Path) -> None:
    catalogues.update()
    translate({"Shared": "共享", "Back up": "备份"})
    catalogues.compile_into(tmp_path / "out")
    with (tmp_path / "out" / "zh_Hans" / "LC_MESSAGES" / "django.mo").open("rb") as file:
        whole: Catalog = read_mo(file)
    assert {message.id: message.string for message in whole if message.id} == {"Shared": "共享", "Back up": "备份"}
