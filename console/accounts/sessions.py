"""The session engine: Django's database sessions, which also store the user and the time of the last use."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.utils import timezone

from console.accounts.models import UserSession
from console.audit import origin
from console.text import clocks

if TYPE_CHECKING:
    _Store = DatabaseStore[UserSession]
else:
    _Store = DatabaseStore

# Write the last use at most this often, so that most requests write nothing.
SEEN_EVERY = timedelta(minutes=5)


class SessionStore(_Store):
    _row: UserSession | None = None

    @classmethod
    def get_model_class(cls) -> type[UserSession]:
        return UserSession

    def _get_session_from_db(self) -> UserSession | None:
        row: UserSession | None = super()._get_session_from_db()  # type: ignore[misc]
        self._row = row
        now = timezone.now()
        if row and (now - row.seen > SEEN_EVERY or clocks.is_ahead(row.seen, now)):
            row.seen, row.address = now, origin.current().address
            # A clock that was ahead must not make the session last longer.
            row.expire_date = min(row.expire_date, now + timedelta(seconds=self.get_session_cookie_age()))
            changed = {"seen": row.seen, "address": row.address, "expire_date": row.expire_date}
            UserSession.objects.filter(pk=row.pk).update(**changed)
        return row

    def create_model_instance(self, data: dict[str, Any]) -> UserSession:
        row = super().create_model_instance(data)
        now, here = timezone.now(), origin.current()
        row.user_id = data.get(SESSION_KEY)
        row.address, row.user_agent = here.address, here.user_agent[:256]
        row.created = self._row.created if self._row and self._row.pk == row.pk else now
        row.seen = now
        self._row = row
        return row


def forget_expired(sender: object, **_kwargs: Any) -> None:
    """Delete the rows of expired sessions. Django calls this at every sign-in."""
    UserSession.objects.filter(expire_date__lt=timezone.now()).delete()
