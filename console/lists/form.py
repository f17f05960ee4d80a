"""The toolbar of a list: search, filters and sorts, the same for every list. All state is in the query string.

To stay fast at any size, a list needs an index on (key, id) for each sort, an index on (filter, moment, id) for each
filter, where the moment is the key of the default sort, and an index on the searched name. search.py says why.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from datetime import timezone as fixed_offset
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.db.models.query import QuerySet
from django.http import QueryDict
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from console.lists.chosen import choices
from console.lists.columns import Column, Columns, Placed, place
from console.lists.pages import Found, Header, Page, Pager, Row, Sort, Text, address
from console.lists.search import find, search
from console.text import times
from console.web.request import Request

_MINUTE = timedelta(minutes=1)
# The zone of a typed time without an offset, until the viewer's zone is applied.
_TYPED = fixed_offset(timedelta(), "as typed")


class MomentField(forms.DateTimeField):
    """A date and time in the viewer's time zone, in the format of a browser's datetime-local input.

    If clocks show the time twice, it is the first of the two moments, or the second with `last`.
    """

    widget = forms.DateTimeInput(format="%Y-%m-%dT%H:%M", attrs={"type": "datetime-local"})
    default_error_messages = {"invalid": _("Enter a date and a time, such as 2026-11-22 09:30.")}

    def __init__(self, *, last: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.last = last

    def to_python(self, value: Any) -> datetime | None:
        # In the viewer's zone, Django would reject times that clocks skip or show twice.
        with timezone.override(_TYPED):
            moment = super().to_python(value)
        try:
            if moment and moment.tzinfo is _TYPED:
                zone = timezone.get_current_timezone()
                return times.resolve(moment.replace(tzinfo=None), zone, last=self.last)
            return moment.astimezone(UTC) if moment else None
        except OverflowError:
            raise ValidationError(self.error_messages["invalid"], code="invalid") from None


class ListForm(forms.Form):
    """The toolbar of a list, which turns the query string into a page of rows.

    A list always answers: it ignores unknown filter values and shows its first page for an invalid place. Text that is
    not a date and time is reported beside its field.
    """

    list_id: ClassVar[str]
    # The column that `since` and `until` limit. The first of `sorts` sorts by it, newest first.
    moment: ClassVar[str]
    # The sorts by their names in the query string. A sort called "name" is by the searched column.
    sorts: ClassVar[Mapping[str, Sort]]
    # All columns, in order.
    all_columns: ClassVar[tuple[Column, ...]] = ()
    # Parameters of the query string without a field in the toolbar.
    without_field: ClassVar[tuple[str, ...]] = ("type", "size")

    q = forms.CharField(required=False, label=_("Search by name or ID"))
    since = MomentField(required=False, label=times.FROM)
    until = MomentField(required=False, label=times.TO, last=True)
    sort = forms.ChoiceField(required=False, label=_("Sort by"))

    def __init__(self, request: Request, *, within: Q | None = None, data: QueryDict | None = None) -> None:
        """Bind the form to the query string, or to `data`.

        `within` is a condition on all rows, indexed as the filters are.
        """
        super().__init__(request.GET if data is None else data, auto_id=f"{self.list_id}-%s")
        self.request = request
        self.within = within
        self.label_suffix = ""
        sort = self.fields["sort"]
        assert isinstance(sort, forms.ChoiceField)
        sort.choices = list(self._sort_choices())

    # --- What each list defines ---------------------------------------------------------------------

    def narrowings(self, chosen: Mapping[str, Any]) -> Iterator[Q]:
        """Yield the condition of each filter that is set, the most selective first."""
        raise NotImplementedError

    def searching(self, text: str) -> Q:
        """Return the condition for the text in the search field."""
        return search(text)

    def searched(self, chosen: Mapping[str, Any]) -> Q | None:
        """Return the condition of the search field, or None if it is empty. Invalid text finds nothing."""
        typed = chosen.get("q", "\0")
        return self.searching(typed) if typed else None

    # --- Columns ------------------------------------------------------------------------------------

    def lacks(self) -> set[str]:
        """Return the keys of the columns that the list has no use for now."""
        return set()

    @cached_property
    def columns(self) -> Columns:
        """Return the columns as the user sees them."""
        lacks = self.lacks()
        listed = [column for column in self.all_columns if column.key not in lacks]
        return place(listed, choices(self.request.user).get(self.list_id, {}))

    def heads(self) -> list[tuple[Placed, Header | None]]:
        """Return the columns with the heading that sorts by each, if any. Call page() first."""
        return [(each, self._header(each.column.sort) if each.column.sort else None) for each in self.columns.all()]

    # --- For the toolbar ----------------------------------------------------------------------------

    def selects(self) -> list[forms.BoundField]:
        """Return the filters that the toolbar always shows."""
        return [field for field in self.visible_fields() if field.widget_type == "select" and field.name != "sort"]

    def details(self) -> list[forms.BoundField]:
        """Return the filters that a button of the toolbar reveals."""
        return [self[name] for name in ("instance", "since", "until") if name in self.fields]

    def details_set(self) -> int:
        return sum(bool(field.data) for field in self.details())

    def kept(self) -> list[tuple[str, str]]:
        """Return the parameters without a field in the toolbar, which hidden fields preserve."""
        return [(name, value) for name in self.without_field if (value := self.request.GET.get(name, ""))]

    def narrowed(self) -> list[tuple[str, str]]:
        """Return the parameters that narrow the list, for a form that acts on all rows that match."""
        return [(name, value) for name in self.fields if name != "sort" and (value := self.request.GET.get(name, ""))]

    @property
    def filtered(self) -> bool:
        return bool(self.narrowed())

    @property
    def exports(self) -> bool:
        return self.request.GET.get("format") == "csv"

    def clean(self) -> dict[str, Any]:
        chosen = self.cleaned_data
        if chosen.get("since") and chosen.get("until") and chosen["until"] < chosen["since"]:
            self.add_error("until", _("The end is before the beginning."))
            chosen.pop("since")
        return chosen

    # --- The rows -----------------------------------------------------------------------------------

    def found(self, rows: "QuerySet[Row]") -> Found[Row]:
        """Return the matching rows in the chosen order."""
        self.is_valid()
        chosen = self.cleaned_data
        name, falling = self._sort_name()
        sort = self.sorts[name]
        return find(
            rows,
            text=self.searched(chosen),
            filters=[*([self.within] if self.within else []), *self.narrowings(chosen)],
            time=self._time(chosen),
            sort=sort,
            falling=falling,
            is_first_sort=sort is self._first_sort,
            sorts_by_text=name == "name",
        )

    def page(self, rows: "QuerySet[Row]") -> Page[Row]:
        """Return the page that the query string asks for."""
        found = self.found(rows).counting()
        return Pager(self.request, found, salt=f"{self.list_id}:{self._sort_name()[0]}").page()

    # --- Sorting ------------------------------------------------------------------------------------

    @property
    def _first_sort(self) -> Sort:
        return next(iter(self.sorts.values()))

    def _sort_choices(self) -> Iterator[tuple[str, Text]]:
        for name, sort in self.sorts.items():
            either = [(name, sort.rising), (f"-{name}", sort.falling)]
            yield from reversed(either) if sort.falls else either

    def _sort_name(self) -> tuple[str, bool]:
        """Return the name of the chosen sort, else of the first, and whether it is descending."""
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
        """Return the conditions for `since` and `until`; `until` includes its whole minute."""
        limits = []
        if since := chosen.get("since"):
            limits.append(Q(**{f"{self.moment}__gte": since}))
        if until := chosen.get("until"):
            # The end of the last minute that datetime supports would overflow.
            end = min(until.replace(second=0, microsecond=0), datetime.max.replace(tzinfo=UTC) - _MINUTE) + _MINUTE
            limits.append(Q(**{f"{self.moment}__lt": end}))
        return limits


def _unless(value: object, default: object) -> str:
    """Return the value for the query string, or "" if it is the default."""
    return "" if value == default else str(value)
