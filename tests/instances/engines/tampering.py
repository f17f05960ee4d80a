"""Changes of a stopped server's files, made by a process of its own because of the licence of the database."""

import subprocess
import sys
from pathlib import Path

_PREPARED = """
import sys, bson, wiredtiger
connection = wiredtiger.wiredtiger_open(sys.argv[1], "log=(enabled=true)")
session = connection.open_session()

def table(name):
    return session.open_cursor(f"table:secantus_{name}")

def keys(cursor, collection):
    return [tuple(row[:-1]) for row in cursor if row[1] == collection]

def remove(cursor, key):
    cursor.set_key(*key)
    cursor.remove()

"""


def tamper(home: Path, code: str) -> None:
    """Run the code on the database files in this home, with the functions above."""
    script = f"{_PREPARED}{code}\nconnection.close()\n"
    subprocess.run([sys.executable, "-c", script, str(home / "data")], check=True)
