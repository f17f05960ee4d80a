"""Row counts of lists. Counting stops just beyond COUNTED rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_
from typing import Any

from django.db.models import BigIntegerField, Count, Q, Subquery
from django.db.models.query import QuerySet
from django.utils import formats

from console.lists.keys import opaque

# The largest exact total: pages show a larger one as "10,000+". Up to this many rows are sorted without an index on the
# key.
COUNTED = 10_000


@dataclass(frozen=True)
class Total:
    """A number of rows: exact, or a lower bound if `more`."""

    rows: int
    more: bool

    @staticmethod
    def of(number: int) -> "Total":
        """Return the total for a count that stopped at COUNTED + 1."""
        return Total(min(number, COUNTED), number > COUNTED)

    def __str__(self) -> str:
        number = formats.number_format(self.rows, force_grouping=True)
        return f"{number}+" if self.more else number


class CountOf(Subquery):
    """The number of rows of a query as a column of another query, which saves a separate query for the total."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) counted)"
    output_field = BigIntegerField()


def counted(rows: "QuerySet[Any]", conditions: Sequence[Q] = ()) -> Total:
    """Count the rows that meet all `conditions`, reading at most COUNTED + 1 of `rows`."""
    if not conditions:
        return Total.of(rows.order_by()[: COUNTED + 1].count())
    met = opaque(reduce(and_, conditions))
    figures = (
        rows.order_by()
        .annotate(met=met)[: COUNTED + 1]
        .aggregate(all=Count("pk"), good=Count("pk", filter=Q(met=True)))
    )
    return Total(min(figures["good"], COUNTED), figures["all"] > COUNTED)
