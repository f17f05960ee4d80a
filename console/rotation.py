"""Replace the key that seals what the console stores, while web and agents run."""

import time

from django.conf import settings
from django.db import models

from console.notifications.models import Channel
from console.processes import home, secrets
from instances.models import Deployment, Job

# The columns that have sealed texts.
_SEALED: tuple[tuple[type[models.Model], str], ...] = (
    (Deployment, "sealed_password"),
    (Deployment, "sealed_certificate"),
    (Job, "secret"),
    (Channel, "sealed_url"),
)
# A process may have read the keys just before they were replaced, and store what it sealed a little later.
SETTLE_SECONDS = 2.0
_ROUNDS = 5


def rotate_file(*, drop_old: bool) -> tuple[bool, list[str]]:
    """Put a new key first in the key file, seal everything with it, and drop the old keys.

    Keep the old keys if one of them is still in use, unless `drop_old`. Return whether they were dropped, and the
    names of the rows that no key can read. Raises OSError.
    """
    new = home.new_credential_key()
    home.write_credential_keys(settings.CONSOLE_HOME, [new, *home.credential_keys(settings.CONSOLE_HOME)])
    unused, unreadable = seal_all_anew()
    if unused or drop_old:
        home.write_credential_keys(settings.CONSOLE_HOME, [new])
    return unused or drop_old, unreadable


def seal_all_anew() -> tuple[bool, list[str]]:
    """Seal everything with the first key until nothing is sealed by another one. Return whether that succeeded.

    Also return the names of the rows that no key can read.
    """
    count, unreadable = _seal_anew()
    for _ in range(_ROUNDS):
        time.sleep(SETTLE_SECONDS)
        count, unreadable = _seal_anew()
        if not count:
            break
    return not count, unreadable


def _seal_anew() -> tuple[int, list[str]]:
    """Seal with the first key what another one sealed; return the number of texts, and the names of unreadable rows."""
    # Without a transaction, each UPDATE locks one row and ends. Services and jobs lock jobs and instances before
    # deployments; a rotation that kept its locks could wait for one of them while that waits for the rotation.
    count, unreadable = 0, []
    for model, column in _SEALED:
        rows = Job.objects.unended() if model is Job else model._default_manager.all()
        for row in rows.exclude(**{column: ""}):
            before = getattr(row, column)
            try:
                after = secrets.resealed(before)
            except secrets.CannotUnseal:
                unreadable.append(f"{model._meta.verbose_name} {row}")
                continue
            if after != before:
                # A row that has changed meanwhile is sealed with the new key, or has nothing to seal.
                same = model._default_manager.filter(pk=row.pk, **{column: before})
                count += same.update(**{column: after})
    return count, unreadable
