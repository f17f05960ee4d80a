"""The pages of a list. A page is found by its place, not by its number, so the last page costs as much as the first.

`after` and `before` in the query string name the row just outside the page (keyset paging) by its sort key and id. Both
parameters are signed, so that only the console can make them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.core import signing
from django.db.models import BooleanField, DateTimeField, F, Field, Func, Model, Value
from django.db.models.expressions import Combinable
from django.db.models.query import QuerySet
from django.utils.functional import Promise

from console.lists import counting
from console.lists.counting import CountOf, Total
from console.lists.page_size import SIZES, page_size
from console.web.htmx import REFRESH
from console.web.request import Request

Row = TypeVar("Row", bound=Model)
Text = str | Promise

_END = "end"


def address(request: Request, **changes: str) -> str:
    """Return the list's URL with some parameters changed: the first page, unless `changes` names a place."""
    query = request.GET.copy()
    for name in ("after", "before", "format", *REFRESH):
        query.pop(name, None)
    for name, value in changes.items():
        query[name] = value
    for name in [name for name, value in query.items() if not value]:
        del query[name]
    return f"{request.path}?{query.urlencode()}" if query else request.path


@dataclass(frozen=True)
class Sort:
    """One way to sort a list, with a label for each direction. `falls`: the default direction is descending."""

    by: Combinable
    rising: Text
    falling: Text
    falls: bool = False


@dataclass(frozen=True)
class Link:
    label: Text
    url: str
    active: bool


@dataclass(frozen=True)
class Header:
    """A column heading that sorts: its link, and the current direction as a value of aria-sort."""

    url: str
    direction: str


@dataclass(frozen=True)
class Found(Generic[Row]):
    """All matching rows, not fetched yet, in order of (key, id). If there is no total, counting() adds it."""

    rows: "QuerySet[Row]"
    key: Combinable
    falling: bool
    total: Total | None

    def ordered(self, *, backwards: bool = False) -> "QuerySet[Row]":
        falling = self.falling is not backwards
        order = [_direct(self.key, falling=falling), _direct(F("id"), falling=falling)]
        return self.rows.order_by(*order)

    def ahead(self, place: tuple[Value, Value], *, inclusive: bool) -> "QuerySet[Row]":
        """Return the rows before the place, and its own row if `inclusive`, in no order."""
        operator = (">" if self.falling else "<") + ("=" if inclusive else "")
        return self.rows.order_by().filter(_compared(self.key, operator, place))

    def beyond(self, place: tuple[Value, Value], *, backwards: bool) -> "QuerySet[Row]":
        """Return the rows after the place (or before it), by one row comparison, which an index on (key, id) serves."""
        falling = self.falling is not backwards
        return self.ordered(backwards=backwards).filter(_compared(self.key, "<" if falling else ">", place))

    def numbered(self, place: tuple[Value, Value], *, inclusive: bool) -> "Found[Row]":
        """Return the same rows, each annotated with the number of rows before the place, and with its own."""
        looked_at = self.ahead(place, inclusive=inclusive).values("pk")[: counting.COUNTED + 1]
        told: Any = self.rows.annotate(list_ahead=CountOf(looked_at))
        return replace(self, rows=told)

    def counting(self) -> "Found[Row]":
        """Return the same rows, each annotated with the total."""
        if self.total:
            return self
        looked_at = self.rows.order_by().values("pk")[: counting.COUNTED + 1]
        told: Any = self.rows.annotate(list_total=CountOf(looked_at))
        return replace(self, rows=told)

    def total_by(self, shown: Sequence[Row]) -> Total:
        """Return the total. `shown` are rows fetched from counting(), which are empty only if no row matches."""
        if self.total:
            return self.total
        return Total.of(getattr(shown[0], "list_total") if shown else 0)  # noqa: B009  # annotated in counting()


@dataclass(frozen=True)
class Page(Generic[Row]):
    """One page of a list, and the URLs of its neighbours; "" for a neighbour that does not exist."""

    rows: list[Row]
    total: Total
    first: str
    previous: str
    next: str
    last: str
    sizes: list[Link]
    export: str
    # The number of the first row among all that match, from 1; None if it is more than lists count.
    begins: int | None

    @property
    def ends(self) -> int:
        """The number of the last row, if `begins` is known."""
        return (self.begins or 0) + len(self.rows) - 1

    @property
    def needs_pager(self) -> bool:
        return self.total.rows > SIZES[0] or bool(self.previous or self.next)


@dataclass(frozen=True)
class Pager(Generic[Row]):
    """Pages through the rows found. A place is valid for one list in one order: `salt` names both."""

    request: Request
    found: Found[Row]
    salt: str

    def page(self) -> Page[Row]:
        """Return the page that the query string asks for, or the first page if that one is invalid or now empty."""
        found, size = self.found, page_size(self.request)
        after, before = self.request.GET.get("after", ""), self.request.GET.get("before", "")
        if before and (shown := self._before(before, size)):
            rows, is_end = shown[-size:], before == _END
            ends_at = self._total(rows) if is_end else _ahead(rows)
            return self._page(rows, ends_at - len(rows), previous=True, next=not is_end)
        place = self._place(after) if after else None
        shown = list(found.numbered(place, inclusive=True).beyond(place, backwards=False)[: size + 1]) if place else []
        if shown:
            return self._page(shown[:size], _ahead(shown), previous=True, next=len(shown) > size)
        shown = list(found.ordered()[: size + 1])
        return self._page(shown[:size], 0, previous=False, next=len(shown) > size)

    def _before(self, before: str, size: int) -> list[Row]:
        """Return the rows before the place and one more; none if they do not fill a page: then show the first page."""
        if before == _END:
            shown = list(self.found.ordered(backwards=True)[: size + 1])
        elif place := self._place(before):
            found = self.found.numbered(place, inclusive=False)
            shown = list(found.beyond(place, backwards=True)[: size + 1])
        else:
            return []
        return shown[::-1] if len(shown) > size else []

    def _total(self, shown: Sequence[Row]) -> int:
        """Return the total, or more than COUNTED if it is not exact."""
        total = self.found.total_by(shown)
        return total.rows + total.more

    def _page(self, shown: list[Row], ahead: int, *, previous: bool, next: bool) -> Page[Row]:
        """Return the page of these rows. `ahead`: how many rows come before; more than COUNTED if unknown."""
        request, size = self.request, page_size(self.request)
        total = self.found.total_by(shown)
        if total.more and not (previous or next) and len(shown) <= counting.COUNTED:
            # This page shows all rows, so the total is exact.
            total = Total.of(len(shown))
        return Page(
            rows=shown,
            total=total,
            first=address(request) if previous else "",
            previous=address(request, before=self._sign(shown[0])) if previous else "",
            next=address(request, after=self._sign(shown[-1])) if next else "",
            last=address(request, before=_END) if next else "",
            sizes=[Link(str(each), address(request, size=str(each)), each == size) for each in SIZES],
            export=address(request, format="csv"),
            begins=ahead + 1 if ahead + len(shown) <= counting.COUNTED else None,
        )

    def _sign(self, row: Model) -> str:
        key = getattr(row, "list_key")  # noqa: B009  # annotated by the search
        is_moment = isinstance(key, datetime)
        signer = signing.Signer(salt=self.salt)
        return signer.sign_object([key.isoformat() if is_moment else key, str(row.pk), is_moment])

    def _place(self, signed: str) -> tuple[Value, Value] | None:
        try:
            key, pk, is_moment = signing.Signer(salt=self.salt).unsign_object(signed)
        except (signing.BadSignature, ValueError):
            return None
        first = Value(datetime.fromisoformat(key), output_field=DateTimeField()) if is_moment else Value(key)
        id_field: Field[Any, Any] = self.found.rows.model._meta.pk
        return first, Value(pk, output_field=id_field)


def _ahead(shown: Sequence[Model]) -> int:
    """Return how many rows are before the place of rows from numbered()."""
    return int(getattr(shown[0], "list_ahead"))  # noqa: B009  # annotated in numbered()


def _compared(key: Combinable, operator: str, place: tuple[Value, Value]) -> Func:
    """Compare (key, id) with the place, both as rows."""
    return Func(
        _pair(key, F("id")),
        _pair(*place),
        template="%(expressions)s",
        arg_joiner=f" {operator} ",
        output_field=BooleanField(),
    )


def _direct(key: Combinable, *, falling: bool) -> Any:
    expression: Any = key
    return expression.desc() if falling else expression.asc()


def _pair(*members: Combinable | Value) -> Func:
    return Func(*members, template="(%(expressions)s)", output_field=BooleanField())
