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
Every string that users see is in the catalogue of its app, translated. Do this:

  1. .venv/bin/python manage.py messages
  2. Translate what is listed below: write its msgstr in the file named, as CONTRIBUTING.md says.

"""


def test_every_string_is_translated_into_every_language() -> None:
    if found := catalogues.problems():
        pytest.fail(TODO + "\n".join(map(str, found)), pytrace=False)


@pytest.mark.parametrize("app", catalogues.APPS)
def test_the_catalogues_are_as_the_command_writes_them(app: str) -> None:
    for language in catalogues.languages():
        path = catalogues.path_of(app, language)
        assert path.read_text(encoding="utf-8") == catalogues.written(catalogues.read(path)), "Run manage.py messages."


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
    """A source tree of three apps, with one string each and one that two of them say."""
    settings.BASE_DIR = tmp_path
    for app in catalogues.APPS:
        (tmp_path / app).mkdir()
        (tmp_path / "templates" / app).mkdir(parents=True)
    (tmp_path / "console" / "a.py").write_text('_("Shared")\n_("Read %(n)d of %(all)d")\n')
    (tmp_path / "backups" / "b.py").write_text(
        '_("Shared")\nngettext("%d byte", "%d bytes", 2)\npgettext_lazy("verb", "Back up")\n'
    )
    (tmp_path / "templates" / "instances" / "c.html").write_text(
        '{% load i18n %}\n  <p title="{% translate "Here" %}">'
        "{% blocktranslate with a=b %}It’s {{ a }}{% endblocktranslate %}\n"
        "{# a comment #}{% blocktranslate count n=3 %}{{ n }} row{% plural %}{{ n }} rows{% endblocktranslate %}"
    )
    return tmp_path


def texts(app: str) -> list[str]:
    return [str(message.id) for message in catalogues.messages(catalogues.read(catalogues.path_of(app, "zh_Hans")))]


def translate(app: str, translations: dict[str, str]) -> None:
    path = catalogues.path_of(app, "zh_Hans")
    text = path.read_text(encoding="utf-8")
    for source, translated in translations.items():
        assert f'msgid "{source}"' in text
        head, tail = text.split(f'msgid "{source}"', 1)
        text = f'{head}msgid "{source}"' + tail.replace('""', f'"{translated}"', 1)
    path.write_text(text, encoding="utf-8")


def found() -> set[tuple[str, str]]:
    return {(problem.what, problem.text) for problem in catalogues.problems()}


def test_strings_are_gathered_into_the_app_that_says_them_first(sources: Path) -> None:
    call_command("messages", stdout=StringIO())
    assert texts("console") == ["Read %(n)d of %(all)d", "Shared"]
    assert texts("instances") == ["('%(n)s row', '%(n)s rows')", "Here", "It’s %(a)s"]
    assert texts("backups") == ["('%d byte', '%d bytes')", "Back up"]
    assert 'msgctxt "verb"' in catalogues.path_of("backups", "zh_Hans").read_text()


def test_updating_again_changes_nothing(sources: Path) -> None:
    assert len(catalogues.update()) == 3
    assert catalogues.update() == []


def test_a_translation_moves_along_with_its_string(sources: Path) -> None:
    catalogues.update()
    translate("console", {"Shared": "共享"})
    (sources / "console" / "a.py").write_text("")
    catalogues.update()
    assert 'msgid "Shared"\nmsgstr "共享"' in catalogues.path_of("backups", "zh_Hans").read_text(encoding="utf-8")


def test_what_is_not_translated_is_a_problem(sources: Path) -> None:
    assert ("missing", "Shared") in found()
    catalogues.update()
    assert ("not translated", "Shared") in found()
    translate("console", {"Shared": "共享"})
    assert ("not translated", "Shared") not in found()


def test_other_placeholders_are_a_problem(sources: Path) -> None:
    catalogues.update()
    translate("console", {"Read %(n)d of %(all)d": "%(n)d"})
    assert ("other placeholders in the translation", "Read %(n)d of %(all)d") in found()
    translate_again = catalogues.path_of("console", "zh_Hans")
    translate_again.write_text(translate_again.read_text().replace('msgstr "%(n)d"', 'msgstr "%(all)d 中的 %(n)d"'))
    assert "Read %(n)d of %(all)d" not in {text for _what, text in found()}


def test_what_nobody_says_is_a_problem_and_goes_with_an_update(sources: Path) -> None:
    catalogues.update()
    path = catalogues.path_of("console", "zh_Hans")
    path.write_text(path.read_text() + '\nmsgid "Gone"\nmsgstr "x"\n\n#~ msgid "Long gone"\n#~ msgstr "y"\n')
    assert {("not said any more", "Gone"), ("obsolete", "Long gone")} <= found()
    catalogues.update()
    assert "one" not in path.read_text()


def test_a_fuzzy_translation_is_a_problem(sources: Path) -> None:
    catalogues.update()
    path = catalogues.path_of("console", "zh_Hans")
    path.write_text(path.read_text().replace('msgid "Shared"\nmsgstr ""', '#, fuzzy\nmsgid "Shared"\nmsgstr "共享"'))
    assert ("fuzzy", "Shared") in found()
    catalogues.update()
    assert ("fuzzy", "Shared") in found()


def test_compiled_the_catalogues_are_one(sources: Path, tmp_path: Path) -> None:
    catalogues.update()
    translate("console", {"Shared": "共享"})
    translate("backups", {"Back up": "备份"})
    catalogues.compile_into(tmp_path / "out")
    with (tmp_path / "out" / "zh_Hans" / "LC_MESSAGES" / "django.mo").open("rb") as file:
        whole: Catalog = read_mo(file)
    assert {message.id: message.string for message in whole if message.id} == {"Shared": "共享", "Back up": "备份"}
