from pathlib import Path

import pytest


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data directory whose name means something else in a URI."""
    path = tmp_path / "data of 100% #1?mode=memory&x=ü"
    path.mkdir()
    return path


@pytest.fixture
def staging(tmp_path: Path) -> Path:
    return tmp_path / "staging" / "job"
