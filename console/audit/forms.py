"""The filters of the audit."""

from datetime import UTC, datetime, timedelta

from django import forms
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from console.audit.choices import Outcome
from console.audit.models import AuditEventQuerySet
from console.lists.form import MomentField
from console.text import times


class AuditFilterForm(forms.Form):
    """The toolbar of Audit. A value it does not know filters nothing."""

    user = forms.CharField(required=False, label=_("User"), max_length=150)
    resource = forms.CharField(
        required=False,
        label=_("Resource name or ID"),
        max_length=150,
        widget=forms.TextInput(attrs={"data-shortcut": "/"}),
    )
    since = MomentField(required=False, label=times.FROM)
    until = MomentField(required=False, label=times.TO)
    outcome = forms.ChoiceField(required=False, label=_("Outcome"), choices=[("", _("All outcomes")), *Outcome.choices])

    def is_set(self) -> bool:
        self.is_valid()
        return any(self.cleaned_data.values())

    def apply(self, events: AuditEventQuerySet) -> AuditEventQuerySet:
        self.is_valid()
        chosen = self.cleaned_data
        if user := chosen.get("user"):
            events = events.filter(user_name=user)
        if resource := chosen.get("resource"):
            events = events.filter(Q(resource_id=resource) | Q(resource_name=resource))
        if since := chosen.get("since"):
            events = events.filter(time__gte=since)
        if until := chosen.get("until"):
            # The whole of the minute, unless it is the calendar's last.
            minute = timedelta(minutes=1)
            events = events.filter(time__lt=min(until, datetime.max.replace(tzinfo=UTC) - minute) + minute)
        if outcome := chosen.get("outcome"):
            events = events.filter(outcome=outcome)
        return events
