"""How many rows a list has, counted without looking at more than COUNTED of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_
from typing import Any

from django.db.models import BigIntegerField, Count, Q, Subquery
from django.db.models.query import QuerySet
from django.utils import formats

from console.lists.keys import opaque

# How many rows are looked at for a total: those above are shown as "10,000+". Up to so many are sorted without an
# index on the key.
COUNTED = 10_000


@dataclass(frozen=True)
class Total:
    """How many rows there are; with `more`, at least so many."""

    rows: int
    more: bool

    @staticmethod
    def of(number: int) -> "Total":
        """What so many rows are, of which no more than one beyond COUNTED were looked at."""
        return Total(min(number, COUNTED), number > COUNTED)

    def __str__(self) -> str:
        number = formats.number_format(self.rows, force_grouping=True)
        return f"{number}+" if self.more else number


class CountOf(Subquery):
    """How many rows of the query there are, told by each row of another: no query of its own for a total."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) counted)"
    output_field = BigIntegerField()


def counted(rows: "QuerySet[Any]", judged: Sequence[Q] = ()) -> Total:
    """How many rows there are, and of these how many meet all that is to be judged; looks at COUNTED rows, no more."""
    if not judged:
        return Total.of(rows.order_by()[: COUNTED + 1].count())
    met = opaque(reduce(and_, judged))
    figures = (
        rows.order_by()
        .annotate(met=met)[: COUNTED + 1]
        .aggregate(all=Count("pk"), good=Count("pk", filter=Q(met=True)))
    )
    return Total(min(figures["good"], COUNTED), figures["all"] > COUNTED)
