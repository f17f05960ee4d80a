"""Catalogues of translations: strings gathered from the sources, a .po per language, and a .mo compiled into the home.

Babel does the work; the system's gettext tools are not needed.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from babel.messages import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir, extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation import to_locale
from django.utils.translation.template import templatize

SOURCES = ("console", "instances", "backups", "templates")
_METHODS = [("**.py", "python"), ("**.html", f"{__name__}:extract_template")]
_KEYWORDS = {
    **DEFAULT_KEYWORDS,
    **{f"{name}_lazy": arguments for name, arguments in DEFAULT_KEYWORDS.items()},
    "gettext_noop": None,
}
_PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[-+ #0]*\d*(?:\.\d+)?[a-zA-Z%]")


@dataclass(frozen=True)
class Problem:
    """A problem with one string of one catalogue."""

    path: Path
    text: str
    what: str

    def __str__(self) -> str:
        return f"{self.path.relative_to(settings.BASE_DIR)}: {self.what}: {self.text!r}"


def languages() -> list[str]:
    """Return the languages of the catalogues, as directories name them. The sources themselves are in English."""
    return [to_locale(code) for code, _name in settings.LANGUAGES if code != settings.LANGUAGE_CODE]


def path_of(language: str) -> Path:
    return Path(settings.BASE_DIR) / "console" / "locale" / language / "LC_MESSAGES" / "django.po"


def update() -> list[Path]:
    """Bring every catalogue up to date with the sources; return those that changed.

    Keep the translations of existing strings, and remove the strings that the sources no longer contain.
    """
    template, changed = _gather(), []
    for language in languages():
        path = path_of(language)
        catalogue = read(language)
        catalogue.update(template, no_fuzzy_matching=True)
        text = written(catalogue)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            changed.append(path)
    return changed


def compile_into(directory: Path) -> None:
    """Compile each catalogue into a .mo below the directory, where LOCALE_PATHS finds it."""
    for language in languages():
        catalogue, compiled = read(language), BytesIO()
        for message in [each for each in messages(catalogue) if not _is_translated(each)]:
            catalogue.delete(message.id, message.context)
        write_mo(compiled, catalogue)
        path = directory / language / "LC_MESSAGES" / "django.mo"
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".fresh")
        fresh.write_bytes(compiled.getvalue())
        fresh.replace(path)


def problems() -> list[Problem]:
    """Return every missing, obsolete, fuzzy or inconsistent translation."""
    template = _gather()
    return [
        Problem(path_of(language), text, what)
        for language in languages()
        for text, what in _problems(read(language), template)
    ]


def _problems(catalogue: Catalog, template: Catalog) -> Iterator[tuple[str, str]]:
    for message in messages(template):
        if catalogue.get(message.id, message.context) is None:
            yield _forms(message.id)[0], "missing"
    for message in catalogue.obsolete.values():
        yield _forms(message.id)[0], "obsolete"
    for message in messages(catalogue):
        text = _forms(message.id)[0]
        if template.get(message.id, message.context) is None:
            yield text, "no longer in the sources"
        if message.fuzzy:
            yield text, "fuzzy"
        if not _is_translated(message):
            yield text, "not translated"
        # The last form is the plural. Every translated form must have its placeholders.
        elif any(_placeholders(form) != _placeholders(_forms(message.id)[-1]) for form in _forms(message.string)):
            yield text, "other placeholders in the translation"


def _gather() -> Catalog:
    """Return a catalogue of every string that is marked for translation in the sources."""
    template = Catalog()
    for name in SOURCES:
        directory = Path(settings.BASE_DIR) / name
        for _file, _line, text, _comments, context in extract_from_dir(directory, _METHODS, keywords=_KEYWORDS):
            template.add(text, context=context)
    return template


def extract_template(
    file: IO[bytes], keywords: Mapping[str, Any], comment_tags: Collection[str], options: Mapping[str, Any]
) -> Iterator[Any]:
    """Extract the strings of a Django template, for Babel."""
    # Django's templatize() turns the template into Python. The brackets make the indentation insignificant.
    source = f"(\n{templatize(file.read().decode())}\n)"
    return extract_python(BytesIO(source.encode()), keywords, comment_tags, {})


def read(language: str) -> Catalog:
    path = path_of(language)
    if not path.exists():
        return Catalog(locale=language, fuzzy=False)
    with path.open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


def messages(catalogue: Catalog) -> Iterator[Message]:
    """Yield the messages except the first, which is the header."""
    return (message for message in catalogue if message.id)


def _forms(text: object) -> list[str]:
    return [text] if isinstance(text, str) else [str(form) for form in text or ()]  # type: ignore[attr-defined]


def _is_translated(message: Message) -> bool:
    return bool(message.string) and all(_forms(message.string))


def _placeholders(text: str) -> list[str]:
    return sorted(_PLACEHOLDER.findall(text))


def written(catalogue: Catalog) -> str:
    """Return the catalogue as a .po: sorted, without dates and places, so that it changes only where a string does."""
    header = {"Language": str(catalogue.locale), "Content-Type": "text/plain; charset=utf-8"}
    header |= {"Content-Transfer-Encoding": "8bit", "Plural-Forms": catalogue.plural_forms}
    lines = ['msgid ""', 'msgstr ""', *(f'"{name}: {value}\\n"' for name, value in header.items()), "", ""]
    body = BytesIO()
    write_po(body, catalogue, width=0, no_location=True, omit_header=True, sort_output=True, ignore_obsolete=True)
    return "\n".join(lines) + body.getvalue().decode().strip("\n") + "\n"
