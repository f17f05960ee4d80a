"""Policy: when automated backups of an instance are made, and how long they are kept."""

from collections.abc import Iterable
from datetime import datetime
from typing import Self

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy

from backups.choices import Weekday
from backups.policy import clock
from backups.policy.schedule import Schedule, first_window, window_to_serve
from instances.models import Instance

KEEP_DAYS_MIN, KEEP_DAYS_MAX = 1, 732
# Kept for fewer days than a week has, a backup is made every day: else there would be days without any.
EVERY_DAY_BELOW = 7
KEEP_DAYS_RULE = gettext_lazy("Enter a whole number from 1 to 732.")
WEEKDAYS_RULE = gettext_lazy("Choose at least one day of the week.")
EVERY_DAY_RULE = gettext_lazy("With a retention of 1 to 6 days a backup is made every day.")
EVERY_DAY = ",".join(str(day) for day in Weekday.values)


class PolicyQuerySet(models.QuerySet["Policy"]):
    def on(self) -> Self:
        return self.filter(enabled=True)


class Policy(models.Model):
    """The automated backups of one instance. An instance without a row has the default one, which is on."""

    instance = models.OneToOneField(Instance, primary_key=True, on_delete=models.CASCADE, related_name="backup_policy")
    enabled = models.BooleanField(default=True)
    keep_days = models.PositiveSmallIntegerField(
        default=7,
        validators=[
            MinValueValidator(KEEP_DAYS_MIN, KEEP_DAYS_RULE),
            MaxValueValidator(KEEP_DAYS_MAX, KEEP_DAYS_RULE),
        ],
    )
    # The UTC hour that the one-hour window starts with.
    start_hour = models.PositiveSmallIntegerField(default=2, validators=[MaxValueValidator(23)])
    # ISO numbers as the API writes them: "1,3,7".
    weekdays = models.CharField(max_length=13, default=EVERY_DAY)
    # The start of the first window that has not been served: moving it on is what makes a window run once.
    next_window = models.DateTimeField()
    # It was turned on and its first backup has not been started yet, because the instance was not Available.
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
        """What an instance has that nobody has set a policy for: its first window is the next after its creation."""
        policy = Policy(instance=instance, enabled=enabled)
        policy.next_window = first_window(policy.schedule, instance.created)
        return policy

    @staticmethod
    def of(instance: Instance) -> "Policy":
        """The instance's policy, or the default that it has as long as there is no row."""
        try:
            return instance.backup_policy
        except Policy.DoesNotExist:
            return Policy.default(instance)

    def clean(self) -> None:
        """The rules between the fields."""
        days = self.weekdays.split(",")
        known = [str(day) for day in Weekday.values if str(day) in days]
        if days != known:
            raise ValidationError({"weekdays": str(WEEKDAYS_RULE)})
        if self.keep_days < EVERY_DAY_BELOW and self.weekdays != EVERY_DAY:
            raise ValidationError({"weekdays": str(EVERY_DAY_RULE)})

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
        """The window as the API writes it, such as 23:00-00:00, in UTC."""
        return window_label(self.start_hour)

    @property
    def next_run(self) -> datetime:
        """The start of the window that is served next; in the past, it is being waited for the instance."""
        return window_to_serve(self.schedule, self.next_window, clock.now())


def window_label(hour: int) -> str:
    return f"{hour:02}:00-{(hour + 1) % 24:02}:00"


def weekdays_text(days: Iterable[int]) -> str:
    """Weekdays as Policy.weekdays has them."""
    return ",".join(str(day) for day in sorted(set(days)))
