from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.instances.engines.servers import Server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path / "original") as running:
        yield running
