"""Tables that have columns from others, partitions among them: their backups, their rows and their drift."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.folders import written
from tests.support.harness import backup, migrate, restore, status, validate
from tests.support.servers import Server

TABLES = """
CREATE TABLE grand (id integer PRIMARY KEY, note text, ends date);
CREATE TABLE parent (x integer) INHERITS (grand);
CREATE TABLE child (y integer) INHERITS (parent);
CREATE TABLE orders (id integer, at date, note text, more varchar(9), PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE orders_2024 PARTITION OF orders FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
"""
ROWS = """
INSERT INTO parent VALUES (1, 'a', NULL, 2);
INSERT INTO child VALUES (2, 'b', '2024-01-01', 3, 4);
INSERT INTO orders VALUES (1, '2024-05-05', 'x', 'y');
"""


def test_backups_of_children_verify_and_restore_after_their_parents_got_columns(server: Server, tmp_path: Path) -> None:
    (tmp_path / "baseline.sql").write_text(TABLES)
    more = ["ALTER TABLE grand ADD COLUMN alpha text", "ALTER TABLE parent ADD COLUMN beta integer DEFAULT 7"]
    written(tmp_path, server, *more, "CREATE TABLE later (id integer)")
    with server.database("empty") as database:
        database.run(TABLES + ROWS)
        settings = database.settings(
            pg_sql_dir=str(tmp_path), pg_skip_backup=False, pg_backup_dir=str(tmp_path / "backups")
        )
        assert migrate({**settings, "pg_target": 2}).ok
        database.run("UPDATE child SET alpha = 'c'; UPDATE parent SET alpha = 'p' WHERE alpha IS NULL")

        result = migrate(settings)
        assert result.ok, result.text
        assert backup(settings).ok
        before = [
            sorted(database.rows(f"SELECT to_jsonb(t) - 'x' || jsonb_build_object('x', x) FROM {one} AS t"), key=str)
            for one in ("parent", "child")
        ]
        database.run("DELETE FROM grand")
        database.close()
        result = restore({**settings, "pg_backup": "latest"})

        assert result.ok, result.text
        after = [
            sorted(database.rows(f"SELECT to_jsonb(t) - 'x' || jsonb_build_object('x', x) FROM {one} AS t"), key=str)
            for one in ("parent", "child")
        ]
        assert after == before


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE orders DROP COLUMN note; ALTER TABLE grand DROP COLUMN note",
        "ALTER TABLE orders RENAME COLUMN note TO words; ALTER TABLE grand RENAME COLUMN note TO words",
        "ALTER TABLE orders ALTER COLUMN more TYPE text; ALTER TABLE grand ALTER COLUMN ends TYPE timestamp",
    ],
    ids=["drop", "rename", "type"],
)
def test_what_a_migration_does_to_columns_of_a_parent_is_no_loss_of_its_children(
    server: Server, tmp_path: Path, change: str
) -> None:
    (tmp_path / "baseline.sql").write_text(TABLES)
    written(tmp_path, server, change)
    with server.database("empty") as database:
        database.run(TABLES + ROWS)
        settings = database.settings(
            pg_sql_dir=str(tmp_path), pg_skip_backup=False, pg_backup_dir=str(tmp_path / "backups"), pg_rehearse="off"
        )
        result = migrate(settings)

        assert result.ok, result.text
        assert "0 FAIL" in validate(settings).text


@pytest.mark.parametrize(
    ("change", "repair"),
    [
        (
            "ALTER TABLE orders_2024 ALTER COLUMN note SET NOT NULL",
            "ALTER TABLE orders_2024 ALTER COLUMN note DROP NOT NULL;",
        ),
        (
            "ALTER TABLE orders_2024 ALTER COLUMN note SET DEFAULT 'x'",
            "ALTER TABLE orders_2024 ALTER COLUMN note DROP DEFAULT;",
        ),
        (
            "ALTER TABLE orders_2024 ALTER COLUMN own DROP NOT NULL",
            "ALTER TABLE orders_2024 ALTER COLUMN own SET NOT NULL;",
        ),
    ],
)
def test_a_column_of_a_partition_that_others_changed_is_changed_and_can_be_repaired(
    server: Server, tmp_path: Path, change: str, repair: str
) -> None:
    own = "ALTER TABLE orders ADD COLUMN own text; ALTER TABLE orders_2024 ALTER COLUMN own SET NOT NULL;"
    (tmp_path / "baseline.sql").write_text(TABLES + own)
    written(tmp_path, server, "CREATE TABLE first (id integer)")
    with server.database("empty") as database:
        database.run(TABLES + own)
        settings = database.settings(pg_sql_dir=str(tmp_path))
        assert migrate(settings).ok
        database.run(change)

        found = status({**settings, "pg_check": True})

        assert not found.ok
        assert re.search(r"changed +column orders_2024[.]", found.text), found.text
        assert repair in found.text
        database.run(repair)
        assert "no drift" in status(settings).text
