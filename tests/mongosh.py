"""Use npm to install mongosh and the Node.js driver for the tests that need them: `python -m tests.mongosh`.

The files are kept between runs. `python -m tests` starts with this, since it may take minutes.
"""

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path

# Pytest's cache directory.
FOLDER = Path(__file__).resolve().parent.parent / ".pytest_cache/d/mongosh"
_SECONDS = 600
_COMMAND = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--omit=optional"]


def install() -> Path | None:
    """Install both if needed and return their folder; None without npm. Raises AssertionError if npm fails."""
    if not shutil.which("npm"):
        return None
    FOLDER.mkdir(parents=True, exist_ok=True)
    # Tests in other processes may install too: the first one installs, the others wait.
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (FOLDER / "node_modules/.bin/mongosh").exists():
            done = subprocess.run(
                [*_COMMAND, "--prefix", str(FOLDER), "mongosh@2"], capture_output=True, text=True, timeout=_SECONDS
            )
            assert done.returncode == 0, done.stderr
    return FOLDER


if __name__ == "__main__":
    try:
        install()
    except (AssertionError, subprocess.TimeoutExpired) as error:
        # The tests try again and fail with the reason.
        sys.exit(str(error))
