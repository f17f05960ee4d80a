"""manage.py check-deployment: a real deployment is backed up, restored and compared, and nothing is left."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from pytest_django import Settings

from backups import rehearsal
from backups.models import Backup
from backups.rehearsal import compare
from console.processes import home as homes
from instances.engines.base import Contents
from instances.engines.deployment.building import Lack, Lacks
from instances.engines.deployment.digests import Digest
from instances.engines.deployment.mongodump import Namespace
from instances.models import Deployment as Row
from instances.models import Instance, Job
from tests.deployments import PASSWORD, USER, Deployment
from tests.factories import make_deployment

pytestmark = pytest.mark.django_db


@pytest.fixture
def home(tmp_path: Path, settings: Settings) -> Path:
    settings.CONSOLE_HOME = tmp_path / "home"
    settings.CONSOLE_CREDENTIAL_KEYS = []
    return tmp_path / "home"


@pytest.fixture
def registered(replica_set: Deployment, home: Path) -> Row:
    """Return a registered deployment with documents, indexes and a view."""
    with replica_set.client() as client:
        client.shop.orders.insert_many({"_id": number, "data": "x" * 100} for number in range(500))
        client.shop.orders.create_index([("data", 1), ("_id", -1)])
        client.stock.parts.insert_many({"_id": str(number)} for number in range(20))
        client.shop.create_collection("late", viewOn="orders", pipeline=[{"$match": {"_id": {"$gt": 400}}}])
    return make_deployment(address=replica_set.address, user=USER, password=PASSWORD)


def check(*arguments: str) -> str:
    out = io.StringIO()
    call_command("check-deployment", *arguments, stdout=out)
    return out.getvalue()


def assert_nothing_left(home: Path) -> None:
    assert not list(home.glob("check-*"))
    assert not Backup.objects.exists() and not Job.objects.exists()


def test_every_document_is_compared_and_nothing_is_left(registered: Row, home: Path) -> None:
    said = check(registered.instance.name, "--probe")
    assert "All 520 documents in 2 collections and their indexes are the same." in said
    assert "[ok]" in said and PASSWORD not in said
    assert_nothing_left(home)
    assert Instance.objects.count() == 1


def test_an_unregistered_deployment_is_checked_with_a_password_from_the_environment(
    registered: Row, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Instance.objects.all().delete()
    monkeypatch.setenv("DEPLOYMENT_PASSWORD", PASSWORD)
    uri = registered.address.replace("mongodb://", "mongodb://backup%40office@")
    assert "are the same" in check("--uri", uri)
    assert_nothing_left(home)
    assert not Instance.objects.exists()


def test_a_password_among_the_arguments_is_refused(registered: Row, home: Path) -> None:
    uri = registered.address.replace("mongodb://", "mongodb://backup%40office:opensesame@")
    with pytest.raises(CommandError, match="Leave the password out") as refusal:
        check("--uri", uri)
    assert "opensesame" not in str(refusal.value)


def test_a_deployment_that_refuses_the_password_fails_the_check(registered: Row, home: Path) -> None:
    registered.seal_password("wrong")
    registered.save()
    with pytest.raises(CommandError, match="The check failed: ") as failure:
        check(registered.instance.name)
    assert PASSWORD not in str(failure.value)
    assert_nothing_left(home)


def test_a_lost_credential_key_asks_for_the_password(registered: Row, home: Path) -> None:
    homes.write_credential_keys(home, [Fernet.generate_key().decode()])
    with pytest.raises(CommandError, match="Enter the password of"):
        check(registered.instance.name)


def test_the_name_has_to_be_that_of_one_deployment(home: Path) -> None:
    with pytest.raises(CommandError, match="No existing deployment is named nothing"):
        check("nothing")


ORDERS = Namespace("shop", "orders")
DIGEST = Digest(2, 77, ("_id_: {}",))


@pytest.mark.parametrize(
    ("before", "after", "archived", "restored", "different", "changed"),
    [
        (DIGEST, DIGEST, DIGEST, DIGEST, "", ""),
        (DIGEST, DIGEST, DIGEST, replace(DIGEST, sum=78), "the restored copy differs from the archive", ""),
        (DIGEST, DIGEST, replace(DIGEST, documents=1), replace(DIGEST, documents=1), "1 documents instead of 2", ""),
        (DIGEST, DIGEST, None, replace(DIGEST, sum=78), "documents differ", ""),
        (DIGEST, DIGEST, DIGEST, replace(DIGEST, indexes=()), "indexes () instead of", ""),
        (DIGEST, DIGEST, None, None, "missing in the restored copy", ""),
        (None, None, DIGEST, DIGEST, "only in the restored copy", ""),
        (DIGEST, replace(DIGEST, sum=80), DIGEST, DIGEST, "", "shop.orders"),
        (DIGEST, replace(DIGEST, sum=80), DIGEST, None, "differs from the archive", "shop.orders"),
    ],
)
def test_each_difference_is_named(
    before: Digest | None,
    after: Digest | None,
    archived: Digest | None,
    restored: Digest | None,
    different: str,
    changed: str,
) -> None:
    found = compare(
        Contents(()),
        {ORDERS: before} if before else {},
        {ORDERS: after} if after else {},
        {ORDERS: archived},
        {ORDERS: restored} if restored else {},
        Lacks(),
    )
    assert bool(found.different) is bool(different) and all(different in each for each in found.different)
    assert found.changed == ([changed] if changed else [])


def test_an_index_that_the_temporary_server_rejects_is_not_compared() -> None:
    lacks = Lacks()
    lacks.append(Lack(ORDERS, "text_1"))
    before = replace(DIGEST, indexes=(*DIGEST.indexes, 'text_1: {"_fts": "text"}'))
    found = compare(Contents(()), {ORDERS: before}, {ORDERS: before}, {ORDERS: DIGEST}, {ORDERS: DIGEST}, lacks)
    assert (found.different, found.lacking) == ([], ["shop.orders (text_1)"])


def test_a_difference_ends_the_command_with_an_error(
    registered: Row, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    different = rehearsal.Rehearsed(3, 1, ["shop.orders: documents differ"], [], [])
    monkeypatch.setattr("console.management.commands.check-deployment.rehearse", lambda *_: different)
    with pytest.raises(CommandError, match="1 of 1 collections differ"):
        check(registered.instance.name)
