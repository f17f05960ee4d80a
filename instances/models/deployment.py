"""Deployment: how the agent reaches an existing deployment, and what its last test found."""

import hashlib
import re
from datetime import timedelta

from django.db import models
from django.utils import timezone

from console.processes import secrets
from console.text import times
from console.text.changes import Values
from console.text.messages import Message, decode
from instances.choices import Mechanism, ReadPreference
from instances.engines.base import Access
from instances.models.instance import Instance

# How long before its end a certificate is warned of on the pages.
_SOON = timedelta(days=14)
_BY_WAY = {"snapshot": "deployment.one_moment_by_snapshot", "transaction": "deployment.one_moment_by_transaction"}


class Deployment(models.Model):
    """The connection of an instance whose engine_kind is DEPLOYMENT. Passwords and keys are sealed."""

    instance = models.OneToOneField(Instance, on_delete=models.CASCADE, primary_key=True, related_name="deployment")
    # A connection string without user, password and anything that another column says: see Access.
    address = models.CharField(max_length=1024)
    user = models.CharField(max_length=255, blank=True)
    sealed_password = models.TextField(blank=True, editable=False)
    auth_source = models.CharField(max_length=64, default="admin", blank=True)
    mechanism = models.CharField(max_length=16, choices=Mechanism.choices, default=Mechanism.AUTOMATIC, blank=True)
    tls = models.BooleanField(default=False)
    verify = models.BooleanField(default=True)
    ca = models.TextField(blank=True)
    sealed_certificate = models.TextField(blank=True, editable=False)
    reads_from = models.CharField(max_length=24, choices=ReadPreference.choices, default=ReadPreference.PRIMARY)

    # The test may write to a scratch collection, to prove that backups are of one moment.
    may_probe = models.BooleanField(default=False)
    # Backups may be made that are not of one moment.
    any_moment = models.BooleanField(default=False)
    # Backups include users and roles.
    with_users = models.BooleanField(default=False)

    # The last test: when it ended, its sentences as [{"tone": ..., "message": stored message}], and the ways of reading
    # at one moment that it has proved, best first.
    tested = models.DateTimeField(null=True, blank=True, editable=False)
    findings = models.JSONField(default=list, blank=True, editable=False)
    ways = models.JSONField(default=list, blank=True, editable=False)
    certificate_expires = models.DateTimeField(null=True, blank=True, editable=False)

    def __str__(self) -> str:
        return self.address

    @property
    def hosts(self) -> str:
        """The hosts of the address, such as db1.example.org:27017,db2.example.org:27017."""
        return re.split("[/?]", self.address.partition("://")[2])[0]

    @property
    def editable(self) -> Values:
        """The values that users can edit, without secrets."""
        fingerprint = hashlib.sha256(self.ca.encode()).hexdigest()[:16]
        return {
            "label.address": self.address,
            "label.user": self.user,
            "label.auth_source": self.auth_source,
            "label.mechanism": self.mechanism,
            "label.tls": self.tls,
            "label.unverified": not self.verify,
            "label.ca": f"SHA-256 {fingerprint}" if self.ca else "",
            "label.reads_from": self.reads_from,
            "label.may_probe": self.may_probe,
            "label.any_moment": self.any_moment,
            "label.with_users": self.with_users,
        }

    @property
    def uses_password(self) -> bool:
        return bool(self.user) and self.mechanism != Mechanism.X509

    @property
    def certificate_warning(self) -> str:
        """A sentence if the certificate of the server or of the client has expired, or will soon; else ""."""
        expires, now = self.certificate_expires, timezone.now()
        if not self.tls or expires is None or expires - now > _SOON:
            return ""
        code = "deployment.certificate_expires_soon" if expires > now else "deployment.certificate_has_expired"
        return Message(code, moment=times.moment(times.local(expires)))

    @property
    def shown_findings(self) -> list[tuple[str, str]]:
        """The sentences of the last test, each with its tone, in the reader's language."""
        return [(finding["tone"], decode(finding["message"])) for finding in self.findings]

    @property
    def can_be_backed_up(self) -> bool:
        """True if a way of reading at one moment is proved, or backups need not be of one moment."""
        return bool(self.ways) or self.any_moment

    @property
    def consistency(self) -> str:
        """What backups made now will show, as a sentence; or why none can be made."""
        if self.ways:
            return Message(_BY_WAY.get(self.ways[0], "deployment.one_moment_by_snapshot"))
        return Message("deployment.not_one_moment" if self.any_moment else "deployment.no_moment")

    def seal_password(self, password: str) -> None:
        """Store the password sealed for this deployment; "" for none."""
        self.sealed_password = self._seal("password", password)

    def seal_certificate(self, certificate: str) -> None:
        """Store the client certificate with its key (PEM) sealed for this deployment; "" for none."""
        self.sealed_certificate = self._seal("certificate", certificate)

    def access(self) -> Access:
        """Return how to reach the deployment. Raises secrets.CannotUnseal if the key of the console has changed."""
        return Access(
            address=self.address,
            user=self.user,
            password=self._unseal("password", self.sealed_password),
            auth_source=self.auth_source,
            mechanism=self.mechanism,
            tls=self.tls,
            verify=self.verify,
            ca=self.ca,
            certificate=self._unseal("certificate", self.sealed_certificate),
            reads_from=self.reads_from,
            ways=tuple(self.ways),
            any_moment=self.any_moment,
            with_users=self.with_users,
        )

    def _seal(self, what: str, text: str) -> str:
        return secrets.seal(text, purpose=f"{self.instance_id} {what}") if text else ""

    def _unseal(self, what: str, token: str) -> str:
        return secrets.unseal(token, purpose=f"{self.instance_id} {what}") if token else ""
