"""Common client tools, mongosh and the Node.js driver, against a real server."""

import json
import subprocess
from pathlib import Path

import gridfs
import pytest

from tests import mongosh
from tests.instances.engines.servers import PASSWORD, Server, back_up

_SCRIPT = """
const shop = db.getSiblingDB("shop");
shop.orders.insertMany([{_id: 1, total: NumberDecimal("12.50")}, {_id: 2, total: NumberDecimal("3.00")}]);
shop.orders.createIndex({total: 1}, {unique: true});
const session = db.getMongo().startSession();
session.startTransaction();
session.getDatabase("shop").orders.updateOne({_id: 2}, {$inc: {total: NumberDecimal("1.00")}});
session.commitTransaction();
print(EJSON.stringify({
    user: db.runCommand({connectionStatus: 1}).authInfo.authenticatedUsers[0].user,
    set: db.hello().setName,
    sum: shop.orders.aggregate([{$group: {_id: null, sum: {$sum: "$total"}}}]).next().sum,
    indexes: shop.orders.getIndexes().map(index => index.name),
    databases: db.adminCommand({listDatabases: 1}).databases.map(one => one.name).includes("shop"),
}));
"""
_GRIDFS = """
const {MongoClient, GridFSBucket} = require("mongodb");
const {Readable} = require("stream");
const {pipeline} = require("stream/promises");
(async () => {
    const client = await MongoClient.connect(process.argv[2]);
    const bucket = new GridFSBucket(client.db("files"));
    await pipeline(Readable.from([Buffer.alloc(700000, "x")]), bucket.openUploadStream("report"));
    await client.close();
})();
"""


@pytest.fixture(scope="session")
def packages() -> Path:
    """Return the folder with mongosh and the Node.js driver."""
    return mongosh.install() or pytest.skip("mongosh is not tested, because Node.js is not installed.")


def test_mongosh_works_with_an_instance(tmp_path: Path, packages: Path) -> None:
    with Server(tmp_path / "home") as server:
        server.client()
        address = f"mongodb://rwuser@127.0.0.1:{server.port}/?authSource=admin&replicaSet=rs0"
        shell = [str(packages / "node_modules/.bin/mongosh"), address, "--quiet", "--password", PASSWORD]
        done = subprocess.run([*shell, "--eval", _SCRIPT], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr + done.stdout
        printed = json.loads(done.stdout.strip().splitlines()[-1])
    assert printed == {
        "user": "rwuser",
        "set": "rs0",
        "sum": {"$numberDecimal": "16.50"},
        "indexes": ["_id_", "total_1"],
        "databases": True,
    }


def test_a_file_stored_by_nodejs_is_restored_from_a_backup(tmp_path: Path, packages: Path) -> None:
    script = packages / "gridfs.js"
    script.write_text(_GRIDFS)
    with Server(tmp_path / "original") as server:
        server.client()
        address = f"mongodb://rwuser:{PASSWORD}@127.0.0.1:{server.port}/?authSource=admin&replicaSet=rs0"
        subprocess.run(["node", str(script), address], check=True, timeout=60)
        back_up(server, tmp_path / "copy")
    with Server(tmp_path / "copy") as restored:
        assert gridfs.GridFS(restored.client().files).get_last_version("report").read() == b"x" * 700_000
