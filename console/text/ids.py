"""Ids as the reference writes them: 32 hex digits and a suffix that names the kind of resource."""

import secrets
from typing import Literal


def new_id(kind: Literal["in02", "br02", "nc02"]) -> str:
    """Return a fresh id, 36 characters: in02 for instances, br02 for backups, nc02 for channels."""
    return secrets.token_hex(16) + kind
