"""Actions of users on their own account and of administrators on other accounts, one function each."""

from django.contrib.auth.models import Group, User

from console.accounts.models import UserSession
from console.accounts.roles import Permission, Role
from console.audit.audited import accept_edit, audited
from console.text.messages import Message
from console.text.refused import Refused


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


@audited("consoleCreateUser", needs=Permission.MANAGE_USERS, resource="user")
def create_user(*, name: str, password: str, role: Role, requested_by: User | None) -> User:
    """Create a user with one role. Raises ValidationError if the name is taken or breaks Django's rule."""
    user = User(username=name)
    user.set_password(password)
    user.full_clean()
    user.save(force_insert=True)
    user.groups.add(Group.objects.get(name=role.value))
    return user


@audited("consoleSetRole", needs=Permission.MANAGE_USERS, resource="user")
def set_role(*, user: User, role: Role, requested_by: User | None) -> None:
    """Replace all roles of the user with this one."""
    names = user.groups.values_list("name", flat=True)
    accept_edit(
        before={"label.role": [each.label_code for each in Role if each.value in names]},
        after={"label.role": [role.label_code]},
    )
    user.groups.remove(*Group.objects.filter(name__in=Role.values).exclude(name=role.value))
    user.groups.add(Group.objects.get(name=role.value))
    user.__dict__.pop("_roles", None)
