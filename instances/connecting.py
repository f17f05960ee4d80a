"""The connection string of an instance and sample code that uses it, always without a password."""

from dataclasses import dataclass
from urllib.parse import urlencode

from instances.choices import InstanceType
from instances.engines.base import ADMINISTRATOR, REPLICA_SET
from instances.models import Instance

__all__ = ["ADMINISTRATOR", "Snippet", "connection_string", "snippets"]


@dataclass(frozen=True)
class Snippet:
    """Sample code for one program, which gets the password at run time."""

    program: str
    lines: str


def connection_string(instance: Instance) -> str:
    """Return the connection string without the password; "" until the instance has a port."""
    if not instance.port:
        return ""
    options = {"authSource": "admin"}
    if instance.type == InstanceType.REPLICA_SET:
        options |= {"directConnection": "true"} if instance.host.db_alias else {"replicaSet": REPLICA_SET}
    if instance.host.db_tls:
        options["tls"] = "true"
    return f"mongodb://{ADMINISTRATOR}@{instance.address}/?{urlencode(options)}"


def snippets(instance: Instance) -> list[Snippet]:
    """Return the snippets for mongosh, pymongo and Node.js; none until the instance has a port."""
    address = connection_string(instance)
    if not address:
        return []
    return [
        Snippet("mongosh", f'mongosh "{address}"'),
        Snippet(
            "Python (pymongo)",
            "from getpass import getpass\n"
            "from pymongo import MongoClient\n"
            "\n"
            f'client = MongoClient("{address}", password=getpass())',
        ),
        Snippet(
            "Node.js (mongodb)",
            'const { MongoClient } = require("mongodb");\n'
            "\n"
            f'const client = new MongoClient("{address}", {{\n'
            f'  auth: {{ username: "{ADMINISTRATOR}", password: process.env.DB_PASSWORD }},\n'
            "});",
        ),
    ]
