"""Search and filters of lists, with conditions arranged so that queries stay fast for any number of rows.

SQLite keeps no statistics from which to choose an index. So `find` counts rows, stopping just beyond COUNTED, and shows
the database only the conditions whose index it should use; it makes the others opaque.
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


# --- The meaning of the text in the search field ----------------------------------------------------


def search(text: str) -> Q:
    """Return the condition that the name begins with the text, or that the id is the text."""
    found = name_begins("name", text)
    return found | Q(id=text) if is_id(text) else found


def name_is(field: str, text: str) -> Q:
    """Return the condition that the name is the text, ignoring case."""
    return Q(Exact(NameKey(field), Value(text.lower()))) if _NAME.match(text) else _NOTHING


def name_begins(field: str, text: str) -> Q:
    """Return the condition that the name begins with the text, ignoring case: a range in the index on NameKey."""
    if not _NAME.match(text):
        return _NOTHING
    first = text.lower()
    behind = first[:-1] + chr(ord(first[-1]) + 1)
    key = NameKey(field)
    return Q(GreaterThanOrEqual(key, Value(first))) & Q(LessThan(key, Value(behind)))


def is_id(text: str) -> bool:
    """Return whether the text is the whole id of an instance or a backup."""
    return bool(_ID.match(text))


def is_uuid(text: str) -> bool:
    """Return whether the text is the whole id of a job."""
    return bool(_UUID.match(text))


# --- Finding the rows -------------------------------------------------------------------------------


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

    The index of each filter continues with the moment of the list's default sort; the most selective filter comes
    first. `time` limits that moment. `is_first_sort`: `sort` is by that moment. `sorts_by_text`: `sort` is by the
    column that `text` searches.
    """
    texts = [text] if text is not None else []
    named = counted(rows.filter(*texts)) if texts else None
    if named and not named.more:
        # Few rows match the text: fetch them, check the other conditions on each, and sort those that remain.
        conditions = [*filters, *time]
        total = counted(rows.filter(*texts), conditions) if conditions else named
        return _found(rows.filter(*texts, *map(opaque, conditions)), sort, falling, total, in_order=False)
    # Otherwise use the index of the first filter, which also has the rows in order of their moment.
    led, conditions = rows.filter(*filters[:1], *time), [*filters[1:], *texts]
    matching = led.filter(*map(opaque, conditions))
    if not conditions and (is_first_sort or not (filters or time)):
        return _found(matching, sort, falling, None)
    total = named if named and not (filters or time) else counted(led, conditions)
    if is_first_sort or not (filters or time or texts):
        return _found(matching, sort, falling, total)
    if not total.more:
        return _found(matching, sort, falling, total, in_order=False)
    # Many rows match: reading in order of the key soon finds enough for a page.
    by_text = texts if sorts_by_text else []
    conditions = [*filters, *time, *([] if by_text else texts)]
    return _found(rows.filter(*by_text, *map(opaque, conditions)), sort, falling, total)


def _found(
    rows: "QuerySet[Row]", sort: Sort, falling: bool, total: Total | None, *, in_order: bool = True
) -> Found[Row]:
    """Return the rows: with `in_order` read through the index on the sort's key, else sorted, since they are few."""
    keyed: Any = rows.annotate(list_key=sort.by)
    return Found(keyed, sort.by if in_order else Coalesce(sort.by, sort.by), falling, total)
