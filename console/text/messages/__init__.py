"""Messages that rows store as a code and parameters, and that each viewer reads in their own language.

    raise JobFailed(Message("archive.unwritable", why=error))

The table TEXTS has every code and its text, from one module per subject. Texts that pages show but no row stores stay
where they are used, marked for gettext.
"""

import json
from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.template.defaultfilters import filesizeformat
from django.utils.formats import number_format

from console.text.messages import (
    archives,
    backups,
    connections,
    deployments,
    dumps,
    engines,
    existing,
    instances,
    labels,
    loading,
    notifications,
    rules,
    storages,
    system,
    tasks,
    testing,
    users,
)
from console.text.visible import visible

TEXTS = {
    **labels.TEXTS,
    **rules.TEXTS,
    **system.TEXTS,
    **users.TEXTS,
    **instances.TEXTS,
    **engines.TEXTS,
    **connections.TEXTS,
    **deployments.TEXTS,
    **dumps.TEXTS,
    **existing.TEXTS,
    **backups.TEXTS,
    **archives.TEXTS,
    **storages.TEXTS,
    **tasks.TEXTS,
    **notifications.TEXTS,
    **loading.TEXTS,
    **testing.TEXTS,
}
# The code of several messages joined into one. Its parameters are `parts` and their separator `by`.
_JOINED = "joined"
_STORED = '{"code": '


class Size(int):
    """A number of bytes, as a parameter: shown in the unit that fits."""

    def __str__(self) -> str:
        return filesizeformat(int(self))


class Count(int):
    """A number of things, as a parameter: shown with the separators of the active language."""

    def __str__(self) -> str:
        return number_format(int(self), force_grouping=True)


class Message(str):
    """A text of the table with its parameters: a str in the language that was active when it was made.

    str() returns it in the language that is active now. A parameter that is a text of the table, such as the label of a
    status, becomes a Message. An exception becomes its text, which may be a Message. Other text may be foreign, so its
    invisible characters become escapes.
    """

    code: str
    params: dict[str, Any]

    def __new__(cls, code: str, /, **params: Any) -> "Message":
        params = {name: _param(value) for name, value in params.items()}
        message = super().__new__(cls, _rendered(code, params))
        message.code, message.params = code, params
        return message

    def __str__(self) -> str:
        return Message(self.code, **self.params)

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, Any]]:
        return (self.code,), self.params


def joined(by: str, parts: Iterable[object]) -> Message:
    """Return several messages or texts as one, with `by` between them."""
    return Message(_JOINED, by=by, parts=list(parts))


def of_validation(error: ValidationError) -> str:
    """Join the errors into one: as Messages if the table has their texts, else in the active language.

    Django's validators pass the typed value as the parameter `value`. It is left out because it may be a secret.
    """
    by_field = error.error_dict.values() if hasattr(error, "error_dict") else [error.error_list]
    return joined(" ", [_of_one(each) for errors in by_field for each in errors])


def _of_one(error: ValidationError) -> str:
    code = _code_of(error.message)
    if code is None:
        return " ".join(error.messages)
    return Message(code, **{name: value for name, value in (error.params or {}).items() if name != "value"})


def _code_of(text: object) -> str | None:
    return next((code for code, known in TEXTS.items() if known is text), None)


def _rendered(code: str, params: dict[str, Any]) -> str:
    try:
        if code == _JOINED:
            return str(params["by"]).join(map(str, params["parts"]))
        return str(TEXTS[code] % params)
    except (KeyError, TypeError, ValueError):
        # Another version of the console wrote the row: show its code and parameters rather than nothing.
        return " ".join([code, *(f"{name}={value}" for name, value in params.items())])


def _param(value: object) -> Any:
    if isinstance(value, list):
        return [_param(each) for each in value]
    if isinstance(value, int | float):
        return value
    code = _code_of(value)
    return Message(code) if code else visible(str(value))


# --- The form that rows store --------------------------------------------------------------------------------


def encode(text: str) -> str:
    """Return the text as rows store it: a Message as {"code", "params"} in JSON, any other text unchanged."""
    return json.dumps(_to_json(text), ensure_ascii=False) if isinstance(text, Message) else text


def decode(text: str) -> str:
    """Return the Message that encode() stored, or any other text unchanged."""
    if not text.startswith(_STORED):
        return text
    try:
        return str(_from_json(json.loads(text)))
    except (ValueError, KeyError, TypeError, AttributeError):
        return text


def _to_json(value: Any) -> Any:
    if isinstance(value, Message):
        return {"code": value.code, "params": {name: _to_json(param) for name, param in value.params.items()}}
    if isinstance(value, Size):
        return {"bytes": int(value)}
    if isinstance(value, Count):
        return {"count": int(value)}
    return [_to_json(each) for each in value] if isinstance(value, list) else value


def _from_json(value: Any) -> Any:
    if isinstance(value, list):
        return [_from_json(each) for each in value]
    if not isinstance(value, dict):
        return value
    if "bytes" in value:
        return Size(value["bytes"])
    if "count" in value:
        return Count(value["count"])
    return Message(str(value["code"]), **{name: _from_json(param) for name, param in value["params"].items()})
