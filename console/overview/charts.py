"""The geometry of stacked column charts, which templates draw as SVG.

Horizontal values are percentages of the chart's width, so that a chart fits any page while its text keeps its size;
vertical values are pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import ceil, log10
from typing import NamedTuple

from django.utils.translation import pgettext

# Heights in pixels: of the label of the top line, of the columns, and of the labels below the columns.
ABOVE, PLOT, BELOW = 18, 112, 20
# The fraction of its slot that a column fills.
_FILLED = 0.68
# The minimum height of a value other than zero.
_LEAST = 2.0


class Pattern(NamedTuple):
    """A fill pattern: a tile of `size` pixels with `lines`, an SVG path, turned by `angle`; plain without lines."""

    size: int = 4
    lines: str = ""
    angle: int = 0


_STRIPES = Pattern(5, "M1 0v5", 45)
_PATTERNS = {"failed": _STRIPES, "data": _STRIPES, "running": Pattern(4, "M1 1h1.5")}


@dataclass(frozen=True)
class Series:
    """One kind of value in each column. `look` names its colour in the stylesheet and its fill pattern."""

    label: str
    look: str

    @property
    def pattern(self) -> Pattern:
        """Return the fill pattern, so that series differ by more than colour."""
        return _PATTERNS.get(self.look, Pattern())


@dataclass(frozen=True)
class Value:
    """A number to draw, and its text."""

    number: float
    text: str


@dataclass(frozen=True)
class Point:
    """The input for one column: a short and a full label, a value for each series, and the URL it links to, if any."""

    label: str
    title: str
    values: Sequence[Value]
    url: str = ""


@dataclass(frozen=True)
class Part:
    series: Series
    value: Value
    y: str
    height: str


@dataclass(frozen=True)
class Column:
    point: Point
    parts: Sequence[Part]
    x: str
    width: str
    middle: str
    # Left edge and width of the slot, which is the area that reacts to the mouse.
    left: str
    place: str

    @property
    def drawn(self) -> list[Part]:
        return [part for part in self.parts if part.value.number]

    @property
    def text(self) -> str:
        """Return the column's values as text for screen readers."""
        return pgettext("between parts of a line", ", ").join(
            f"{each.series.label} {each.value.text}" for each in self.parts
        )


@dataclass(frozen=True)
class Chart:
    series: Sequence[Series]
    columns: Sequence[Column]
    # The value of the top line.
    top: float
    height: int = ABOVE + PLOT + BELOW
    base: int = ABOVE + PLOT
    above: int = ABOVE
    plot: int = PLOT
    label_y: int = ABOVE + PLOT + 15

    @property
    def totals(self) -> list[tuple[Series, float]]:
        """Return each series with the sum of its values."""
        sums = (sum(column.parts[place].value.number for column in self.columns) for place in range(len(self.series)))
        return list(zip(self.series, sums, strict=True))

    @property
    def is_empty(self) -> bool:
        return not any(column.drawn for column in self.columns)


def stacked(series: Sequence[Series], points: Sequence[Point], *, binary: bool = False) -> Chart:
    """Return a chart with a column for each point, first series at the bottom. `binary`: values are bytes."""
    highest = max((sum(value.number for value in point.values) for point in points), default=0)
    top = round_size(highest) if binary else round_up(highest)
    place = 100 / max(len(points), 1)
    return Chart(series, [_column(number, place, series, point, top) for number, point in enumerate(points)], top)


def _column(number: int, place: float, series: Sequence[Series], point: Point, top: float) -> Column:
    heights = [max(value.number / top * PLOT, _LEAST) if value.number else 0 for value in point.values]
    # The minimum heights can make the column too high: take the excess from the highest part.
    if (over := sum(heights) - PLOT) > 0:
        heights[heights.index(max(heights))] -= over
    feet = list(accumulate(heights))
    parts = [
        Part(each, value, f"{ABOVE + PLOT - foot:.1f}", f"{height:.1f}")
        for each, value, foot, height in zip(series, point.values, feet, heights, strict=True)
    ]
    left, width = number * place, place * _FILLED
    return Column(
        point,
        parts,
        x=f"{left + (place - width) / 2:.2f}%",
        width=f"{width:.2f}%",
        middle=f"{left + place / 2:.2f}%",
        left=f"{left:.2f}%",
        place=f"{place:.2f}%",
    )


def round_up(number: float) -> float:
    """Round up to a number such as 40: one digit other than 7 and 9, then zeros."""
    if number <= 1:
        return 1.0
    power = 10.0 ** int(log10(number))
    return next(step * power for step in (1, 2, 3, 4, 5, 6, 8, 10) if step * power >= number)


def round_size(size: float) -> float:
    """Round bytes up to such a number in the unit that fits: bytes, KB, MB, GB, ..."""
    unit = 1
    while size > unit * 1000:
        unit *= 1024
    return float(unit * round_up(ceil(size / unit)))
