"""What people are told when files cannot be read or written."""

import errno

from console.text.messages import Message

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def explain(error: OSError) -> str:
    """What went wrong, for the end of a sentence, without its full stop; and what to do if the disk is full."""
    why = error.strerror or str(error) or type(error).__name__
    if error.filename:
        why = f"{why} ({error.filename})"
    if error.errno in _FULL:
        return Message("disk.full", why=why)
    return why
