"""Lists that stay fast at any size: search, filters, sorting, pages and export, the same for every list.

All state is in the query string. A page is found by its place, not by its number: `after` and `before` name
the row it begins behind (keyset paging), so the last page costs what the first one costs.

What a list owes for that: an index on each sort's key and the id; an index on each of its narrowings, then the
moment it is sorted by at first, then the id; and one on the name that is searched. SQLite keeps no statistics
that could tell which of them to use, so `ListForm.found` counts, never beyond COUNTED rows, and shows the
database only the conditions whose index it should use; the others are made opaque.
"""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, ClassVar, Generic, TypeVar

from django import forms
from django.core import signing
from django.core.exceptions import ValidationError
from django.db.models import (
    BooleanField,
    DateTimeField,
    F,
    Field,
    Func,
    Model,
    Q,
    Value,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce
from django.db.models.query import QuerySet
from django.http import StreamingHttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from console.lists import counting
from console.lists.counting import CountOf, Total, counted
from console.lists.keys import opaque, search
from console.lists.page_size import SIZES, page_size
from console.text import times
from console.web.htmx import REFRESH
from console.web.request import Request

Row = TypeVar("Row", bound=Model)
Text = str | Promise

_END = "end"


def address(request: Request, **changes: str) -> str:
    """The list's address with some parameters changed: from its beginning, unless `changes` says otherwise."""
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
    """One way to sort a list. The labels are those of the two directions; `falls` if people want the greatest first."""

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
    """A column's head that sorts: where it leads, and the direction it sorts in now (as aria-sort has it)."""

    url: str
    direction: str


@dataclass(frozen=True)
class Found(Generic[Row]):
    """All rows that match, not fetched yet, in order of (key, id). Without a total, counting() has one."""

    rows: "QuerySet[Row]"
    key: Combinable
    falling: bool
    total: Total | None

    def ordered(self, *, backwards: bool = False) -> "QuerySet[Row]":
        falling = self.falling is not backwards
        order = [_direct(self.key, falling=falling), _direct(F("id"), falling=falling)]
        return self.rows.order_by(*order)

    def beyond(self, place: tuple[Value, Value], *, backwards: bool) -> "QuerySet[Row]":
        """Those behind the place (or before it), as one comparison of rows, which an index on both serves."""
        falling = self.falling is not backwards
        compared = Func(
            _pair(self.key, F("id")),
            _pair(*place),
            template="%(expressions)s",
            arg_joiner=" < " if falling else " > ",
            output_field=BooleanField(),
        )
        return self.ordered(backwards=backwards).filter(compared)

    def counting(self) -> "Found[Row]":
        """The same, and each row tells the total."""
        if self.total:
            return self
        looked_at = self.rows.order_by().values("pk")[: counting.COUNTED + 1]
        told: Any = self.rows.annotate(list_total=CountOf(looked_at))
        return replace(self, rows=told)

    def total_by(self, shown: Sequence[Row]) -> Total:
        """The total, if `shown` is what was fetched of counting(): nothing only if there is nothing."""
        if self.total:
            return self.total
        return Total.of(getattr(shown[0], "list_total") if shown else 0)  # noqa: B009  # annotated in counting()


@dataclass(frozen=True)
class Page(Generic[Row]):
    """One page of a list, and the addresses of its neighbours; an address is empty where there is none."""

    rows: list[Row]
    total: Total
    first: str
    previous: str
    next: str
    last: str
    sizes: list[Link]
    headers: dict[str, Header]
    export: str

    @property
    def needs_pager(self) -> bool:
        return self.total.rows > SIZES[0] or bool(self.previous or self.next)


class MomentField(forms.DateTimeField):
    """A moment in the viewer's time zone, as a browser's field for date and time writes it."""

    widget = forms.DateTimeInput(format="%Y-%m-%dT%H:%M", attrs={"type": "datetime-local"})
    default_error_messages = {"invalid": _("Enter a date and a time, such as 2026-11-22 09:30.")}

    def to_python(self, value: Any) -> datetime | None:
        moment = super().to_python(value)
        try:
            return moment.astimezone(UTC) if moment else None
        except OverflowError:
            raise ValidationError(self.error_messages["invalid"], code="invalid") from None


class ListForm(forms.Form):
    """The toolbar of a list and, with it, the list itself: what the query string says becomes a page of rows.

    A value that it does not know narrows nothing, a place that it cannot read is the beginning: a list always
    answers. Text that cannot be a moment is shown beside its field.
    """

    list_id: ClassVar[str]
    # The column that `since` and `until` are about. The first of `sorts` sorts by it, the newest first.
    moment: ClassVar[str]
    # By their names in the query string; one called "name" sorts by what is searched.
    sorts: ClassVar[Mapping[str, Sort]]

    q = forms.CharField(required=False, label=_("Search by name or ID"))
    since = MomentField(required=False, label=times.FROM)
    until = MomentField(required=False, label=times.TO)
    sort = forms.ChoiceField(required=False, label=_("Sort by"))

    def __init__(self, request: Request, *, within: Q | None = None) -> None:
        """`within` is what all rows of the list have in common; it has an index as the narrowings have."""
        super().__init__(request.GET, auto_id=f"{self.list_id}-%s")
        self.request = request
        self.within = within
        self.label_suffix = ""
        sort = self.fields["sort"]
        assert isinstance(sort, forms.ChoiceField)
        sort.choices = list(self._sort_choices())

    # --- What each list says of itself --------------------------------------------------------------

    def narrowings(self, chosen: Mapping[str, Any]) -> Iterator[Q]:
        """The filters that are set, the most telling first."""
        raise NotImplementedError

    def searching(self, text: str) -> Q:
        return search(text)

    # --- For the toolbar ----------------------------------------------------------------------------

    def selects(self) -> list[forms.BoundField]:
        """The filters that stand in the toolbar itself."""
        return [field for field in self.visible_fields() if field.widget_type == "select" and field.name != "sort"]

    def details(self) -> list[forms.BoundField]:
        """The filters behind the button."""
        return [self[name] for name in ("instance", "since", "until", "sort") if name in self.fields]

    def details_set(self) -> int:
        return sum(bool(field.data) for field in self.details() if field.name != "sort")

    def kept(self) -> list[tuple[str, str]]:
        """What has no field in the toolbar and goes along with it."""
        return [(name, value) for name in ("type", "size") if (value := self.request.GET.get(name, ""))]

    @property
    def filtered(self) -> bool:
        return any(self.request.GET.get(name) for name in self.fields if name != "sort")

    @property
    def exports(self) -> bool:
        return self.request.GET.get("format") == "csv"

    def clean(self) -> dict[str, Any]:
        chosen = self.cleaned_data
        if chosen.get("since") and chosen.get("until") and chosen["until"] < chosen["since"]:
            self.add_error("until", _("This is before the beginning."))
            chosen.pop("since")
        return chosen

    # --- The rows -----------------------------------------------------------------------------------

    def found(self, rows: "QuerySet[Row]") -> Found[Row]:
        """The rows that match, in their order, by the way that is short however many there are."""
        self.is_valid()
        chosen = self.cleaned_data
        name, falling = self._sort_name()
        sort = self.sorts[name]
        narrow = [*([self.within] if self.within else []), *self.narrowings(chosen)]
        time = self._time(chosen)
        # A text that cannot be read is no name, and finds nothing.
        typed = chosen.get("q", "\0")
        text = [self.searching(typed)] if typed else []

        named = counted(rows.filter(*text)) if text else None
        if named and not named.more:
            # Few have the name: get those, judge them one by one, and sort what is left.
            judged = [*narrow, *time]
            matching = rows.filter(*text, *map(opaque, judged))
            total = counted(rows.filter(*text), judged) if judged else named
            return self._found(matching, sort, falling, total, in_order=False)
        # Otherwise one narrowing leads, whose index also has the rows in order of their moment.
        led, judged = rows.filter(*narrow[:1], *time), [*narrow[1:], *text]
        matching = led.filter(*map(opaque, judged))
        if not (text or judged) and (sort is self._first_sort or not (narrow or time)):
            return self._found(matching, sort, falling, None)
        total = named if named and not (narrow or time) else counted(led, judged)
        if sort is self._first_sort or not (narrow or time or text):
            return self._found(matching, sort, falling, total)
        if not total.more:
            return self._found(matching, sort, falling, total, in_order=False)
        # Many match: going through all in order of the key soon finds a page full of them.
        by_name = text if name == "name" else []
        judged = [*narrow, *time, *([] if by_name else text)]
        return self._found(rows.filter(*by_name, *map(opaque, judged)), sort, falling, total)

    def _found(
        self, rows: "QuerySet[Row]", sort: Sort, falling: bool, total: Total | None, *, in_order: bool = True
    ) -> Found[Row]:
        """`in_order` goes through the index on the sort's key; otherwise the few rows there are will be sorted."""
        keyed: Any = rows.annotate(list_key=sort.by)
        return Found(keyed, sort.by if in_order else Coalesce(sort.by, sort.by), falling, total)

    def page(self, rows: "QuerySet[Row]") -> Page[Row]:
        """The page that the query string asks for; what cannot be read, or is empty by now, is the first one."""
        found = self.found(rows).counting()
        size = page_size(self.request)
        after, before = self.request.GET.get("after", ""), self.request.GET.get("before", "")
        if before and (shown := self._page_before(found, before, size)):
            return self._page(found, shown[-size:], previous=True, next=before != _END)
        place = self._place(after, rows) if after else None
        shown = list(found.beyond(place, backwards=False)[: size + 1]) if place else []
        behind = bool(shown)
        shown = shown or list(found.ordered()[: size + 1])
        return self._page(found, shown[:size], previous=behind, next=len(shown) > size)

    def _page_before(self, found: Found[Row], before: str, size: int) -> list[Row]:
        """The rows before the place and one more; none if they would not fill a page, which is the first one then."""
        if before == _END:
            shown = list(found.ordered(backwards=True)[: size + 1])
        elif place := self._place(before, found.rows):
            shown = list(found.beyond(place, backwards=True)[: size + 1])
        else:
            return []
        return shown[::-1] if len(shown) > size else []

    def _page(self, found: Found[Row], shown: list[Row], *, previous: bool, next: bool) -> Page[Row]:
        request = self.request
        size = page_size(self.request)
        total = found.total_by(shown)
        if total.more and not (previous or next) and len(shown) <= counting.COUNTED:
            # By now all are in sight.
            total = Total.of(len(shown))
        return Page(
            rows=shown,
            total=total,
            first=address(request) if previous else "",
            previous=address(request, before=self._sign(shown[0])) if previous else "",
            next=address(request, after=self._sign(shown[-1])) if next else "",
            last=address(request, before=_END) if next else "",
            sizes=[Link(str(each), address(request, size=str(each)), each == size) for each in SIZES],
            headers={name: self._header(name) for name in self.sorts},
            export=address(request, format="csv"),
        )

    # --- Places: the sort key and the id of a row, signed, so that nobody else can make one ----------

    def _signer(self) -> signing.Signer:
        return signing.Signer(salt=f"{self.list_id}:{self._sort_name()[0]}")

    def _sign(self, row: Model) -> str:
        key = getattr(row, "list_key")  # noqa: B009  # annotated in found()
        is_moment = isinstance(key, datetime)
        return self._signer().sign_object([key.isoformat() if is_moment else key, str(row.pk), is_moment])

    def _place(self, signed: str, rows: "QuerySet[Any]") -> tuple[Value, Value] | None:
        try:
            key, pk, is_moment = self._signer().unsign_object(signed)
        except (signing.BadSignature, ValueError):
            return None
        first = Value(datetime.fromisoformat(key), output_field=DateTimeField()) if is_moment else Value(key)
        id_field: Field[Any, Any] = rows.model._meta.pk
        return first, Value(pk, output_field=id_field)

    # --- Sorting ------------------------------------------------------------------------------------

    @property
    def _first_sort(self) -> Sort:
        return next(iter(self.sorts.values()))

    def _sort_choices(self) -> Iterator[tuple[str, Text]]:
        for name, sort in self.sorts.items():
            either = [(name, sort.rising), (f"-{name}", sort.falling)]
            yield from reversed(either) if sort.falls else either

    def _sort_name(self) -> tuple[str, bool]:
        """The sort's name and whether it falls, as the query string has it, else the first one."""
        chosen = self.cleaned_data.get("sort") or ""
        if not chosen:
            return next(iter(self.sorts)), self._first_sort.falls
        return chosen.removeprefix("-"), chosen.startswith("-")

    def _header(self, name: str) -> Header:
        now, falling = self._sort_name()
        falls = not falling if now == name else self.sorts[name].falls
        to = f"-{name}" if falls else name
        first = next(iter(self.sorts))
        url = address(self.request, sort=_unless(to, f"-{first}" if self._first_sort.falls else first))
        direction = ("descending" if falling else "ascending") if now == name else ""
        return Header(url, direction)

    def _time(self, chosen: Mapping[str, Any]) -> list[Q]:
        limits = {"gte": chosen.get("since"), "lte": chosen.get("until")}
        return [Q(**{f"{self.moment}__{lookup}": moment}) for lookup, moment in limits.items() if moment]


def _unless(value: object, default: object) -> str:
    """The value for the query string, which is spared what goes without saying."""
    return "" if value == default else str(value)


def _direct(key: Combinable, *, falling: bool) -> Any:
    expression: Any = key
    return expression.desc() if falling else expression.asc()


def _pair(*members: Combinable | Value) -> Func:
    return Func(*members, template="(%(expressions)s)", output_field=BooleanField())


# --- Export ---------------------------------------------------------------------------------------

# A cell that begins so would be run as a formula by a spreadsheet.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_BATCH = 500

Columns = Sequence[tuple[Text, Callable[[Row], object]]]


def export(name: str, columns: Columns[Row], found: Found[Row]) -> StreamingHttpResponse:
    """All that match as a CSV file, row by row as they are read. With a BOM: without it Excel guesses the encoding."""
    answer = StreamingHttpResponse(_lines(columns, found.ordered()), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    answer["Cache-Control"] = "no-store"
    return answer


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


def cell(value: object) -> str:
    """A value as a cell's text: moments in UTC, and nothing that a spreadsheet would run."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    text = str(value)
    return f"'{text}" if isinstance(value, str | Promise) and text.startswith(_FORMULA) else text
