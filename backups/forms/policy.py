"""The Modify Backup Policy dialog."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from backups.choices import Weekday
from backups.models import Backup, Policy, window_label
from backups.models.policy import EVERY_DAY_BELOW, KEEP_DAYS_MAX, KEEP_DAYS_MIN, KEEP_DAYS_RULE, WEEKDAYS_RULE
from backups.policy.preview import Preview, preview, with_local_hours
from console.text.messages import TEXTS
from console.web.forms import EditForm


class PolicyForm(EditForm):
    """Modify Backup Policy. While the switch is off, the other fields are ignored."""

    enabled = forms.BooleanField(
        label=TEXTS["label.automated_backup"],
        required=False,
        widget=forms.CheckboxInput(attrs={"role": "switch", "data-switch": True, "autofocus": True}),
    )
    # Use a text input: a number input would lose invalid text when the form shows its error.
    keep_days = forms.IntegerField(
        label=TEXTS["label.keep_days"],
        min_value=KEEP_DAYS_MIN,
        max_value=KEEP_DAYS_MAX,
        widget=forms.TextInput(
            attrs={
                "inputmode": "numeric",
                "autocomplete": "off",
                "data-when-on": True,
                "data-every-day-below": EVERY_DAY_BELOW,
            }
        ),
        help_text=_("1 to 732. Backups that exist already keep the retention they were made with."),
        error_messages={"invalid": KEEP_DAYS_RULE, "min_value": KEEP_DAYS_RULE, "max_value": KEEP_DAYS_RULE},
    )
    window = forms.ChoiceField(
        label=TEXTS["label.window"],
        choices=[(window_label(hour), window_label(hour)) for hour in range(24)],
        widget=forms.Select(attrs={"data-when-on": True}),
        error_messages={"invalid_choice": _("Choose a window of one whole hour from the list.")},
    )
    weekdays = forms.TypedMultipleChoiceField(
        label=TEXTS["label.weekdays"],
        choices=Weekday.choices,
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple(attrs={"data-when-on": True}),
        help_text=_("At least one day. With a retention of 1 to 6 days, a backup is made every day."),
        error_messages={"invalid_choice": _("Choose among the days of the week.")},
    )
    delete_automated = forms.BooleanField(
        label=_("Delete automated backups"),
        required=False,
        widget=forms.CheckboxInput(attrs={"data-when-off": True}),
    )

    def __init__(self, data: Any = None, *, policy: Policy) -> None:
        super().__init__(
            data,
            values=policy.editable,
            initial={
                "enabled": policy.enabled,
                "keep_days": policy.keep_days,
                "window": policy.window,
                "weekdays": policy.days,
            },
        )
        self.policy = policy
        # The labels depend on the viewer's time zone.
        windows = [(window_label(hour), with_local_hours(window_label(hour), hour)) for hour in range(24)]
        self.fields["window"].widget.choices = windows
        automated = Backup.objects.automated().free().filter(instance=policy.instance_id).count()
        self.fields["delete_automated"].help_text = ngettext(
            "This deletes %(count)d backup; locked ones stay. If this is not ticked, it stays until it expires.",
            "This deletes %(count)d backups; locked ones stay. If this is not ticked, they stay until they expire.",
            automated,
        ) % {"count": automated}
        if not automated:
            del self.fields["delete_automated"]

    @property
    def preview(self) -> Preview | None:
        """What the policy will do: the saved one, or the one in the submitted form; None if that is invalid."""
        if not self.is_bound:
            saved = self.policy
            values = {"enabled": saved.enabled, "keep_days": saved.keep_days, "start_hour": saved.start_hour}
            return preview(saved, {**values, "weekdays": saved.days})
        return preview(self.policy, self.cleaned_data) if self.is_valid() else None

    def clean(self) -> dict[str, Any]:
        chosen = self.cleaned_data
        chosen.setdefault("delete_automated", False)
        if not chosen["enabled"]:
            kept = self.policy
            for name in ("keep_days", "window", "weekdays"):
                self.errors.pop(name, None)
            return {**chosen, "keep_days": kept.keep_days, "start_hour": kept.start_hour, "weekdays": kept.days}
        if chosen.get("keep_days", EVERY_DAY_BELOW) < EVERY_DAY_BELOW:
            chosen["weekdays"] = Weekday.values
            self.errors.pop("weekdays", None)
        elif "weekdays" in chosen and not chosen["weekdays"]:
            self.add_error("weekdays", str(WEEKDAYS_RULE))
        if "window" in chosen:
            chosen["start_hour"] = int(chosen["window"][:2])
        return chosen
