"""The catalogues of translations: gathered from the sources, kept as .po files in the apps, compiled into the home.

All of it is done by Babel; the system's gettext tools are not needed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from babel.messages import Catalog, Message
from babel.messages.extract import extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation import to_locale
from django.utils.translation.template import templatize

# A string that several apps say is in the catalogue of the first of them.
APPS = ("console", "instances", "backups")
# What marks a string, and which of its arguments are: text, plural, or context ("c").
KEYWORDS: dict[str, tuple[int | tuple[int, str], ...] | None] = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
    # The engine's exceptions.
    "Reason": None,
    "SnapshotError": None,
    "_NotNow": None,
    "Damaged": None,
    "FilesInUse": None,
    "EngineError": None,
}
_PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[-+ #0]*\d*(?:\.\d+)?[a-zA-Z%]")
_Key = tuple[str | None, str]


@dataclass(frozen=True)
class Problem:
    """What is wrong with one string of one catalogue."""

    path: Path
    text: str
    what: str

    def __str__(self) -> str:
        return f"{self.path.relative_to(settings.BASE_DIR)}: {self.what}: {self.text!r}"


def languages() -> list[str]:
    """Those that are translated into, as directories name them; the sources are in English."""
    return [to_locale(code) for code, _name in settings.LANGUAGES if code != settings.LANGUAGE_CODE]


def path_of(app: str, language: str) -> Path:
    return Path(settings.BASE_DIR) / app / "locale" / language / "LC_MESSAGES" / "django.po"


def update() -> list[Path]:
    """Bring every catalogue up to date with the sources; return those that changed.

    What is translated already stays, also when its place is in another app now; what nobody says any more goes.
    """
    wanted, changed = _gather(), []
    for language in languages():
        known = {_key(message): message for app in APPS for message in messages(read(path_of(app, language)))}
        for app in APPS:
            path, fresh = path_of(app, language), _empty(language)
            for key, message in wanted[app].items():
                old = known.get(key)
                fresh[message.id] = _like(message, old.string if old and _same_form(old, message) else None, old)
            text = written(fresh)
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
                changed.append(path)
    return changed


def compile_into(directory: Path) -> None:
    """Compile the apps' catalogues into one .mo per language, where LOCALE_PATHS finds them."""
    for language in languages():
        whole = _empty(language)
        for app in APPS:
            for message in messages(read(path_of(app, language))):
                if is_translated(message):
                    whole[message.id] = message
        compiled = BytesIO()
        write_mo(compiled, whole)
        path = directory / language / "LC_MESSAGES" / "django.mo"
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".fresh")
        fresh.write_bytes(compiled.getvalue())
        fresh.replace(path)


def problems() -> list[Problem]:
    """All that keeps a string from being shown in every language, or from being shown as it is meant."""
    wanted = _gather()
    return [
        problem
        for language in languages()
        for app in APPS
        for problem in _problems(path_of(app, language), wanted[app])
    ]


def _problems(path: Path, wanted: dict[_Key, Message]) -> Iterator[Problem]:
    catalogue = read(path)
    present = {_key(message): message for message in messages(catalogue)}
    for key in wanted.keys() - present.keys():
        yield Problem(path, key[1], "missing")
    for key in present.keys() - wanted.keys():
        yield Problem(path, key[1], "not said any more")
    for message in catalogue.obsolete.values():
        yield Problem(path, _key(message)[1], "obsolete")
    for key, message in present.items():
        if message.fuzzy:
            yield Problem(path, key[1], "fuzzy")
        if not is_translated(message):
            yield Problem(path, key[1], "not translated")
        # The last form is the plural's, whose placeholders every translated form has.
        elif any(placeholders(form) != placeholders(_forms(message.id)[-1]) for form in _forms(message.string)):
            yield Problem(path, key[1], "other placeholders in the translation")


def is_translated(message: Message) -> bool:
    return bool(message.string) and all(_forms(message.string))


def placeholders(text: str) -> list[str]:
    return sorted(_PLACEHOLDER.findall(text))


# --- What the sources say -------------------------------------------------------------------------


def _gather() -> dict[str, dict[_Key, Message]]:
    """Every string that is marked in the sources, by the app whose catalogue it belongs into."""
    said: dict[str, dict[_Key, Message]] = {app: {} for app in APPS}
    for app in APPS:
        for path in _sources(app):
            for message in _marked(path):
                key = _key(message)
                owner = next((other for other in APPS if key in said[other]), app)
                known = said[owner].get(key)
                # Said with a plural somewhere, it has one.
                if known is None or (message.pluralizable and not known.pluralizable):
                    said[owner][key] = message
    return said


def _sources(app: str) -> list[Path]:
    """The app's modules, and its pages: those in templates/<app>, and for the first app all that are nobody else's."""
    base = Path(settings.BASE_DIR)
    templates = base / "templates"
    others = {templates / other for other in APPS[1:]}
    pages = [
        path
        for path in templates.rglob("*.html")
        if (templates / app in path.parents) or (app == APPS[0] and not others.intersection(path.parents))
    ]
    return [*sorted((base / app).rglob("*.py")), *sorted(pages)]


def _marked(path: Path) -> Iterator[Message]:
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".html":
        # In brackets, so that the lines' indents mean nothing.
        source = f"(\n{templatize(source)}\n)"
    for _line, function, arguments, _comments in extract_python(BytesIO(source.encode()), KEYWORDS, [], {}):
        given = [arguments] if isinstance(arguments, str) else list(arguments or ())
        positions = KEYWORDS[str(function)] or (1,)
        context, texts = None, []
        for position in positions:
            at = position if isinstance(position, int) else position[0]
            text = given[at - 1] if at <= len(given) else None
            if text is None:
                break
            if isinstance(position, int):
                texts.append(text)
            else:
                context = text
        if len(texts) == sum(isinstance(position, int) for position in positions):
            yield Message(tuple(texts) if len(texts) > 1 else texts[0], context=context)


# --- What Babel's catalogues are like -------------------------------------------------------------


def _empty(language: str) -> Catalog:
    return Catalog(locale=language, fuzzy=False, charset="utf-8")


def read(path: Path) -> Catalog:
    if not path.exists():
        return Catalog()
    with path.open("rb") as file:
        return read_po(file, abort_invalid=True)


def messages(catalogue: Catalog) -> Iterator[Message]:
    """Without the first, which is the header."""
    return (message for message in catalogue if message.id)


def _key(message: Message) -> _Key:
    return message.context, _forms(message.id)[0]


def _forms(text: object) -> list[str]:
    return [text] if isinstance(text, str) else [str(form) for form in text or ()]  # type: ignore[attr-defined]


def _same_form(one: Message, other: Message) -> bool:
    return one.pluralizable == other.pluralizable


def _like(message: Message, string: object, old: Message | None) -> Message:
    """The message as the sources have it, with what translators wrote."""
    return Message(
        message.id,
        string,  # type: ignore[arg-type]
        flags={"fuzzy"} if old and old.fuzzy else (),
        user_comments=old.user_comments if old else (),
        context=message.context,
    )


def written(catalogue: Catalog) -> str:
    """Sorted by text, without dates and places, so that it changes only where a string does and merges line by line."""
    header = {"Language": str(catalogue.locale), "Content-Type": "text/plain; charset=utf-8"}
    header |= {"Content-Transfer-Encoding": "8bit", "Plural-Forms": catalogue.plural_forms}
    lines = ['msgid ""', 'msgstr ""', *(f'"{name}: {value}\\n"' for name, value in header.items()), "", ""]
    body = BytesIO()
    write_po(body, catalogue, width=0, no_location=True, omit_header=True, sort_output=True)
    return "\n".join(lines) + body.getvalue().decode().strip("\n") + "\n"
