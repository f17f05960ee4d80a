"""The home of a deployment exists only as long as a restoration over it has to be settled."""

from pathlib import Path

import pytest

from backups.jobs import exchanging
from instances.homes import instance_home

pytestmark = pytest.mark.usefixtures("home")
ID = "0123456789abcdef0123456789abcdefin02"
JOURNAL = '{"tag": "later", "state": "loading", "obsolete": [], "moves": [], "scripts": [], "views": []}'


@pytest.fixture
def instance() -> Path:
    made = instance_home(ID)
    made.mkdir(parents=True)
    return made


def test_an_agent_that_ended_while_it_wrote_the_first_record_leaves_no_home(instance: Path) -> None:
    (instance / "exchange.json.new").write_text("{")
    exchanging.forget(ID, "earlier")
    assert not instance.exists()


def test_the_record_of_a_later_restoration_stays(instance: Path) -> None:
    (instance / "exchange.json").write_text(JOURNAL)
    exchanging.forget(ID, "earlier")
    assert (instance / "exchange.json").read_text() == JOURNAL
