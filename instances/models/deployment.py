"""Deployment: how the agent reaches an existing deployment, and what its last test found."""

import re

from django.db import models

from console.processes import secrets
from instances.choices import Mechanism, ReadPreference
from instances.engines.base import Access
from instances.models.instance import Instance


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
