"""CSV that is written as it is read, and that a spreadsheet cannot be tricked by."""

import csv
from collections.abc import Iterable, Iterator, Sequence

from django.http import StreamingHttpResponse

# What a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def defused(cell: object) -> str:
    """The cell as text; what would run as a formula starts with an apostrophe, which spreadsheets do not show."""
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


class _Echo:
    def write(self, line: str) -> str:
        return line


def csv_lines(rows: Iterable[Sequence[object]]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    for row in rows:
        yield writer.writerow([defused(cell) for cell in row])


def csv_response(name: str, rows: Iterable[Sequence[object]]) -> StreamingHttpResponse:
    """Stream the rows as a file to save; memory does not grow with their number."""
    response = StreamingHttpResponse(csv_lines(rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
