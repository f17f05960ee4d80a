"""What a list's search and filters find, and the order of conditions that finds it fast however many rows there are.

SQLite keeps no statistics that could tell which index to use. So `find` counts, never beyond COUNTED rows, and shows
the database only the conditions whose index it should use; the others are made opaque.
"""

import re
from collections.abc import Sequence
from typing import Any, TypeVar

from django.db.models import Model, Q, Value
from django.db.models.functions import Coalesce
from django.db.models.lookups import Exact, GreaterThanOrEqual, LessThan
from django.db.models.query import QuerySet

from console.lists.counting import Total, counted
from console.lists.keys import NameKey, opaque
from console.lists.pages import Found, Sort

Row = TypeVar("Row", bound=Model)

_NAME = re.compile(r"\A[A-Za-z0-9_-]+\Z")
_ID = re.compile(r"\A[0-9a-f]{32}[a-z]{2}[0-9]{2}\Z")
_UUID = re.compile(r"\A[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\Z")
_NOTHING = Q(pk__in=())


# --- What the text in the search field means --------------------------------------------------------


def search(text: str) -> Q:
    """Return the condition that the name begins with the text, or that the id is the text."""
    found = name_begins("name", text)
    return found | Q(id=text) if is_id(text) else found


def name_is(field: str, text: str) -> Q:
    """The name is the text, in any case."""
    return Q(Exact(NameKey(field), Value(text.lower()))) if _NAME.match(text) else _NOTHING


def name_begins(field: str, text: str) -> Q:
    """The name begins with the text, in any case; a range that an index on NameKey serves."""
    if not _NAME.match(text):
        return _NOTHING
    first = text.lower()
    behind = first[:-1] + chr(ord(first[-1]) + 1)
    key = NameKey(field)
    return Q(GreaterThanOrEqual(key, Value(first))) & Q(LessThan(key, Value(behind)))


def is_id(text: str) -> bool:
    """True if the text is a whole id of an instance or of a backup."""
    return bool(_ID.match(text))


def is_uuid(text: str) -> bool:
    """True if the text is a whole id of a job."""
    return bool(_UUID.match(text))


# --- How it is found --------------------------------------------------------------------------------


def find(
    rows: "QuerySet[Row]",
    *,
    text: Q | None,
    filters: Sequence[Q],
    time: Sequence[Q],
    sort: Sort,
    falling: bool,
    is_first_sort: bool,
    sorts_by_text: bool,
) -> Found[Row]:
    """Return the rows that meet all conditions, in the order of the sort.

    `filters` have indexes that go on with the moment the list is sorted by at first; the most telling comes first.
    `time` limits that moment. `is_first_sort` is true if `sort` is by it, `sorts_by_text` if by the column that `text`
    is about.
    """
    texts = [text] if text is not None else []
    named = counted(rows.filter(*texts)) if texts else None
    if named and not named.more:
        # Few match the text: fetch those, judge them one by one, and sort the rest.
        judged = [*filters, *time]
        total = counted(rows.filter(*texts), judged) if judged else named
        return _found(rows.filter(*texts, *map(opaque, judged)), sort, falling, total, in_order=False)
    # Otherwise one filter leads, whose index also has the rows in order of their moment.
    led, judged = rows.filter(*filters[:1], *time), [*filters[1:], *texts]
    matching = led.filter(*map(opaque, judged))
    if not judged and (is_first_sort or not (filters or time)):
        return _found(matching, sort, falling, None)
    total = named if named and not (filters or time) else counted(led, judged)
    if is_first_sort or not (filters or time or texts):
        return _found(matching, sort, falling, total)
    if not total.more:
        return _found(matching, sort, falling, total, in_order=False)
    # Many match: going through all of them in order of the key soon finds a page full.
    by_text = texts if sorts_by_text else []
    judged = [*filters, *time, *([] if by_text else texts)]
    return _found(rows.filter(*by_text, *map(opaque, judged)), sort, falling, total)


def _found(
    rows: "QuerySet[Row]", sort: Sort, falling: bool, total: Total | None, *, in_order: bool = True
) -> Found[Row]:
    """With `in_order` the database goes through the index on the sort's key; otherwise it sorts the few rows found."""
    keyed: Any = rows.annotate(list_key=sort.by)
    return Found(keyed, sort.by if in_order else Coalesce(sort.by, sort.by), falling, total)
