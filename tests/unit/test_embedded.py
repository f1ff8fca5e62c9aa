"""Where a scratch server has its data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from pyinfra_pgmigrate import embedded
from pyinfra_pgmigrate.embedded import memory_folder

GIB = 1 << 30


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[int], None]:
    """Returns what says how many bytes are free in a folder that stands for memory."""
    monkeypatch.setattr(embedded, "_MEMORY", tmp_path)
    for name in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.delenv(name, raising=False)

    def said(count: int) -> None:
        monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=count))

    said(1 << 60)
    return said


def test_it_is_in_memory_where_there_is_room(free: Callable[[int], None], tmp_path: Path) -> None:
    free(3 * GIB)

    # As much is free on whatever machine the tests run on.
    assert memory_folder(1) == tmp_path
    assert memory_folder(3 * GIB + 1) is None


def test_not_in_more_memory_than_there_is(free: Callable[[int], None]) -> None:
    assert memory_folder(1 << 60) is None


def test_not_where_there_is_no_such_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(embedded, "_MEMORY", tmp_path / "none")

    assert memory_folder(1) is None


@pytest.mark.parametrize("name", ["TMPDIR", "TEMP", "TMP"])
def test_whoever_says_where_temporary_files_go_is_obeyed(
    free: Callable[[int], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    assert embedded._scratch_folder() is not None

    monkeypatch.setenv(name, str(tmp_path))

    assert embedded._scratch_folder() is None
