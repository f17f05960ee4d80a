from functools import cache
from importlib import metadata

DISTRIBUTION = "document-backup-console"


@cache
def version() -> str:
    """Return the console's version; "" if it is not installed as a package."""
    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return ""
