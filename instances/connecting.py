"""The connection string of an instance and sample code that uses it, always without a password."""

from dataclasses import dataclass
from urllib.parse import quote, urlencode

from instances.choices import InstanceType
from instances.engines.base import ADMINISTRATOR, REPLICA_SET
from instances.models import Deployment, Instance

__all__ = ["ADMINISTRATOR", "Snippet", "connection_string", "snippets"]


@dataclass(frozen=True)
class Snippet:
    """Sample code for one program, which gets the password at run time."""

    program: str
    lines: str


def connection_string(instance: Instance) -> str:
    """Return the connection string without the password; "" until the instance has a port."""
    if instance.is_deployment:
        return _of_deployment(instance.deployment)
    if not instance.port:
        return ""
    options = {"authSource": "admin"}
    if instance.type == InstanceType.REPLICA_SET:
        options |= {"directConnection": "true"} if instance.host.db_alias else {"replicaSet": REPLICA_SET}
    if instance.host.db_tls:
        options["tls"] = "true"
    return f"mongodb://{ADMINISTRATOR}@{instance.address}/?{urlencode(options)}"


def _of_deployment(deployment: Deployment) -> str:
    """Add to the address what other fields say, except for secrets and certificates."""
    scheme, _, rest = deployment.address.partition("://")
    own, user = {}, f"{quote(deployment.user, safe='')}@" if deployment.user else ""
    if deployment.uses_password:
        own["authSource"] = deployment.auth_source
    if deployment.mechanism:
        own["authMechanism"] = deployment.mechanism
    # TLS is what an address with SRV records implies.
    if deployment.tls != (scheme == "mongodb+srv"):
        own["tls"] = "true" if deployment.tls else "false"
    if not own:
        return f"{scheme}://{user}{rest}"
    return f"{scheme}://{user}{rest}{'&' if '?' in rest else '?'}{urlencode(own)}"


def snippets(instance: Instance) -> list[Snippet]:
    """Return the snippets for mongosh, pymongo and Node.js; none until the instance has a port."""
    address = connection_string(instance)
    if not address:
        return []
    user = instance.deployment.user if instance.is_deployment else ADMINISTRATOR
    asks = instance.deployment.uses_password if instance.is_deployment else True
    auth = f'  auth: {{ username: "{user}", password: process.env.DB_PASSWORD }},\n' if asks else ""
    return [
        Snippet("mongosh", f'mongosh "{address}"'),
        Snippet(
            "Python (pymongo)",
            ("from getpass import getpass\n" if asks else "")
            + "from pymongo import MongoClient\n"
            + "\n"
            + f'client = MongoClient("{address}"{", password=getpass()" if asks else ""})',
        ),
        Snippet(
            "Node.js (mongodb)",
            'const { MongoClient } = require("mongodb");\n\n'
            + (
                f'const client = new MongoClient("{address}", {{\n{auth}}});'
                if asks
                else f'const client = new MongoClient("{address}");'
            ),
        ),
    ]
