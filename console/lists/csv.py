"""The CSV export of a list: streamed, and safe to open in a spreadsheet."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

from django.db.models.query import QuerySet
from django.http import StreamingHttpResponse
from django.utils.functional import Promise

from console.lists.pages import Found, Row, Text
from console.text.visible import visible

# Characters that a spreadsheet reads as the start of a formula, also in their wide form.
_FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
_BATCH = 500

Columns = Sequence[tuple[Text, Callable[[Row], object]]]


def export(name: str, columns: Columns[Row], found: Found[Row]) -> StreamingHttpResponse:
    """Return all rows found as the file `name`.csv. It starts with a BOM, without which Excel guesses the encoding."""
    answer = StreamingHttpResponse(_lines(columns, found.ordered()), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return answer


def cell(value: object) -> str:
    """Return the value as a cell's text: times in UTC, and nothing that a spreadsheet would run.

    Invisible characters become escapes. Text that could be a formula gets a leading apostrophe, which spreadsheets
    hide.
    """
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    text = visible(str(value))
    is_formula = isinstance(value, str | Promise) and text.lstrip().startswith(_FORMULA)
    return f"'{text}" if is_formula else text


def _lines(columns: Columns[Row], rows: "QuerySet[Row]") -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)

    def written() -> str:
        text = buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
        return text

    buffer.write("\ufeff")
    writer.writerow([str(label) for label, _value in columns])
    for number, row in enumerate(rows.iterator(chunk_size=_BATCH), 1):
        writer.writerow([cell(value(row)) for _label, value in columns])
        if number % _BATCH == 0:
            yield written()
    yield written()
