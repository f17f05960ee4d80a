"""The names of the backups that the console makes by itself."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backups.names import AUTOMATED, BEFORE_RESTORE, FINAL, timed_name
from console.text.name_rule import name_validators

MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
NAMES = st.from_regex(r"\A[A-Za-z][A-Za-z0-9_-]{3,63}\Z")


def test_a_name_says_what_the_backup_is_of_and_when_it_was_made_in_utc() -> None:
    elsewhere = datetime(2026, 11, 23, 1, 30, 5, tzinfo=timezone(timedelta(hours=9)))
    assert timed_name(AUTOMATED, "orders", elsewhere) == "auto-orders-20261122-163005"


@pytest.mark.parametrize("prefix", [AUTOMATED, BEFORE_RESTORE, FINAL])
@given(instance=NAMES, now=MOMENTS)
def test_a_name_is_valid_and_its_time_is_whole_however_long_the_name_of_the_instance_is(
    prefix: str, instance: str, now: datetime
) -> None:
    name = timed_name(prefix, instance, now)
    for validate in name_validators:
        validate(name)
    assert name.startswith(f"{prefix}-{instance[:20]}") and name.endswith(now.strftime("-%Y%m%d-%H%M%S"))
    assert instance in name or len(name) == 64
