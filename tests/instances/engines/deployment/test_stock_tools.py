"""MongoDB's own mongorestore reads a dump, if the machine has it."""

import shutil
import subprocess
from pathlib import Path
from urllib.parse import quote_plus

import pytest

from instances.engines import deployment as engine
from tests.deployments import PASSWORD, USER, Deployment
from tests.instances.engines.deployment.dumping import blocks_of, filled, one_moment, raw

MONGORESTORE = shutil.which("mongorestore")


@pytest.mark.skipif(not MONGORESTORE, reason="mongorestore is not installed: get the MongoDB Database Tools")
def test_mongorestore_loads_a_dump(replica_set: Deployment, standalone: Deployment, tmp_path: Path) -> None:
    with replica_set.client() as client:
        filled(client, "a", "b")
        client.shop.a.create_index("x")
        expected = {name: raw(client, "shop", name) for name in ("a", "b")}
    with engine().backup(one_moment(replica_set)) as cut, (tmp_path / "dump").open("wb") as file:
        file.writelines(blocks_of(cut))
    address = f"mongodb://{quote_plus(USER)}:{quote_plus(PASSWORD)}@127.0.0.1:{standalone.port}/?directConnection=true"
    assert MONGORESTORE
    command = [MONGORESTORE, f"--archive={tmp_path / 'dump'}", f"--uri={address}"]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    with standalone.client() as client:
        assert {name: sorted(raw(client, "shop", name)) for name in expected} == {
            name: sorted(documents) for name, documents in expected.items()
        }
        assert set(client.shop.a.index_information()) == {"_id_", "x_1"}
