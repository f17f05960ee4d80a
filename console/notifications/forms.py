from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from console.notifications import sending
from console.notifications.choices import EventKind, Level
from console.notifications.models import Channel, channel_name_validators
from console.text.messages import TEXTS
from console.web.forms import DialogForm, EditForm, RequestKeyField

URL_MAX_LENGTH = 2000
_EXAMPLE = "mailtos://user:password@example.org?to=team@example.org"


class ChannelFields(DialogForm):
    name = forms.CharField(
        label=TEXTS["label.channel_name"],
        strip=False,
        validators=channel_name_validators,
        help_text=_("Up to 64 characters, without any of > ! < \" & ' ="),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autofocus": True}),
    )
    url = forms.CharField(
        label=TEXTS["label.channel_url"],
        max_length=URL_MAX_LENGTH,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    events = forms.MultipleChoiceField(
        label=TEXTS["label.channel_events"],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one event.")},
    )
    minimum = forms.ChoiceField(
        label=TEXTS["label.channel_minimum"],
        choices=Level.choices,
        help_text=_("Less serious events are not sent: restorations and automated backups that succeed are Info."),
    )
    enabled = forms.BooleanField(label=TEXTS["label.channel_enabled"], required=False, initial=True)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        events: Any = self.fields["events"]
        events.choices = [(kind.value, kind.choice) for kind in EventKind if kind.possible]
        events.error_messages["required"] = gettext("Choose at least one event.")

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"]
        if url and (reason := sending.check(url)):
            raise forms.ValidationError(reason)
        return url


class CreateChannelForm(ChannelFields):
    request_key = RequestKeyField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        failures = [kind for kind in EventKind if kind.level is not Level.INFO and kind.possible]
        self.fields["events"].initial = failures
        self.fields["url"].help_text = (
            gettext("For example: %s. It is stored encrypted and never shown again.") % _EXAMPLE
        )


class EditChannelForm(EditForm, ChannelFields):
    def __init__(self, *args: Any, channel: Channel, **kwargs: Any) -> None:
        initial = {name: getattr(channel, name) for name in ("name", "events", "minimum", "enabled")}
        super().__init__(*args, values=channel.editable, initial=initial, **kwargs)
        self.fields["url"].required = False
        self.fields["url"].help_text = gettext("Leave it empty to keep the present URL (%s).") % channel.shown_url
