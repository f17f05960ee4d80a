"""Actions of users on their own account and of administrators on other accounts, one function each."""

from django.contrib.auth.models import Group, User
from django.contrib.auth.password_validation import validate_password

from console.accounts import refusals, roles, throttle
from console.accounts.models import UserSession
from console.accounts.roles import Permission, Role
from console.audit.audited import accept_edit, audited
from console.text.changes import Values
from console.text.messages import Message
from console.text.refused import Refused
from console.text.user_name_rule import check_user_name

# --- Users and their own account ---------------------------------------------------------------------------


@audited("consoleChangePassword", needs=None, resource="user")
def change_password(*, user: User, password: str, requested_by: User | None) -> None:
    """Set the password and end all sessions of the user. update_session_auth_hash() keeps the view's own session."""
    user.set_password(password)
    user.save(update_fields=["password"])
    UserSession.objects.filter(user=user).delete()


@audited("consoleEndSession", needs=None, resource="user")
def end_session(*, user: User, session: UserSession, requested_by: User | None) -> None:
    """Sign the user out of one session. Raises Refused if it has already ended."""
    deleted, _rows = UserSession.objects.filter(pk=session.pk, user=user).delete()
    if not deleted:
        raise Refused(Message("session.ended"))


@audited("consoleEndOtherSessions", needs=None, resource="user")
def end_other_sessions(*, user: User, keep: str | None, requested_by: User | None) -> int:
    """Sign the user out of all sessions but the one with the key `keep`. Return how many ended."""
    deleted, _rows = UserSession.objects.filter(user=user).exclude(session_key=keep).delete()
    return deleted


# --- Administrators and other accounts ---------------------------------------------------------------------


@audited("consoleCreateUser", needs=Permission.MANAGE_USERS, resource="user")
def create_user(*, name: str, password: str, role: Role, requested_by: User | None) -> User:
    """Create an active user with one role.

    Raises ValidationError if the name or the password breaks its rule, Refused if the name is taken.
    """
    check_user_name(name)
    user = User(username=name)
    validate_password(password, user)
    _one_at_a_time()
    if User.objects.filter(username__iexact=name).exists():
        raise Refused(Message("user.name_taken"), field="name")
    user.set_password(password)
    user.save(force_insert=True)
    user.groups.add(Group.objects.get(name=role.value))
    return user


@audited("consoleSetRole", needs=Permission.MANAGE_USERS, resource="user")
def set_role(*, account: User, role: Role, opened_with: Values | None = None, requested_by: User | None) -> None:
    """Replace all roles of the user with this one. A superuser who gets another role than Full access is none any more.

    Raises Refused if the user is the last active administrator, Changed if the role is no longer `opened_with`.
    """
    _one_at_a_time()
    present = User.objects.get(pk=account.pk)
    accept_edit(before=role_values(present), after={"label.role": [role.label_code]}, opened_with=opened_with)
    if role is not Role.FULL_ACCESS:
        _require_another_administrator(account)
        User.objects.filter(pk=account.pk, is_superuser=True).update(is_superuser=False)
        account.is_superuser = False
    account.groups.remove(*Group.objects.filter(name__in=Role.values).exclude(name=role.value))
    account.groups.add(Group.objects.get(name=role.value))
    account.__dict__.pop("_roles", None)


def role_values(account: User) -> Values:
    """Return what set_role() edits."""
    return {"label.role": [role.label_code for role in roles.granted(account)]}


@audited("consoleDeactivateUser", needs=Permission.MANAGE_USERS, resource="user")
def deactivate_user(*, account: User, requested_by: User | None) -> None:
    """Keep the user from signing in, and end all their sessions.

    Raises Refused if users deactivate themselves, or if the user is inactive or the last active administrator.
    """
    _one_at_a_time()
    if why := refusals.deactivation(account, requested_by):
        raise Refused(why)
    _require_another_administrator(account)
    if not User.objects.filter(pk=account.pk, is_active=True).update(is_active=False):
        raise Refused(Message("user.is_inactive"))
    UserSession.objects.filter(user=account).delete()


@audited("consoleActivateUser", needs=Permission.MANAGE_USERS, resource="user")
def activate_user(*, account: User, requested_by: User | None) -> None:
    """Let the user sign in again. Raises Refused if the user is active."""
    if not User.objects.filter(pk=account.pk, is_active=False).update(is_active=True):
        raise Refused(Message("user.is_active"))


@audited("consoleResetUserPassword", needs=Permission.MANAGE_USERS, resource="user")
def reset_user_password(*, account: User, password: str, requested_by: User | None) -> None:
    """Set the user's password, end all their sessions, and lift the locks that wrong passwords have set.

    Raises Refused for the requester's own account, which needs its present password, and ValidationError if the
    password breaks the rule.
    """
    if why := refusals.password_reset(account, requested_by):
        raise Refused(why)
    validate_password(password, account)
    account.set_password(password)
    User.objects.filter(pk=account.pk).update(password=account.password)
    UserSession.objects.filter(user=account).delete()
    throttle.forget(account.get_username())


@audited("consoleEndUserSessions", needs=Permission.MANAGE_USERS, resource="user")
def end_user_sessions(*, account: User, requested_by: User | None) -> None:
    """Sign the user out everywhere. Raises Refused for the requester's own sessions, or if there are none."""
    if why := refusals.ending_sessions(account, requested_by):
        raise Refused(why)
    ended, _rows = UserSession.objects.filter(user=account).delete()
    if not ended:
        raise Refused(Message("user.no_sessions"))


def _one_at_a_time() -> None:
    """Wait until no other transaction is changing who is an administrator.

    PostgreSQL would let two administrators deactivate each other at the same instant. After the lock, each query sees
    what the other transaction has committed.
    """
    Group.objects.select_for_update().get(name=Role.FULL_ACCESS.value)


def _require_another_administrator(account: User) -> None:
    """Raise Refused if the user is the only active administrator."""
    administrators = roles.administrators()
    if administrators.filter(pk=account.pk).exists() and not administrators.exclude(pk=account.pk).exists():
        raise Refused(Message("user.last_administrator"))
