"""The console's settings for tests, with a temporary home and a fast password hasher."""

import atexit
import os
import shutil
import tempfile

if "CONSOLE_HOME" not in os.environ:
    os.environ["CONSOLE_HOME"] = tempfile.mkdtemp(prefix="console-tests-")
    atexit.register(shutil.rmtree, os.environ["CONSOLE_HOME"], ignore_errors=True)

from console.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # noqa: F405
# The rows that tests make have no archives.
STORAGES["backups"]["OPTIONS"]["expected"] = ""  # type: ignore[index]  # noqa: F405
WHITENOISE_AUTOREFRESH = True
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":  # noqa: F405
    # Use a file, as a console does: a database in memory has other locks, and threaded tests need the real ones.
    DATABASES["default"]["TEST"] = {"NAME": CONSOLE_HOME / "tests.sqlite3"}  # noqa: F405
