"""The columns of a list: which of them a user shows, and how wide a list must be to have space for each.

Columns have fixed widths, so a table does not move when a row changes; flexible columns share the rest. As a list gets
narrower, first the times lose seconds and zone, then the current year, then columns disappear in a fixed order.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from console.lists.pages import Text

# The widths of a list, in px, at which columns can appear: columns.css has a rule for each. They match lists in windows
# of common widths, with a scroll bar of 15 px.
STEPS = (640, 700, 768, 820, 880, 924, 980, 1024, 1060, 1094, 1130, 1168, 1220, 1264, 1320, 1380, 1440)
# How much wider a time is with its year, and with seconds and zone too; and a menu button with its word.
YEAR, EXACT, WORD = 34, 82, 30


@dataclass(frozen=True)
class Column:
    """A column. `width` is the least that its usual content needs, in px, with the cell's padding.

    `flexible`: the column takes space that is left. `sort` is the name of the list's sort by it. `yields`: its place in
    the order in which columns disappear, the lowest first; 0 if it is always visible, so that no user can hide it.
    `off`: hidden until a user shows it. `time`, `number` and `menu` say what it contains.
    """

    key: str
    label: Text
    width: int
    sort: str = ""
    yields: int = 0
    flexible: bool = False
    off: bool = False
    time: bool = False
    number: bool = False
    menu: bool = False

    @property
    def fixed(self) -> bool:
        return not self.yields


@dataclass(frozen=True)
class Placed:
    """A column of one user's list. `look` is the class of its cells."""

    column: Column
    shown: bool
    look: str

    @property
    def label(self) -> Text:
        return self.column.label

    @property
    def key(self) -> str:
        return self.column.key

    @property
    def width(self) -> int | None:
        """The column's width in px; None if it shares what the others leave."""
        return None if self.column.flexible else self.column.width


class Columns(dict[str, Placed]):
    """The columns of one user's list, in order. `look` is the class of the table."""

    look = ""

    def all(self) -> Iterable[Placed]:
        return self.values()

    def to_choose(self) -> list[Placed]:
        """Return the columns that the user can show and hide."""
        return [each for each in self.values() if not each.column.fixed]


def place(columns: Iterable[Column], chosen: Mapping[str, bool]) -> Columns:
    """Return the columns as they appear to a user. `chosen` is true or false for each column that the user chose."""
    listed = list(columns)
    shown = [each for each in listed if each.fixed or chosen.get(each.key, not each.off)]
    needed = sum(each.width for each in shown)
    times = sum(each.time for each in shown)
    roomy = needed + YEAR * times + WORD * any(each.menu for each in shown)
    appears = dict(_from(shown, needed))
    placed = Columns()
    for each in listed:
        is_shown = each in shown
        at = appears.get(each.key, "") if is_shown else "off"
        kind = [name for name in ("time", "number") if getattr(each, name)]
        kind += ["with-menu"] * each.menu
        placed[each.key] = Placed(each, is_shown, " ".join(filter(None, [each.key.replace("_", "-"), *kind, at])))
    placed.look = f"full-{_step(roomy)} exact-{_step(roomy + EXACT * times)}"
    return placed


def _from(shown: Iterable[Column], needed: int) -> Iterator[tuple[str, str]]:
    """Yield the key of each column that disappears, and the class that makes it disappear."""
    for each in sorted((each for each in shown if each.yields), key=lambda each: each.yields):
        yield each.key, f"from-{_step(needed)}"
        needed -= each.width


def _step(width: int) -> str:
    """Return the least step that is at least this width, or "never"."""
    return str(next((step for step in STEPS if step >= width), "never"))
