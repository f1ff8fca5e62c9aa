"""Rollback scripts that people wrote: what they may do on the way, and what is said where they do not lead back."""

from __future__ import annotations

from pathlib import Path

from tests.support.folders import written
from tests.support.harness import Result, migrate, rollback
from tests.support.servers import Database, Server

HEADER = "-- purpose: back\n-- reverts: 002-002\n\n"
TABLES = "CREATE TABLE t (id integer PRIMARY KEY, h text); CREATE TABLE u (id integer PRIMARY KEY, t integer CONSTRAINT u_t REFERENCES t);"


def taken_back(database: Database, folder: Path, rows: str) -> Result:
    settings = database.settings(pg_sql_dir=str(folder))
    assert migrate(settings).ok
    database.run(rows)
    return rollback(settings)


def test_a_column_that_it_adds_for_a_moment_is_no_loss(server: Server, tmp_path: Path) -> None:
    written(tmp_path, server, TABLES, "ALTER TABLE t ADD COLUMN b integer")
    (tmp_path / "rollback_b.sql").write_text(
        f"{HEADER}ALTER TABLE t ADD COLUMN tmp text; UPDATE t SET tmp = upper(h); UPDATE t SET h = tmp;\n"
        "ALTER TABLE t DROP COLUMN tmp; ALTER TABLE t DROP COLUMN b;\n"
    )
    with server.database("empty") as database:
        result = taken_back(database, tmp_path, "INSERT INTO t VALUES (1, 'x', 5), (2, 'y', NULL)")

        assert result.ok, result.text
        assert database.rows("SELECT * FROM t ORDER BY id") == [(1, "X"), (2, "Y")]
        assert migrate(database.settings(pg_sql_dir=str(tmp_path))).ok
        assert database.rows("SELECT id, b FROM t ORDER BY id") == [(1, 5), (2, None)]


def test_but_one_of_before_that_a_block_drops_is(server: Server, tmp_path: Path) -> None:
    written(tmp_path, server, TABLES, "ALTER TABLE t ADD COLUMN b integer")
    (tmp_path / "rollback_b.sql").write_text(
        f"{HEADER}ALTER TABLE t ADD COLUMN tmp text; ALTER TABLE t DROP COLUMN tmp; ALTER TABLE t DROP COLUMN b;\n"
        "DO $$ BEGIN ALTER TABLE t DROP COLUMN h; ALTER TABLE t ADD COLUMN h text; END $$;\n"
    )
    with server.database("empty") as database:
        result = taken_back(database, tmp_path, "INSERT INTO t VALUES (1, 'x', 5)")

        assert not result.ok
        assert "its rows would not be kept" in result.text
        assert database.rows("SELECT * FROM t") == [(1, "x", 5)]


def test_one_that_does_not_lead_back_is_told_to_lack_something(server: Server, tmp_path: Path) -> None:
    written(tmp_path, server, TABLES, "ALTER TABLE t ADD COLUMN b integer, DROP COLUMN h")
    (tmp_path / "rollback_b.sql").write_text(f"{HEADER}-- TODO: the other column\nALTER TABLE t DROP COLUMN b;\n")
    with server.database("empty") as database:
        result = taken_back(database, tmp_path, "INSERT INTO t VALUES (1, 5)")

        assert not result.ok
        assert 'warning: rollback_b.sql still says "TODO: the other column"' in result.text
        assert "expected also + column t.h text" in result.text
        assert "Write into rollback_b.sql what it lacks" in result.text
        assert "baseline.sql" not in result.text


def test_rows_that_a_restored_reference_does_not_take_are_no_fault_of_a_statement(
    server: Server, tmp_path: Path
) -> None:
    written(tmp_path, server, TABLES, "ALTER TABLE u DROP CONSTRAINT u_t")
    (tmp_path / "rollback_b.sql").write_text(f"{HEADER}SELECT;\n")
    with server.database("empty") as database:
        result = taken_back(database, tmp_path, "INSERT INTO u VALUES (1, 7)")

        assert not result.ok
        assert "Found SQLSTATE 23503 at what follows statement 1; expected it to succeed." in result.text
        assert "resumes" not in result.text
