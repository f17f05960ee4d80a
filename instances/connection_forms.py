"""The forms for the connection to an existing deployment: to add it, and to edit it."""

from dataclasses import replace
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from console.text.messages import TEXTS, Message
from console.text.uris import address_without_password
from console.web.forms import DialogForm, EditForm, NameField, RequestKeyField
from instances.access_rule import check_access, with_kept_secrets
from instances.choices import Mechanism, ReadPreference
from instances.engines.base import Access
from instances.engines.deployment.hosts import NotAllowed
from instances.engines.deployment.uri import Parsed, parse
from instances.host_choice import HostChoice
from instances.models import Deployment
from instances.pem import PEM_MAX_LENGTH, PRIVATE_KEY

_EXACT = {"autocomplete": "off", "spellcheck": "false"}
# The fields that are called as in a Deployment.
_SAME = ("address", "user", "auth_source", "mechanism", "tls", "ca", "reads_from", "any_moment", "with_users")
_PEM = {"rows": 4, "class": "pem", **_EXACT}


class SecretText(forms.Textarea):
    """A text area whose text never goes back to the browser. The script of the dialog keeps what was typed."""

    def format_value(self, value: Any) -> str:
        return ""


class ConnectionFields(DialogForm):
    """What a person can paste into the connection string moves into the fields of its own, before it is judged."""

    # Fields that are folded away until one of them is used or wrong.
    FOLDED = ("auth_source", "mechanism", "tls", "ca", "certificate", "forget_certificate", "unverified", "reads_from")

    address = forms.CharField(
        label=TEXTS["label.address"],
        max_length=1024,
        widget=forms.TextInput(attrs={**_EXACT, "placeholder": "mongodb://db1.example.org,db2.example.org/"}),
        help_text=_(
            "It begins with mongodb:// or mongodb+srv://. A user, a password and options in it move into the fields "
            "below."
        ),
    )
    user = forms.CharField(
        label=TEXTS["label.user"], max_length=255, required=False, strip=False, widget=forms.TextInput(attrs=_EXACT)
    )
    password = forms.CharField(
        label=TEXTS["label.database_password"],
        max_length=1024,
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "spellcheck": "false"}),
    )
    auth_source = forms.CharField(
        label=TEXTS["label.auth_source"],
        max_length=64,
        required=False,
        initial="admin",
        widget=forms.TextInput(attrs=_EXACT),
        help_text=_("The database in which the user was created; admin for most."),
    )
    mechanism = forms.ChoiceField(label=TEXTS["label.mechanism"], choices=Mechanism.choices, required=False)
    tls = forms.BooleanField(label=TEXTS["label.tls"], required=False)
    ca = forms.CharField(
        label=TEXTS["label.ca"],
        max_length=PEM_MAX_LENGTH,
        required=False,
        widget=forms.Textarea(attrs=_PEM),
        help_text=_("In PEM format. Without it, the authorities that the agent's system trusts apply."),
    )
    certificate = forms.CharField(
        label=TEXTS["label.certificate"],
        max_length=PEM_MAX_LENGTH,
        required=False,
        widget=SecretText(attrs={**_PEM, "data-secret": True}),
        help_text=_("In PEM format, one after the other. Required for X.509; stored encrypted."),
    )
    unverified = forms.BooleanField(
        label=TEXTS["label.unverified"],
        required=False,
        help_text=_(
            "Whoever controls the network between the agent and the deployment can then read and change everything. "
            "Every page of the instance shows a warning."
        ),
    )
    reads_from = forms.ChoiceField(
        label=TEXTS["label.reads_from"],
        choices=ReadPreference.choices,
        initial=ReadPreference.PRIMARY,
        help_text=_("The members that backups read from. Secondaries may be behind the primary."),
        error_messages={"invalid_choice": _("Choose one from the list.")},
    )
    may_probe = forms.BooleanField(
        label=TEXTS["label.may_probe"],
        required=False,
        help_text=_(
            "In the database console_probe, which the test creates and drops. Without this, the console cannot prove "
            "that backups are of one moment."
        ),
    )
    any_moment = forms.BooleanField(
        label=TEXTS["label.any_moment"],
        required=False,
        help_text=_(
            "Only if no way to read all databases at one moment is proved. In a backup made while clients write, "
            "documents that belong together may then not match."
        ),
    )
    with_users = forms.BooleanField(
        label=TEXTS["label.with_users"],
        required=False,
        help_text=_(
            "Backups then hold the users, roles and password hashes of the deployment. The console does not restore "
            "them; mongorestore does."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._rejected = ""
        self.password_moved = False
        self._key_among_authorities = False
        if self.is_bound:
            self.data = self._moved(self.data)

    @property
    def access(self) -> Access:
        """What the fields say, valid or not."""
        given = {name: self.cleaned_data.get(name, "") for name in ("address", "user", "password", "mechanism")}
        return Access(
            **given,
            auth_source=self.cleaned_data.get("auth_source") or "admin",
            tls=self.cleaned_data.get("tls", False),
            verify=not self.cleaned_data.get("unverified", False),
            ca=_lines(self.cleaned_data.get("ca", "")),
            certificate=_lines(self.cleaned_data.get("certificate", "")),
            reads_from=self.cleaned_data.get("reads_from", ReadPreference.PRIMARY),
            any_moment=self.cleaned_data.get("any_moment", False),
            with_users=self.cleaned_data.get("with_users", False),
        )

    @property
    def asks_password_again(self) -> bool:
        """True if the password was in the connection string: it is not sent back, and the script cannot keep it."""
        return self.password_moved and not self.is_valid()

    @property
    def unfolded(self) -> bool:
        """True if a field that is folded away is wrong, or says something else than at first."""
        fields = [self[name] for name in self.FOLDED if name in self.fields]
        plain = {"auth_source": "admin", "reads_from": ReadPreference.PRIMARY}
        return any(field.errors or (field.value() or "") != plain.get(field.name, "") for field in fields)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self._rejected and not self.has_error("address"):
            self.add_error("address", self._rejected)
        if self._key_among_authorities:
            self.add_error("ca", Message("deployment.pem_key_among_authorities"))
        self.judge()
        return cleaned

    def judge(self) -> None:
        """Add the errors of the connection's own rule, beside the fields that have none yet."""
        try:
            check_access(self.access)
        except ValidationError as error:
            self.add_errors(error)

    def add_errors(self, error: ValidationError) -> None:
        for name, errors in error.error_dict.items():
            if not self.has_error(name):
                self.add_error(name, errors)

    def _moved(self, data: Any) -> Any:
        """Return the submitted data with what the connection string says in the fields of its own."""
        sent, typed = data.copy(), data.get("address", "")
        if PRIVATE_KEY in data.get("ca", ""):
            sent["ca"], self._key_among_authorities = "", True
        try:
            parsed = parse(typed) if typed.strip() else Parsed(address="")
        except NotAllowed as error:
            self._rejected, sent["address"] = str(error.args[0]), address_without_password(typed)
            self.password_moved = sent["address"] != typed
            return sent
        sent["address"] = parsed.address
        for name in ("user", "auth_source", "mechanism", "reads_from"):
            # A value that somebody chose in the field itself counts more.
            if getattr(parsed, name) and sent.get(name, "") in ("", self._first(name)):
                sent[name] = getattr(parsed, name)
        if parsed.password and not sent.get("password") and sent.get("user") == parsed.user:
            sent["password"], self.password_moved = parsed.password, True
        if parsed.tls:
            sent["tls"] = "on"
        return sent

    def _first(self, name: str) -> Any:
        return self.get_initial_for_field(self.fields[name], name)


class AddExistingInstanceForm(HostChoice, ConnectionFields):
    name = NameField(label=TEXTS["label.instance_name"])
    host_help = _("The machine whose agent reaches the deployment and makes its backups.")
    request_key = RequestKeyField()

    field_order = ["name", "host", "address", "user", "password"]


class EditConnectionForm(EditForm, ConnectionFields):
    """The present values, without the secrets. A secret that is left empty stays as it is."""

    forget_certificate = forms.BooleanField(label=_("Remove the present client certificate"), required=False)

    def __init__(self, *args: Any, deployment: Deployment, **kwargs: Any) -> None:
        self._deployment = deployment
        values: dict[str, Any] = {name: getattr(deployment, name) for name in (*_SAME, "may_probe")}
        initial = {**values, "unverified": not deployment.verify}
        super().__init__(*args, values=deployment.editable, initial=initial, **kwargs)
        self.fields["address"].widget.attrs["autofocus"] = True
        if deployment.sealed_password:
            self.fields["password"].help_text = _("Leave it empty to keep the present password.")
        if deployment.sealed_certificate:
            self.fields["certificate"].help_text = _("Leave it empty to keep the present certificate.")
        else:
            del self.fields["forget_certificate"]

    def judge(self) -> None:
        # An address that is wrong says nothing about whether the hosts have changed.
        address = self._deployment.address if self.has_error("address") else self.access.address
        access = replace(self.access, address=address)
        for check in (self._keep_secrets, check_access):
            try:
                access = check(access) or access
            except ValidationError as error:
                self.add_errors(error)

    def _keep_secrets(self, access: Access) -> Access:
        return with_kept_secrets(self._deployment, access, self.forgets_certificate)

    @property
    def forgets_certificate(self) -> bool:
        return bool(self.cleaned_data.get("forget_certificate"))


def _lines(pem: str) -> str:
    """Return a text as other programs expect it: browsers send CR LF."""
    return pem.replace("\r\n", "\n")
