"""Model fields for messages: a stored Message is read in the language that is active at that time."""

from collections.abc import Sequence
from typing import Any

from django.db import models

from console.text.messages import Message, decode, encode
from console.text.visible import visible


class _Messages:
    """A mixin for text fields. In the database and in migrations, the field is an ordinary text field."""

    def get_prep_value(self, value: Any) -> Any:
        return encode(value) if isinstance(value, Message) else super().get_prep_value(value)  # type: ignore[misc]

    def from_db_value(self, value: str | None, expression: object, connection: object) -> str | None:
        return value if value is None else visible(decode(value))

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        name, _path, args, kwargs = super().deconstruct()  # type: ignore[misc]
        return name, f"django.db.models.{self.column}", args, kwargs  # type: ignore[attr-defined]


class MessageField(_Messages, models.TextField):  # type: ignore[type-arg]
    column = "TextField"


class ShortMessageField(_Messages, models.CharField):  # type: ignore[type-arg]
    column = "CharField"
