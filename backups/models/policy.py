"""Policy: when automated backups of an instance are made, and how long they are kept."""

from collections.abc import Iterable
from datetime import datetime
from typing import Self

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from backups.choices import Weekday
from backups.policy import clock
from backups.policy.schedule import Schedule, first_window, window_to_serve
from console.text.changes import Values
from console.text.messages import TEXTS
from instances.models import Instance

KEEP_DAYS_MIN, KEEP_DAYS_MAX = 1, 732
# With a retention of less than a week, backups run every day: otherwise some days would have no backup at all.
EVERY_DAY_BELOW = 7
KEEP_DAYS_RULE = TEXTS["rule.keep_days"]
WEEKDAYS_RULE = TEXTS["rule.weekdays"]
EVERY_DAY_RULE = TEXTS["rule.every_day"]
EVERY_DAY = ",".join(str(day) for day in Weekday.values)


class PolicyQuerySet(models.QuerySet["Policy"]):
    def on(self) -> Self:
        return self.filter(enabled=True)


class Policy(models.Model):
    """When automated backups of one instance run. An instance without a row has the default policy, which is on."""

    instance = models.OneToOneField(Instance, primary_key=True, on_delete=models.CASCADE, related_name="backup_policy")
    enabled = models.BooleanField(default=True)
    keep_days = models.PositiveSmallIntegerField(
        default=7,
        validators=[
            MinValueValidator(KEEP_DAYS_MIN, KEEP_DAYS_RULE),
            MaxValueValidator(KEEP_DAYS_MAX, KEEP_DAYS_RULE),
        ],
    )
    # The UTC hour at which the one-hour window starts.
    start_hour = models.PositiveSmallIntegerField(default=2, validators=[MaxValueValidator(23)])
    # ISO weekday numbers: "1,3,7".
    weekdays = models.CharField(max_length=13, default=EVERY_DAY)
    # The start of the first window without a backup. The process that advances it makes the backup: one per window.
    next_window = models.DateTimeField()
    # True if the policy was turned on while the instance was not Available: make a backup as soon as it is.
    at_once = models.BooleanField(default=False)

    objects = PolicyQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["next_window"], condition=Q(enabled=True), name="policy_windows"),
            models.Index(fields=["instance"], condition=Q(at_once=True), name="policy_at_once"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(keep_days__range=(KEEP_DAYS_MIN, KEEP_DAYS_MAX)), name="policy_keep_days_in_range"
            ),
            models.CheckConstraint(condition=Q(start_hour__lte=23), name="policy_start_hour_is_an_hour"),
            models.CheckConstraint(condition=~Q(weekdays=""), name="policy_some_weekday"),
        ]

    def __str__(self) -> str:
        return f"{self.instance_id}: {self.keep_days}"

    @staticmethod
    def default(instance: Instance, *, enabled: bool = True) -> "Policy":
        """Return the policy of an instance that has no row, with the first window after the instance's creation."""
        policy = Policy(instance=instance, enabled=enabled)
        policy.next_window = first_window(policy.schedule, instance.created)
        return policy

    @staticmethod
    def of(instance: Instance) -> "Policy":
        """Return the instance's policy, or the default if it has no row."""
        try:
            return instance.backup_policy
        except Policy.DoesNotExist:
            return Policy.default(instance)

    def clean(self) -> None:
        """Check the rules that one field's validators cannot. Raises ValidationError."""
        days = self.weekdays.split(",")
        known = [str(day) for day in Weekday.values if str(day) in days]
        if days != known:
            raise ValidationError({"weekdays": WEEKDAYS_RULE})
        if self.keep_days < EVERY_DAY_BELOW and self.weekdays != EVERY_DAY:
            raise ValidationError({"weekdays": EVERY_DAY_RULE})

    @property
    def editable(self) -> Values:
        """The values that users can edit."""
        return {
            "label.automated_backup": self.enabled,
            "label.keep_days": self.keep_days,
            "label.window": self.window,
            "label.weekdays": [f"label.{day.name.lower()}" for day in self.days],
        }

    @property
    def days(self) -> list[Weekday]:
        return [Weekday(int(day)) for day in self.weekdays.split(",")]

    @property
    def every_day(self) -> bool:
        return self.weekdays == EVERY_DAY

    @property
    def schedule(self) -> Schedule:
        return Schedule(self.start_hour, frozenset(int(day) for day in self.weekdays.split(",")))

    @property
    def window(self) -> str:
        """The window in UTC, such as 23:00-00:00."""
        return window_label(self.start_hour)

    @property
    def next_run(self) -> datetime:
        """The start of the next window; a time in the past if the backup waits for the instance."""
        return window_to_serve(self.schedule, self.next_window, clock.now())


def window_label(hour: int) -> str:
    return f"{hour:02}:00-{(hour + 1) % 24:02}:00"


def weekdays_text(days: Iterable[int]) -> str:
    """Return weekdays in the form of Policy.weekdays."""
    return ",".join(str(day) for day in sorted(set(days)))
