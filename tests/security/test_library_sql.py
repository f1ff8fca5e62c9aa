"""What the library itself runs as superuser calls nothing that others made, in any deploy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.security.traps import gained, role_of, set_traps
from tests.support.backups import taken
from tests.support.harness import Result, migrate, restore, rollback, status, validate
from tests.support.migrations import record
from tests.support.servers import Database, Server

# No operator in it: what a migration itself calls is its author's business.
BOOKS = {
    "baseline": "CREATE TABLE books (id bigint PRIMARY KEY, code text NOT NULL, title varchar(40));\n"
    "CREATE UNIQUE INDEX books_code ON books (code);\n"
    "CREATE TABLE copies (id bigint PRIMARY KEY, book_id bigint REFERENCES books ON DELETE CASCADE);",
    "001_add_notes": "-- purpose: notes\n-- phase: schema\n\nCREATE TABLE notes (id bigint PRIMARY KEY, note text);\n"
    "COMMENT ON TABLE notes IS 'of readers';",
    "001_add_notes.verify": "SELECT 'notes' AS object, 'none' AS problem LIMIT 0;",
    "002_add_edition": "-- purpose: editions\n-- phase: schema\n\nALTER TABLE books ADD COLUMN edition text NOT NULL DEFAULT 'first';\n"
    "CREATE UNIQUE INDEX books_code_edition ON books (code, edition);\nDROP INDEX books_code;",
    "003_index": "-- purpose: index\n-- phase: schema\n\nCREATE INDEX CONCURRENTLY books_title ON books (title);",
    "004_fill": "-- purpose: fill\n-- phase: data\n\nUPDATE books SET title = title;",
    "rollback_books": "-- purpose: back\n-- reverts: 001-004\n\nDROP TABLE IF EXISTS notes;\nDROP INDEX IF EXISTS books_title;\n"
    "ALTER TABLE books DROP COLUMN IF EXISTS edition;",
}


@pytest.fixture
def trapped(server: Server) -> Iterator[Database]:
    with server.database("empty") as database:
        database.run(BOOKS["baseline"])
        database.run(
            "INSERT INTO books VALUES (1, 'a', 'A'), (2, 'b', 'B'); INSERT INTO copies VALUES (1, 1), (2, 1), (3, 2)"
        )
        with role_of(database, "mallory") as session:
            assert set_traps(session) > 1000
            yield database


@pytest.fixture
def settings(trapped: Database, server: Server, tmp_path: Path) -> dict[str, Any]:
    sql = tmp_path / "sql"
    sql.mkdir()
    for name, text in BOOKS.items():
        (sql / f"{name}.sql").write_text(text + "\n")
    record(sql, server)
    (sql / "queries").mkdir()
    (sql / "queries" / "all_books.sql").write_text(
        "-- purpose: all of them\n\nSELECT id, title FROM books ORDER BY id\n"
    )
    (sql / "totals").mkdir()
    (sql / "totals" / "titles.sql").write_text("-- purpose: all of them\n\nSELECT id, code FROM books LIMIT 0\n")
    return trapped.settings(
        pg_sql_dir=str(sql),
        pg_skip_backup=False,
        pg_backup_dir=str(tmp_path / "backups"),
        pg_measure="always",
        pg_on_conflict="quarantine",
        pg_dependents="quarantine",
    )


def test_the_traps_are_traps(trapped: Database) -> None:
    """Adds to the other: a superuser who looks at the catalog as everybody does falls into them."""
    with pytest.raises(Exception, match="the trap of mallory was called"):
        trapped.run("SELECT 1 FROM pg_class AS c WHERE c.oid = 'books'::regclass")
    with pytest.raises(Exception, match="the trap of mallory was called"):
        trapped.run("SELECT to_json(c.relname) FROM pg_class AS c")


def test_no_deploy_calls_functions_or_operators_of_others(
    trapped: Database, settings: dict[str, Any], tmp_path: Path
) -> None:
    def done(result: Result) -> None:
        assert result.ok, result.text
        assert "the trap of" not in result.text, result.text
        assert not gained(trapped, "mallory")
        trapped.close()

    done(status(settings))
    label = taken(tmp_path / "backups", settings)
    done(migrate(settings))
    done(validate(settings))
    trapped.run("INSERT INTO books VALUES (3, 'a', 'A', 'second'); INSERT INTO copies VALUES (4, 3)")
    trapped.run("INSERT INTO notes VALUES (1, 'good'); CREATE VIEW editions AS SELECT id, edition FROM books")
    done(rollback(settings))
    assert trapped.rows("SELECT id FROM books ORDER BY id") == [(1,), (2,)]
    done(migrate(settings))
    assert trapped.rows("SELECT id, edition FROM editions ORDER BY id") == [(1, "first"), (2, "first"), (3, "second")]
    assert trapped.rows("SELECT note FROM notes") == [("good",)]
    trapped.close()
    done(restore({**settings, "pg_backup": label}))
    done(status(settings))
