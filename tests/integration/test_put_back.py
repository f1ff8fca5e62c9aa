"""Rows of a table that one migration makes and a later one gives a column: all their values come back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.folders import written
from tests.support.harness import migrate, rollback, status
from tests.support.servers import Database, Server

BEFORE = "CREATE TABLE parent (id integer PRIMARY KEY)"
FIRST = """
CREATE TABLE note (id integer PRIMARY KEY, parent integer REFERENCES parent (id), body text);
CREATE TABLE bare (body text);
"""
LATER = "ALTER TABLE note ADD COLUMN mood text DEFAULT 'fine'; ALTER TABLE bare ADD COLUMN mood text;"
BACK = """-- purpose: take notes back
-- reverts: 001-002

DROP TABLE IF EXISTS note;
DROP TABLE IF EXISTS bare;
"""
NOTES = [(1, 1, "a", "bad"), (2, 2, "b", None), (3, 1, "c", "fine")]


@pytest.fixture
def used(server: Server, tmp_path: Path) -> Iterator[tuple[Database, str]]:
    """A database that was migrated, used and rolled back, and its SQL folder."""
    sql = tmp_path / "sql"
    sql.mkdir()
    (sql / "baseline.sql").write_text(f"{BEFORE};\n")
    written(sql, server, FIRST, LATER)
    (sql / "rollback_notes.sql").write_text(BACK)
    with server.database("empty") as database:
        database.run(f"{BEFORE}; INSERT INTO parent VALUES (1), (2)")
        assert migrate(database.settings(pg_sql_dir=str(sql))).ok
        for row in NOTES:
            database.session.execute("INSERT INTO note VALUES (%s, %s, %s, %s)", row)
        database.run("INSERT INTO bare VALUES ('x', 'y'), (NULL, NULL)")
        assert rollback(database.settings(pg_sql_dir=str(sql))).ok
        yield database, str(sql)


def waiting(database: Database) -> list[tuple[str, str | None, int]]:
    """Returns what is in the quarantine still."""
    found: list[tuple[str, str | None, int]] = database.rows(
        "SELECT table_name, column_name, row_count FROM pgmigrate.quarantines WHERE row_count > 0 ORDER BY 1, 2"
    )
    return found


def test_with_the_column(used: tuple[Database, str]) -> None:
    database, sql = used

    result = migrate(database.settings(pg_sql_dir=sql))

    assert result.ok, result.text
    assert database.rows("SELECT * FROM note ORDER BY id") == NOTES
    assert database.rows("SELECT * FROM bare ORDER BY 1") == [("x", "y"), (None, None)]
    assert waiting(database) == []
    assert database.rows("SELECT 1 FROM pg_tables WHERE tablename LIKE 'quarantine\\_%'") == []


def test_as_far_as_the_columns_are_there(used: tuple[Database, str]) -> None:
    database, sql = used

    assert migrate(database.settings(pg_sql_dir=sql, pg_target=1)).ok

    assert database.rows("SELECT id, parent, body FROM note ORDER BY id") == [row[:3] for row in NOTES]
    # Without a primary key there is nothing to put a value back by: its rows wait for all their columns.
    assert waiting(database) == [("bare", None, 2), ("note", "mood", 3)]
    assert "3 values of note.mood" in status(database.settings(pg_sql_dir=sql)).lines
    assert migrate(database.settings(pg_sql_dir=sql)).ok
    assert database.rows("SELECT * FROM note ORDER BY id") == NOTES
    assert waiting(database) == []


def test_but_what_cannot_be_put_back_stays_whole(used: tuple[Database, str]) -> None:
    database, sql = used
    database.run("DELETE FROM parent WHERE id = 2")

    result = migrate(database.settings(pg_sql_dir=sql))

    assert result.ok, result.text
    assert database.rows("SELECT * FROM note ORDER BY id") == [NOTES[0], NOTES[2]]
    assert waiting(database) == [("note", None, 1)]
    place = database.value("SELECT id FROM pgmigrate.quarantines WHERE row_count > 0")
    assert database.rows(f"SELECT * FROM pgmigrate.quarantine_{place}") == [NOTES[1]]
