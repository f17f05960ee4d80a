"""A guard that gives a dialog submitted twice, even at the same instant, one effect."""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from django.db import IntegrityError, models, transaction

from console.audit import audited as audit
from console.text.refused import Refused
from console.web import started

P = ParamSpec("P")
Row = TypeVar("Row", bound=models.Model)


def once(model: type[Row]) -> Callable[[Callable[P, Row]], Callable[P, Row]]:
    """Make a service return the row that it already wrote for the same `request_key`, the dialog's id, if there is one.

    Of two calls at the same instant, the second may start before the first has written its row. Then the second fails,
    because the key is unique or because the instance is busy, and looks for the row again.
    """

    def decorate(function: Callable[P, Row]) -> Callable[P, Row]:
        @wraps(function)
        def first_time_only(*args: P.args, **kwargs: P.kwargs) -> Row:
            key: Any = kwargs.get("request_key")
            if key is None:
                return function(*args, **kwargs)

            def done() -> Row | None:
                row = model._default_manager.filter(request_key=key).first()
                if row:
                    audit.nothing_new()
                    # The answer says again that the work has started: the row's own job, or its instance's first one.
                    found: Any = row
                    jobs = getattr(found, "jobs", None)
                    if job := getattr(found, "job", None) or (jobs and jobs.earliest("created")):
                        started.note(job.pk)
                return row

            if row := done():
                return row
            try:
                with transaction.atomic():
                    return function(*args, **kwargs)
            except (IntegrityError, Refused):
                if row := done():
                    return row
                raise

        return first_time_only

    return decorate
