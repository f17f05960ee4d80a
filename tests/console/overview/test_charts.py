"""The geometry of charts, and the days that they show: pure functions."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from console.overview.charts import ABOVE, PLOT, Point, Series, Value, round_size, round_up, stacked
from console.text.days import by_day, last_days

SERIES = [Series("Complete", "complete"), Series("Failed", "failed")]


def point(*numbers: float) -> Point:
    return Point("1", "Jan 1, 2026", [Value(number, str(number)) for number in numbers])


def test_columns_are_stacked_from_the_base_line_and_stay_below_the_top_line() -> None:
    chart = stacked(SERIES, [point(6, 2), point(10, 0)])
    first, second = chart.columns
    assert chart.top == 10
    bottoms = [float(part.y) + float(part.height) for part in first.parts]
    assert bottoms[0] == pytest.approx(ABOVE + PLOT) and bottoms[1] == pytest.approx(float(first.parts[0].y), abs=0.1)
    assert float(second.parts[0].y) == pytest.approx(ABOVE)
    assert [part.series.look for part in second.drawn] == ["complete"]


def test_small_values_stay_visible_without_exceeding_the_plot_height() -> None:
    chart = stacked(SERIES, [point(9_999, 1)])
    heights = [float(part.height) for part in chart.columns[0].parts]
    assert heights[1] >= 2 and sum(heights) <= PLOT + 0.1


def test_columns_share_the_width_evenly() -> None:
    chart = stacked(SERIES, [point(1, 0)] * 4)
    assert [column.left for column in chart.columns] == ["0.00%", "25.00%", "50.00%", "75.00%"]
    assert {column.place for column in chart.columns} == {"25.00%"}


def test_a_chart_without_values_is_empty_and_has_a_top_line() -> None:
    for points in ([], [point(0, 0)]):
        chart = stacked(SERIES, points)
        assert chart.is_empty and chart.top > 0


@pytest.mark.parametrize(
    ("number", "top"),
    [(0, 1), (1, 1), (2, 2), (3, 3), (7, 8), (9, 10), (11, 20), (501, 600), (100_000, 100_000)],
)
def test_the_top_line_is_a_round_number(number: float, top: float) -> None:
    assert round_up(number) == top


@pytest.mark.parametrize(
    ("size", "top"), [(0, 1), (700, 800), (1001, 1024), (3000, 3 * 1024), (1100 * 1024, 2 * 1024**2)]
)
def test_the_top_line_of_sizes_is_a_round_size(size: int, top: float) -> None:
    assert round_size(size) == top >= size


# --- Days -------------------------------------------------------------------------------------------------


def test_the_last_day_is_today_in_the_viewers_zone() -> None:
    now = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    assert last_days(now, UTC, 14)[-1].date == date(2026, 3, 1)
    assert last_days(now, UTC, 14)[0].date == date(2026, 2, 16)
    shanghai = last_days(now, ZoneInfo("Asia/Shanghai"), 14)
    assert shanghai[-1].date == date(2026, 3, 2)
    assert shanghai[-1].start == datetime(2026, 3, 1, 16, tzinfo=UTC)


def test_days_have_no_gaps_even_when_the_clocks_change() -> None:
    days = last_days(datetime(2026, 4, 2, 12, tzinfo=UTC), ZoneInfo("Europe/Berlin"), 14)
    assert [day.end for day in days[:-1]] == [day.start for day in days[1:]]
    lengths = {day.date: day.end.astimezone(UTC) - day.start.astimezone(UTC) for day in days}
    assert lengths[date(2026, 3, 29)] == timedelta(hours=23) and lengths[date(2026, 3, 28)] == timedelta(hours=24)


def test_midnight_belongs_to_the_day_that_begins() -> None:
    days = last_days(datetime(2026, 3, 3, 5, tzinfo=UTC), UTC, 2)
    moments = [days[0].start - timedelta.resolution, days[0].start, days[1].start - timedelta.resolution]
    moments += [days[1].start, days[1].end]
    assert by_day(days, [(moment, number) for number, moment in enumerate(moments)]) == [[1, 2], [3]]
