"""What the integration tests share: a migrated database, the catalog after a clean run, a place for backups."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pyinfra_pgmigrate.settings import KEYS

from tests.integration.recordings import scratch_databases
from tests.support import servers, templates
from tests.support.harness import migrate
from tests.support.servers import Database, Server

_clean: dict[int, frozenset[str]] = {}


@pytest.fixture
def clean_structure(server: Server) -> frozenset[str]:
    """The structure that a run from the legacy structure ends with, on the server of the test."""
    if server.version not in _clean:
        with server.database("legacy") as database:
            result = migrate(database.settings())
            if not result.ok:
                raise RuntimeError(result.text)
            _clean[server.version] = database.structure()
    return _clean[server.version]


@pytest.fixture
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has an operation a migration, as hosts have without pg_batch_from."""
    monkeypatch.setattr(servers, "BATCH_FROM", KEYS["pg_batch_from"].default)


@pytest.fixture
def kept(legacy: Database, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Returns settings with which backups go into a folder of the test."""

    def settings(**more: Any) -> dict[str, Any]:
        return legacy.settings(**{"pg_skip_backup": False, "pg_backup_dir": str(tmp_path / "backups"), **more})

    return settings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where ``kept`` puts them."""
    return tmp_path / "backups"


@pytest.fixture
def applied(server: Server) -> Iterator[Database]:
    """A database with all migrations applied and fresh statistics, made from one that is migrated once."""
    with server.database(templates.applied(server)) as database:
        yield database


@pytest.fixture
def used(server: Server) -> Iterator[Database]:
    """Such a database whose variants are in use: several a project, one name in all of them, equipment in each."""
    with server.database(templates.used(server)) as database:
        yield database


@pytest.fixture
def nothing_left(server: Server) -> Iterator[None]:
    """Whatever a test did, no scratch database is there afterwards."""
    yield
    assert scratch_databases(server) == []
