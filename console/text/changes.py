"""What an edit changes: from which values to which."""

from collections.abc import Mapping
from typing import Any

from console.text.messages import TEXTS, Message, joined
from console.text.refused import Refused

# Values that people can edit, by the code of their label: a text, a number, a switch, or a list of codes of texts. All
# of them have a form in JSON.
Values = Mapping[str, Any]


class Changed(Refused):
    """Somebody else has changed the row since the form was opened. `current` are the values that it has now."""

    def __init__(self, opened_with: Values, current: Values) -> None:
        super().__init__(Message("change.meanwhile", changes=changes(opened_with, current)))
        self.current = current


def changes(before: Values, after: Values) -> str:
    """Return each value that differs, such as "Description: old → new"; "" if none does."""
    differing = [code for code in after if before.get(code) != after[code]]
    if not differing:
        return ""
    return joined(
        "; ",
        [
            Message("change.value", label=TEXTS[code], before=_shown(before.get(code)), after=_shown(after[code]))
            for code in differing
        ],
    )


def _shown(value: Any) -> object:
    if isinstance(value, bool):
        return Message("label.on" if value else "label.off")
    if isinstance(value, list):
        value = joined(", ", [Message(code) for code in value])
    return Message("label.empty") if value in ("", None) else value
