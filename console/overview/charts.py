"""Charts of stacked columns, as SVG that the server draws: their geometry, without a word of HTML.

Across, everything is in percent of the drawing's width, so that a chart fits any page and its text keeps its size;
down, it is in pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import ceil, log10

# The room above the columns is the topmost line's label's, that below is the columns' own labels'.
ABOVE, PLOT, BELOW = 18, 112, 20
# The part of its place that a column fills.
_FILLED = 0.68
# What has a value is at least so high.
_LEAST = 2.0


@dataclass(frozen=True)
class Series:
    """`look` is the stylesheet's and the pattern's name for it."""

    label: str
    look: str


@dataclass(frozen=True)
class Value:
    """A number to draw, and the words for it."""

    number: float
    text: str


@dataclass(frozen=True)
class Point:
    """One column to be: its short and its whole name, a value for each series, and where it leads, if anywhere."""

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
    # Of its whole place, which is where it can be pointed at.
    left: str
    place: str

    @property
    def drawn(self) -> list[Part]:
        return [part for part in self.parts if part.value.number]


@dataclass(frozen=True)
class Chart:
    series: Sequence[Series]
    columns: Sequence[Column]
    # What the topmost line stands for.
    top: float
    height: int = ABOVE + PLOT + BELOW
    base: int = ABOVE + PLOT
    above: int = ABOVE
    plot: int = PLOT
    label_y: int = ABOVE + PLOT + 15

    @property
    def totals(self) -> list[tuple[Series, float]]:
        """Each series with the sum of its values."""
        sums = (sum(column.parts[place].value.number for column in self.columns) for place in range(len(self.series)))
        return list(zip(self.series, sums, strict=True))

    @property
    def is_empty(self) -> bool:
        return not any(column.drawn for column in self.columns)


def stacked(series: Sequence[Series], points: Sequence[Point], *, binary: bool = False) -> Chart:
    """A column for each point, the first series at its foot. `binary`: the topmost line is a round size in bytes."""
    highest = max((sum(value.number for value in point.values) for point in points), default=0)
    top = round_size(highest) if binary else round_up(highest)
    place = 100 / max(len(points), 1)
    return Chart(series, [_column(number, place, series, point, top) for number, point in enumerate(points)], top)


def _column(number: int, place: float, series: Sequence[Series], point: Point, top: float) -> Column:
    heights = [max(value.number / top * PLOT, _LEAST) if value.number else 0 for value in point.values]
    # What the least heights have added goes off the greatest.
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
    """The next number with one digit that is not nought and not 7 or 9, such as 40, that is not below the number."""
    if number <= 1:
        return 1.0
    power = 10.0 ** int(log10(number))
    return next(step * power for step in (1, 2, 3, 4, 5, 6, 8, 10) if step * power >= number)


def round_size(size: float) -> float:
    """The next size that is such a number of bytes, KB, MB, GB ... and not below."""
    unit = 1
    while size > unit * 1000:
        unit *= 1024
    return float(unit * round_up(ceil(size / unit)))
