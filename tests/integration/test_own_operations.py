"""Operations of the user's own, in the same run and before ours: what they change counts."""

from __future__ import annotations

import secrets
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from pyinfra.api import FunctionCommand, deploy, operation
from pyinfra_pgmigrate import backup_database, migrate_database

from tests.support.folders import written
from tests.support.harness import Result, migrate, run
from tests.support.servers import Database, Server


@pytest.fixture
def settings(server: Server, tmp_path: Path) -> Iterator[tuple[Database, dict[str, Any]]]:
    """A database on which both migrations were applied."""
    (tmp_path / "baseline.sql").write_text("SELECT 1;\n")
    written(tmp_path, server, "CREATE TABLE a (id int)", "CREATE TABLE b (id int)")
    with server.database("empty") as database:
        settings = database.settings(pg_sql_dir=str(tmp_path))
        assert migrate(settings).ok
        yield database, settings


def after(database: Database, settings: dict[str, Any], *statements: str) -> Result:
    """Runs migrate_database after an operation that runs statements, all prepared at once."""

    @operation()
    def theirs() -> Generator[FunctionCommand, None, None]:
        def change(state: object, host: object) -> bool:
            for statement in statements:
                database.run(statement)
            return True

        yield FunctionCommand(change, (), {})

    @deploy("Ours after theirs")
    def both() -> None:
        theirs(name="Theirs")
        migrate_database()

    return run(both, settings)


def test_what_it_drops_is_seen(settings: tuple[Database, dict[str, Any]]) -> None:
    result = after(*settings, "DROP TABLE a")

    assert not result.ok
    assert "001" in result.text
    assert "drift" in result.text


def test_what_it_takes_back_is_applied(settings: tuple[Database, dict[str, Any]]) -> None:
    database, _ = settings

    result = after(*settings, "DROP TABLE b", "DELETE FROM pgmigrate.migrations WHERE version = 2")

    # Nothing was pending when it was prepared.
    assert database.rows("SELECT count(*) FROM pgmigrate.migrations") == [(1,)]
    assert result.ok, result.text
    assert migrate(settings[1]).ok
    assert database.rows("SELECT count(*) FROM b") == [(0,)]


def test_nothing_of_theirs_nothing_to_do(settings: tuple[Database, dict[str, Any]]) -> None:
    result = after(*settings)

    assert result.ok, result.text
    assert "nothing to do" in result.text


def test_a_database_that_it_makes_is_looked_at_after_it(server: Server, tmp_path: Path) -> None:
    name = f"test_{secrets.token_hex(4)}"
    folder = written(tmp_path / "sql", server, "CREATE TABLE a (id int)")
    data = Database(server, name).settings(
        pg_sql_dir=str(folder), pg_skip_backup=False, pg_backup_dir=str(tmp_path / "backups")
    )

    @operation()
    def make() -> Generator[FunctionCommand, None, None]:
        def create(state: object, host: object) -> bool:
            server.administer("CREATE DATABASE {}", name)
            return True

        yield FunctionCommand(create, (), {})

    @deploy("Made, migrated, backed up")
    def all_of_it() -> None:
        make(name="Make")
        migrate_database()
        backup_database()

    try:
        before = migrate(data)
        dry = run(all_of_it, data, execute=False)
        checked = run(all_of_it, {**data, "pg_check": True}, execute=False)
        result = run(all_of_it, data)
        again = migrate(data)
    finally:
        server.administer("DROP DATABASE IF EXISTS {}", name)

    assert not before.ok
    assert f'could not read database "{name}"' in before.refusals[0]
    line = f'database "{name}" is looked at once the operations before have run (now: no connection)'
    assert dry.ok
    # All of it is pending.
    assert not checked.ok
    assert dry.lines.count(line) == 2
    assert result.ok, result.text
    assert result.refusals == []
    assert result.failed == []
    assert "001_m" in result.changed
    assert again.ok
    assert again.changed == []
