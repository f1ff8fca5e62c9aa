"""What locks or rewrites a table is a note while it is small and a refusal when it is large."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.conftest import on_all_versions
from tests.support.folders import written
from tests.support.harness import migrate
from tests.support.servers import Server

BEFORE = """
CREATE TABLE a (id int PRIMARY KEY, n text);
CREATE TABLE "Or ders" (id int PRIMARY KEY, a_id int);
CREATE TABLE parted (id int, k int) PARTITION BY LIST (k);
CREATE TABLE parted_0 PARTITION OF parted FOR VALUES IN (0);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
CREATE TABLE never_analyzed (id int, pad text);
CREATE MATERIALIZED VIEW seen AS SELECT id FROM a;
"""
ROWS = """
INSERT INTO a SELECT g, 'x' FROM generate_series(1, 3000) AS g;
INSERT INTO "Or ders" SELECT g, g FROM generate_series(1, 2500) AS g;
INSERT INTO parted SELECT g, g % 2 FROM generate_series(1, 2000) AS g;
REFRESH MATERIALIZED VIEW seen;
ANALYZE;
INSERT INTO never_analyzed SELECT g, repeat('x', 700) FROM generate_series(1, 3000) AS g;
"""
# Statement, rule, table, rows as they are told.
BREAKING = {
    "a rewrite": ('ALTER TABLE "Or ders" ALTER COLUMN a_id TYPE bigint', "rewrite", '"Or ders"', "2500"),
    "an index": ('CREATE INDEX i ON "Or ders" (a_id)', "blocking-index", '"Or ders"', "2500"),
    "an index on partitions": ("CREATE INDEX i ON parted (id)", "blocking-index", "parted", "2000"),
    "a reference": (
        'ALTER TABLE "Or ders" ADD FOREIGN KEY (a_id) REFERENCES a', "blocking-constraint", '"Or ders"', "2500",
    ),
    "a check": ("ALTER TABLE a ADD CHECK (id > 0)", "blocking-constraint", "a", "3000"),
    "not null": ("ALTER TABLE a ALTER COLUMN n SET NOT NULL", "set-not-null", "a", "3000"),
    "reindex": ("REINDEX TABLE a", "blocking-reindex", "a", "3000"),
    "refresh": ("REFRESH MATERIALIZED VIEW seen", "blocking-reindex", "seen", "3000"),
    "all rows": ("UPDATE a SET n = 'y'", "whole-table", "a", "3000"),
    "a table that was never analyzed": ("CREATE INDEX i ON never_analyzed (id)", "blocking-index", "never_analyzed", "2"),
}  # fmt: skip
KEEPING: Mapping[str, str] = {
    "a new table": "CREATE TABLE b (id int); CREATE INDEX i ON b (id)",
    "concurrently": "CREATE INDEX CONCURRENTLY i ON a (id)",
    "a column": "ALTER TABLE a ADD COLUMN m int",
    "all rows at once": "TRUNCATE a",
    "some rows": "UPDATE a SET n = 'y' WHERE id = 1",
}


@pytest.mark.parametrize("name", BREAKING)
def test_it_is_refused_on_a_large_table_and_noted_on_a_small_one(server: Server, tmp_path: Path, name: str) -> None:
    statement, rule, table, rows = BREAKING[name]
    (tmp_path / "baseline.sql").write_text(BEFORE)
    written(tmp_path, server, statement)
    with server.database("empty") as database:
        database.run(BEFORE)
        database.run(ROWS)
        settings = database.settings(pg_sql_dir=str(tmp_path), pg_large_table_rows=1000)

        refused = migrate(settings)

        assert not refused.ok
        assert f"breaks rule {rule} on a large table" in refused.text
        assert f"Found about {rows}" in refused.text, refused.text
        assert f"rows in table {table} (" in refused.text
        assert database.value("SELECT to_regclass('pgmigrate.migrations')") is None
        dry = migrate({**settings, "pg_large_table_rows": 1_000_000}, execute=False)
        assert f"note: 001_m.sql:4: {rule}: " in dry.text, dry.text
        assert f"in table {table} (" in dry.text
        done = migrate({**settings, "pg_large_table_rows": 0})
        assert done.ok, done.text


@pytest.mark.parametrize("name", KEEPING)
def test_what_keeps_nobody_waiting_is_neither(server: Server, tmp_path: Path, name: str) -> None:
    (tmp_path / "baseline.sql").write_text(BEFORE)
    written(tmp_path, server, KEEPING[name])
    with server.database("empty") as database:
        database.run(BEFORE)
        database.run(ROWS)

        done = migrate(database.settings(pg_sql_dir=str(tmp_path), pg_large_table_rows=10))

        assert done.ok, done.text
        assert "note: " not in done.text


@on_all_versions
def test_a_header_accepts_it_and_a_check_that_is_there_makes_it_cheap(server: Server, tmp_path: Path) -> None:
    (tmp_path / "baseline.sql").write_text(BEFORE)
    written(
        tmp_path,
        server,
        "ALTER TABLE a ADD CONSTRAINT given CHECK (n IS NOT NULL) NOT VALID",
        "ALTER TABLE a VALIDATE CONSTRAINT given",
        "ALTER TABLE a ALTER COLUMN n SET NOT NULL",
    )
    accepted = tmp_path / "accepted"
    accepted.mkdir()
    (accepted / "baseline.sql").write_text(BEFORE)
    written(
        accepted,
        server,
        "CREATE INDEX i ON a (n)",
        header="-- purpose: x\n-- safe: blocking-index because a is small\n",
    )
    for folder in (tmp_path, accepted):
        with server.database("empty") as database:
            database.run(BEFORE)
            database.run(ROWS)

            done = migrate(database.settings(pg_sql_dir=str(folder), pg_large_table_rows=10))

            assert done.ok, done.text
            assert "note: " not in done.text
