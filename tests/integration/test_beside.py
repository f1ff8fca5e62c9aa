"""Runs beside other work: each step has its own limits, the files are read once, what is in the way has a name."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pyinfra.api.deploy import deploy
from pyinfra_pgmigrate import migrate_database

from tests.conftest import on_docker
from tests.support.backups import labels
from tests.support.folders import written
from tests.support.harness import migrate, rollback, run
from tests.support.migrations import MIGRATIONS
from tests.support.servers import Database, Server
from tests.support.waiting import wait_for


@pytest.fixture
def empty(server: Server) -> Iterator[Database]:
    with server.database("empty") as database:
        yield database


def _answers(session: psycopg.Connection[Any], text: str) -> bool:
    return session.execute(text.encode()).fetchone() is not None


def test_a_late_lock_conflict_has_a_budget_of_its_own(empty: Database, server: Server, tmp_path: Path) -> None:
    empty.run("CREATE TABLE a (id integer); CREATE TABLE b (id integer)")
    (tmp_path / "sql").mkdir()
    (tmp_path / "sql" / "baseline.sql").write_text("CREATE TABLE a (id integer); CREATE TABLE b (id integer);\n")
    sql = written(
        tmp_path / "sql",
        server,
        "ALTER TABLE a ADD COLUMN c integer;",
        # Begins to wait when the one before has waited for longer than half of the budget.
        "ALTER TABLE b ADD COLUMN c integer;",
    )
    first, second = server.connect(empty.name), server.connect(empty.name)
    for session, table in ((first, "a"), (second, "b")):
        session.autocommit = False
        session.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())

    # By the server's clock: since the run began, and since its first migration was there.
    begun = "SELECT 1 FROM pgmigrate.runs WHERE started_at < clock_timestamp() - interval '4 s'"
    first_done = "SELECT 1 FROM pgmigrate.events WHERE event = 'applied' AND at < clock_timestamp() - interval '4 s'"

    def release() -> None:
        with server.connect(empty.name) as looking:
            there = "SELECT 1 WHERE to_regclass('pgmigrate.catalogs') IS NOT NULL"
            for session, text in ((None, there), (first, begun), (second, first_done)):
                wait_for(partial(_answers, looking, text), what=text, seconds=60)
                if session is not None:
                    session.rollback()

    thread = threading.Thread(target=release)
    thread.start()
    try:
        result = migrate(empty.settings(pg_sql_dir=str(sql), pg_lock_budget_s=6, pg_lock_poll_s=0.2, pg_batch_from=1))
    finally:
        thread.join()
        first.close()
        second.close()

    assert result.ok, result.text
    assert (
        empty.value(
            "SELECT count(*) FROM pg_attribute WHERE attname = 'c' AND attrelid IN ('a'::regclass, 'b'::regclass)"
        )
        == 2
    )


def test_what_was_looked_at_is_what_runs_whatever_becomes_of_the_files(
    empty: Database, server: Server, tmp_path: Path
) -> None:
    sql = written(tmp_path / "sql", server, "CREATE TABLE a (id integer);")
    (file,) = sql.glob("001_*.sql")
    text = file.read_text()

    @deploy("Migrate, and somebody saves a file meanwhile")
    def saved_meanwhile() -> None:
        migrate_database()
        file.write_text(text.replace("TABLE a", "TABLE b"))

    result = run(saved_meanwhile, empty.settings(pg_sql_dir=str(sql)))

    assert result.ok, result.text
    assert empty.value("SELECT to_regclass('a') IS NOT NULL AND to_regclass('b') IS NULL")
    assert not migrate(empty.settings(pg_sql_dir=str(sql))).ok


def test_a_batch_whose_key_does_not_move_is_refused(empty: Database, server: Server, tmp_path: Path) -> None:
    empty.run("CREATE TABLE a (id integer PRIMARY KEY, b integer); INSERT INTO a SELECT generate_series(1, 100)")
    (tmp_path / "sql").mkdir()
    (tmp_path / "sql" / "baseline.sql").write_text("CREATE TABLE a (id integer PRIMARY KEY, b integer);\n")
    sql = written(
        tmp_path / "sql",
        server,
        # It forgets to ask for the rows after the last key.
        "WITH done AS (UPDATE a SET b = 1 WHERE id IN (SELECT id FROM a ORDER BY id LIMIT"
        " current_setting('pgmigrate.batch_size')::integer) RETURNING id)"
        " SELECT max(id)::text AS last_key, count(*) AS row_count FROM done;",
        header="-- purpose: of a test\n-- phase: data\n-- batch: keyset\n",
    )

    result = migrate(empty.settings(pg_sql_dir=str(sql)))

    assert not result.ok
    assert "the batch ends at key 100 again" in result.refusals[0]


def test_what_cannot_be_done_on_the_controller_is_a_refusal_of_that_host(
    legacy: Database, kept: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")

    result = migrate(kept(pg_target=1, pg_rehearse="off", pg_backup_fetch=str(tmp_path / "file" / "below")))

    assert not result.ok
    assert "Not a directory" in result.refusals[0]


def test_the_backup_of_a_rollback_is_in_its_event(applied: Database, tmp_path: Path) -> None:
    settings = applied.settings(pg_skip_backup=False, pg_backup_dir=str(tmp_path / "backups"), pg_verify="none")

    assert rollback(settings).ok

    found = applied.rows("SELECT DISTINCT details ->> 'backup' FROM pgmigrate.events WHERE event = 'reverted'")
    assert found == [(labels(tmp_path / "backups")[-1],)]


@on_docker
class TestPrepared:
    """A prepared transaction has no process that could be ended."""

    @pytest.fixture
    def prepared(self, legacy: Database) -> Iterator[None]:
        session = legacy.server.connect(legacy.name)
        session.autocommit = False
        session.execute("LOCK TABLE project_roles IN SHARE MODE")
        session.execute("PREPARE TRANSACTION 'it''s in the way'")
        session.close()
        try:
            yield
        finally:
            if legacy.rows("SELECT 1 FROM pg_prepared_xacts WHERE database = current_database()"):
                legacy.run("ROLLBACK PREPARED 'it''s in the way'")

    @pytest.mark.usefixtures("prepared")
    def test_it_is_named_with_what_ends_it(self, legacy: Database) -> None:
        result = migrate(legacy.settings(pg_target=MIGRATIONS[0].version, pg_lock_budget_s=2))

        assert not result.ok
        assert 'prepared transaction "it\'s in the way" of role postgres' in result.refusals[0]
        assert "ROLLBACK PREPARED 'it''s in the way'" in result.refusals[0]
        assert "None" not in result.refusals[0]

        legacy.run("ROLLBACK PREPARED 'it''s in the way'")
        assert migrate(legacy.settings(pg_target=MIGRATIONS[0].version)).ok
