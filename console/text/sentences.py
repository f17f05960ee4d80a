"""Sentences that are kept in rows: written by one process, read later by people of any language.

`sentence` stands in for gettext wherever a text may be kept, such as why a job failed:

    from console.text.sentences import sentence as _
    raise JobFailed(_("The archive could not be written: %s.") % error)

What it returns is the text in the active language, and remembers the English it was written in and the figures in it.
SentenceField keeps these, and gives the text in the language of whoever reads the row.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from django.template.defaultfilters import filesizeformat
from django.utils import translation
from django.utils.functional import Promise


@runtime_checkable
class Told(Protocol):
    """An exception that has its text and its figures apart, as those of the engine do."""

    text: str
    figures: Mapping[str, object]


class Size(int):
    """A figure of so many bytes, written in the unit that says it best."""

    def __str__(self) -> str:
        return filesizeformat(int(self))


class Sentence(str):
    """`msgid` in the active language, with the `figures` written into it: a list or a mapping, as `%` takes them."""

    msgid: str
    figures: list[Any] | dict[str, Any] | None
    context: str
    plural: "Plural | None"

    def __new__(
        cls,
        msgid: str,
        figures: list[Any] | dict[str, Any] | None = None,
        context: str = "",
        plural: "Plural | None" = None,
    ) -> "Sentence":
        if plural:
            text = translation.ngettext(msgid, plural.msgid, plural.number(figures))
        else:
            text = translation.pgettext(context, msgid) if context else translation.gettext(msgid)
        if figures is not None:
            text = text % (figures if isinstance(figures, dict) else tuple(figures))
        made = super().__new__(cls, text)
        made.msgid, made.figures, made.context, made.plural = msgid, figures, context, plural
        return made

    def __mod__(self, figures: Any) -> "Sentence":
        if isinstance(figures, Mapping):
            named = {name: kept(figure) for name, figure in figures.items()}
            return Sentence(self.msgid, named, self.context, self.plural)
        given = figures if isinstance(figures, tuple) else (figures,)
        return Sentence(self.msgid, [kept(figure) for figure in given], self.context, self.plural)

    def __str__(self) -> str:
        # Itself, so that str() of an exception that was raised with it is it too.
        return self

    def __reduce__(self) -> tuple[type["Sentence"], tuple[Any, ...]]:
        return Sentence, (self.msgid, self.figures, self.context, self.plural)


@dataclass(frozen=True)
class Plural:
    """The English of many, and the number that decides: itself, or the name of the figure that is it."""

    msgid: str
    by: int | str

    def number(self, figures: list[Any] | dict[str, Any] | None) -> int:
        """Many until the figure is known."""
        if isinstance(self.by, int):
            return self.by
        return int(figures[self.by]) if isinstance(figures, dict) else 2


def sentence(text: str) -> Sentence:
    return Sentence(text)


def joined(by: str, parts: Sequence[object]) -> Sentence:
    """Several as one."""
    return Sentence(by.join(["%s"] * len(parts)), [kept(part) for part in parts])


def kept(value: object) -> Any:
    """The value as a figure for any language: a number, a sentence where it is one, else its text."""
    if isinstance(value, Sentence | int | float):
        return value
    if isinstance(value, Promise):
        return _of_promise(value)
    if isinstance(value, Told):
        return Sentence(value.text, {name: kept(figure) for name, figure in value.figures.items()} or None)
    return str(value)


def _of_promise(promise: Promise) -> str:
    """What gettext_lazy, pgettext_lazy and ngettext_lazy returned, as a sentence; anything else as its text."""
    reduced: Any = promise.__reduce__()
    function, *made_of = reduced[1]
    if function is translation.ngettext:
        # The class and the name of the figure that decides; or no arguments and all by name, the number too.
        _none, by, forms = made_of if made_of[0] is str else ((), made_of[1]["number"], made_of[1])
        return Sentence(forms["singular"], plural=Plural(forms["plural"], by))
    arguments = made_of[0]
    if function is translation.gettext and len(arguments) == 1:
        return Sentence(arguments[0])
    if function is translation.pgettext and len(arguments) == 2:
        return Sentence(arguments[1], context=arguments[0])
    return str(promise)


# --- In rows --------------------------------------------------------------------------------------------------

_BEGINNING = '{"msgid": '


def encode(text: str) -> str:
    """As a row keeps it: a sentence as what it is made of, any other text as it is."""
    return json.dumps(_to_json(text), ensure_ascii=False) if isinstance(text, Sentence) else text


def decode(text: str) -> str:
    """In the active language; a text that was kept as it is, such as one of an older version, as it is."""
    if not text.startswith(_BEGINNING):
        return text
    try:
        return str(_from_json(json.loads(text)))
    except (ValueError, KeyError, TypeError):
        return text


def _to_json(value: Any) -> Any:
    if isinstance(value, Size):
        return {"bytes": int(value)}
    if not isinstance(value, Sentence):
        return value
    parts: dict[str, Any] = {"msgid": value.msgid}
    if value.context:
        parts["context"] = value.context
    if value.plural:
        parts["plural"] = {"msgid": value.plural.msgid, "by": value.plural.by}
    if isinstance(value.figures, dict):
        parts["figures"] = {name: _to_json(figure) for name, figure in value.figures.items()}
    elif value.figures is not None:
        parts["figures"] = [_to_json(figure) for figure in value.figures]
    return parts


def _from_json(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if "bytes" in value:
        return Size(value["bytes"])
    msgid, figures, context = value["msgid"], value.get("figures"), value.get("context", "")
    if not isinstance(msgid, str):
        raise TypeError("no text")
    if isinstance(figures, dict):
        figures = {name: _from_json(figure) for name, figure in figures.items()}
    elif figures is not None:
        figures = [_from_json(figure) for figure in figures]
    plural = Plural(value["plural"]["msgid"], value["plural"]["by"]) if "plural" in value else None
    return Sentence(msgid, figures, context, plural)
