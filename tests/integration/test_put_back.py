"""Rows of a table that one migration makes and a later one gives a column: all their values come back."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.rounds import Round, Together
from tests.property.snapshot import take
from tests.support.folders import written
from tests.support.harness import Result, migrate, rollback, status
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


class TestMadeAgain:
    """A table, a column, a sequence that a migration drops and makes again: no patch shows it."""

    STORIES: typing.ClassVar[dict[str, tuple[str, tuple[str, ...], str]]] = {
        "a table": (
            "CREATE TABLE a (id int PRIMARY KEY, n text)",
            ("DROP TABLE a; CREATE TABLE a (id int PRIMARY KEY, n text); INSERT INTO a VALUES (1, 'first')",),
            "UPDATE a SET n = 'changed'; INSERT INTO a VALUES (2, 'x')",
        ),
        "a table that later ones rename": (
            "CREATE TABLE a (id int PRIMARY KEY, n text)",
            ("DROP TABLE a; CREATE TABLE a (id int PRIMARY KEY, n text)", "ALTER TABLE a RENAME TO b", "ALTER TABLE b RENAME TO c"),
            "INSERT INTO c VALUES (1, 'x'), (2, NULL)",
        ),
        "a table of which a later one renames columns": (
            "CREATE TABLE a (id int PRIMARY KEY, n text)",
            ("DROP TABLE a; CREATE TABLE a (id int PRIMARY KEY, n text)",
             'ALTER TABLE a RENAME n TO "x y"; ALTER TABLE a RENAME id TO key'),
            "INSERT INTO a VALUES (1, 'x'), (2, NULL)",
        ),
        "a column that a later one renames": (
            "CREATE TABLE a (id int PRIMARY KEY, n text)",
            ("ALTER TABLE a DROP n; ALTER TABLE a ADD n text", 'ALTER TABLE a RENAME n TO "x y"', "ALTER TABLE a RENAME TO b"),
            "INSERT INTO b VALUES (1, 'x'), (2, NULL)",
        ),
        "a table that was made under another name, and is emptied": (
            "SELECT",
            ("CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (2); ALTER TABLE a RENAME TO b; ALTER TABLE b RENAME TO c",
             "TRUNCATE c; INSERT INTO c VALUES (5)"),
            "INSERT INTO c VALUES (7)",
        ),
        "a table that gets a reference, and is emptied": (
            "CREATE TABLE a (id int PRIMARY KEY, n text); INSERT INTO a VALUES (9)",
            ("ALTER TABLE a ADD up int REFERENCES a ON DELETE SET NULL; TRUNCATE a",
             "CREATE TABLE b (id int REFERENCES a); INSERT INTO a VALUES (3, 'x', NULL); INSERT INTO b VALUES (3)"),
            "INSERT INTO a VALUES (1, 'x', NULL), (2, NULL, 1)",
        ),
        "a table that is changed and emptied": (
            "CREATE TABLE a (id int, n text); CREATE TABLE b (id int)",
            ("ALTER TABLE a ADD m int; ALTER TABLE public.b ADD m int; TRUNCATE a, public.b",),
            "INSERT INTO a VALUES (1, 'x'), (2, NULL); INSERT INTO b VALUES (1, 2)",
        ),
        "values of rows whose key a later one renames": (
            "CREATE TABLE a (id int PRIMARY KEY, n text)",
            ("ALTER TABLE a ADD m int", "ALTER TABLE a RENAME id TO key"),
            "INSERT INTO a VALUES (1, 'x', 10), (2, 'x', 20), (3, 'x', NULL); UPDATE a SET m = m + 1 WHERE key = 1",
        ),
        "values of several columns of rows that nothing else tells apart": (
            "CREATE TABLE a (n text)",
            ("ALTER TABLE a ADD m int, ADD k int DEFAULT 5", "ALTER TABLE a ADD l text"),
            "INSERT INTO a VALUES ('x', NULL, 10, 'a'), ('x', 2, 5, NULL), ('x', 3, 30, 'c'), ('y', NULL, 5, NULL)",
        ),
        "values of rows whose key gets a type that rounds it": (
            "CREATE TABLE a (id numeric PRIMARY KEY, n text); CREATE TABLE b (id numeric, n text)",
            ("ALTER TABLE a ADD m int, ADD k int; ALTER TABLE b ADD m int, ADD k int",
             "ALTER TABLE a ALTER id TYPE varchar(9); ALTER TABLE b ALTER id TYPE varchar(9)"),
            "INSERT INTO a VALUES ('1', 'x', 10, NULL), ('1.0', 'x', NULL, 20), ('3', 'x', 30, 30);"
            "INSERT INTO b VALUES ('2.00', 'x', 20, NULL), ('2', 'x', 10, 10), ('2', 'x', NULL, NULL), ('a'::varchar, 'y', NULL, 5)"
            ";DELETE FROM a WHERE id = '1.0'; DELETE FROM b WHERE id = 'a'",
        ),
        "values of rows whose key gets another type": (
            "CREATE TABLE a (id int PRIMARY KEY, n text); CREATE TABLE b (id int, n text)",
            ("ALTER TABLE a ALTER id TYPE bigint; ALTER TABLE a ADD m int; ALTER TABLE b ALTER id TYPE bigint; ALTER TABLE b ADD m int",
             "ALTER TABLE a DROP n; ALTER TABLE a ADD n text"),
            "INSERT INTO a SELECT 6 - g, 10 * g, NULL FROM generate_series(1, 5) AS g; UPDATE a SET m = NULL WHERE id = 2;"
            "INSERT INTO b VALUES (2, 'x', 20), (1, 'x', 10), (3, 'x', NULL)",
        ),
        "a table, after a step of its own": (
            "CREATE TABLE a (id int PRIMARY KEY, n text); CREATE TABLE b (id int)",
            ("CREATE INDEX CONCURRENTLY i ON b (id); DROP TABLE a; CREATE TABLE a (id int PRIMARY KEY, n text)",),
            "INSERT INTO a VALUES (1, 'x'), (2, NULL)",
        ),
        "a table on which rights are given before that": (
            "CREATE TABLE a (id int PRIMARY KEY, n text)",
            ("GRANT SELECT (n) ON a TO PUBLIC; CREATE VIEW v AS SELECT id, n FROM a; DROP VIEW v; DROP TABLE a;"
             "CREATE TABLE a (id int PRIMARY KEY, n text)",),
            "INSERT INTO a VALUES (1, 'x'), (2, NULL)",
        ),
        "a table without a key": (
            "CREATE TABLE a (n text)",
            ("DROP TABLE a", "CREATE TABLE a (n text, m int UNIQUE)", "INSERT INTO a VALUES ('first')"),
            "INSERT INTO a VALUES ('x', 1), ('x', NULL), ('first', NULL), (NULL, NULL)",
        ),
        "a table that got a column, with its sequence": (
            "CREATE TABLE a (id serial PRIMARY KEY)",
            ("DROP TABLE a; CREATE TABLE a (id serial PRIMARY KEY, n text)", "CREATE TABLE b (id int)"),
            "INSERT INTO a (n) VALUES ('x'), ('y'); DELETE FROM a WHERE n = 'y'",
        ),
        "a column": (
            "CREATE TABLE a (id int PRIMARY KEY, n text, m int DEFAULT 5); CREATE TABLE b (n text, m text)",
            ("ALTER TABLE a DROP COLUMN m, DROP COLUMN n; ALTER TABLE a ADD COLUMN m int DEFAULT 5, ADD COLUMN n text",
             "ALTER TABLE b DROP COLUMN m; ALTER TABLE b ADD COLUMN m text"),
            "INSERT INTO a VALUES (1, 7, 'x'), (2, NULL, NULL); INSERT INTO a VALUES (3); INSERT INTO b VALUES ('y', 'z'), (NULL, NULL)",
        ),
        "a row with a value that a later one adds": (
            "SELECT",
            ("CREATE TYPE mood AS ENUM ('good'); CREATE TABLE a (m mood)", "ALTER TYPE mood ADD VALUE 'bad'"),
            "INSERT INTO a VALUES ('good'), ('bad')",
        ),
        "a sequence": ("CREATE SEQUENCE s", ("DROP SEQUENCE s; CREATE SEQUENCE s",), "SELECT nextval('s'), nextval('s')"),
        "sequences that are restarted": (
            "CREATE SEQUENCE s; CREATE TABLE a (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n serial)",
            ("ALTER SEQUENCE s RESTART WITH 5; ALTER TABLE a ALTER COLUMN id RESTART WITH 7",
             "TRUNCATE a RESTART IDENTITY"),
            "INSERT INTO a DEFAULT VALUES; INSERT INTO a DEFAULT VALUES; SELECT nextval('s')",
        ),
        "sequences that are made and restarted": (
            "SELECT",
            ("CREATE TABLE a (id int GENERATED ALWAYS AS IDENTITY); INSERT INTO a DEFAULT VALUES",
             "TRUNCATE a RESTART IDENTITY"),
            "SELECT",
        ),
        "a table that is emptied": (
            "CREATE TABLE a (id int PRIMARY KEY, n text)",
            ("TRUNCATE a; INSERT INTO a VALUES (1, 'first')",),
            "UPDATE a SET n = 'changed'; INSERT INTO a VALUES (2, 'x')",
        ),
        "a table that two of them make again": (
            "CREATE TABLE a (id int PRIMARY KEY, n text)",
            ("DROP TABLE a; CREATE TABLE a (id int PRIMARY KEY, n text); INSERT INTO a VALUES (1, 'first'), (2, 'gone')",
             "DROP TABLE a; CREATE TABLE a (id int PRIMARY KEY, n text)"),
            "INSERT INTO a VALUES (1, 'x')",
        ),
        "a table that gets a column with a sequence": (
            "CREATE TABLE a (id int PRIMARY KEY)",
            ("DROP TABLE a; CREATE TABLE a (id int PRIMARY KEY); ALTER TABLE a ADD COLUMN m serial, ADD COLUMN n bigint"
             " GENERATED BY DEFAULT AS IDENTITY",),
            "INSERT INTO a VALUES (1), (2); INSERT INTO a VALUES (3, 7, 9)",
        ),
        "a table that an earlier one of them makes": (
            "SELECT",
            ("CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1)",
             "DROP TABLE a; CREATE TABLE a (id int PRIMARY KEY)"),
            "INSERT INTO a VALUES (2)",
        ),
        "a column that got the name before that": (
            "CREATE TABLE a (id int PRIMARY KEY, n text, o text)",
            ("ALTER TABLE a RENAME n TO m; ALTER TABLE a RENAME TO b",
             "ALTER TABLE b ADD COLUMN k text; ALTER TABLE b DROP COLUMN m; ALTER TABLE b RENAME k TO m",
             "ALTER TABLE b RENAME o TO p; ALTER TABLE b DROP COLUMN p; ALTER TABLE b ADD COLUMN p text"),
            "INSERT INTO b VALUES (1, 'x', 'y'), (2, NULL, NULL)",
        ),
        "a table that got the name before that": (
            "CREATE TABLE a (id int, n text); CREATE TABLE c (id int)",
            ("ALTER TABLE a RENAME TO b", "DROP TABLE b; CREATE TABLE b (id int, n text)",
             "ALTER TABLE c RENAME TO d; DROP TABLE d; CREATE TABLE d (id int)"),
            "INSERT INTO b VALUES (1, 'x'), (2, NULL); INSERT INTO d VALUES (7)",
        ),
        "a column that an earlier one makes and another renames": (
            "CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1)",
            ("ALTER TABLE a ADD COLUMN n text DEFAULT 'old'", "ALTER TABLE a RENAME n TO m",
             "ALTER TABLE a DROP COLUMN m; ALTER TABLE a ADD COLUMN m text"),
            "INSERT INTO a VALUES (2, 'x'), (3, NULL); UPDATE a SET m = 'y' WHERE id = 1",
        ),
        "a table and a column in the place of another": (
            "CREATE TABLE a (id int, n text, m text)",
            ("ALTER TABLE a ADD COLUMN k text; ALTER TABLE a DROP COLUMN n; ALTER TABLE a RENAME k TO n",
             "CREATE TABLE b (id int, m text, n text); DROP TABLE a; ALTER TABLE b RENAME TO a"),
            "INSERT INTO a VALUES (1, 'x', 'y'), (2, NULL, NULL)",
        ),
        "values that the migration carries over": (
            "CREATE TABLE a (id int PRIMARY KEY, n text)",
            ("ALTER TABLE a ADD COLUMN k text; UPDATE a SET k = upper(n); ALTER TABLE a DROP COLUMN n;"
             "ALTER TABLE a RENAME k TO n",),
            "INSERT INTO a VALUES (1, 'X'), (2, NULL)",
        ),
        "rows that the migration carries over": (
            "CREATE TABLE a (id int, n text)",
            ("CREATE TEMPORARY TABLE old ON COMMIT DROP AS SELECT * FROM a; DROP TABLE a; CREATE TABLE a (id int, n text);"
             "INSERT INTO a SELECT id, upper(n) FROM old",),
            "INSERT INTO a VALUES (1, 'X'), (2, 'Y')",
        ),
    }  # fmt: skip

    def test_its_rows_come_back(self, server: Server, tmp_path: Path) -> None:
        cases = Together(
            {
                name: Round(migrations, fill, baseline=before)
                for name, (before, migrations, fill) in self.STORIES.items()
            }
        )
        cases.draft(cases.write(tmp_path, server), server)
        with server.database("empty") as database:
            cases.run(database, "baseline")
            settings = database.settings(pg_sql_dir=str(tmp_path))
            cases.ok(migrate(settings))
            cases.run(database, "fill")
            filled = take(database)
            cases.ok(rollback(settings))

            cases.ok(migrate(settings))

            assert cases.told(take(database).differences(filled)) == {}
            assert waiting(database) == []

    def test_what_was_written_between_comes_back_too(self, server: Server, tmp_path: Path) -> None:
        (tmp_path / "baseline.sql").write_text("CREATE TABLE a (id int PRIMARY KEY);\n")
        written(tmp_path, server, "DROP TABLE a; CREATE TABLE a (id int PRIMARY KEY)")
        (tmp_path / "rollback_all.sql").write_text("-- purpose: back\n-- reverts: 001-001\n\nSELECT;\n")
        with server.database("empty") as database:
            database.run("CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (0)")
            settings = database.settings(pg_sql_dir=str(tmp_path))
            assert migrate(settings).ok
            database.run("INSERT INTO a VALUES (1), (2)")
            assert rollback(settings).ok
            database.run("INSERT INTO a VALUES (3); DELETE FROM a WHERE id = 1")

            forward = migrate(settings)

            assert forward.ok, forward.text
            # Not the row from before: the migration dropped it when it ran first.
            assert database.rows("SELECT id FROM a ORDER BY 1") == [(2,), (3,)]
            assert "nothing to do" in migrate(settings).text


class TestScriptsThatMakeAgain:
    """What a script drops and makes again is in no patch either."""

    BEFORE = "CREATE TABLE a (id int PRIMARY KEY, n text)"

    def _used(self, server: Server, folder: Path, database: Database, script: str) -> Result:
        (folder / "baseline.sql").write_text(f"{self.BEFORE};\n")
        written(folder, server, "ALTER TABLE a ADD COLUMN m int")
        (folder / "rollback_all.sql").write_text(f"-- purpose: back\n-- reverts: 001-001\n\n{script};\n")
        database.run(f"{self.BEFORE}; INSERT INTO a VALUES (1, 'x')")
        assert migrate(database.settings(pg_sql_dir=str(folder))).ok
        database.run("INSERT INTO a VALUES (2, 'y', 5)")
        return rollback(database.settings(pg_sql_dir=str(folder)))

    @pytest.mark.parametrize(
        "script",
        [
            f"DROP TABLE IF EXISTS public.a; {BEFORE}",
            "ALTER TABLE a DROP COLUMN n; ALTER TABLE a DROP COLUMN m; ALTER TABLE a ADD COLUMN n text",
        ],
    )
    def test_its_rows_are_kept_and_come_back(self, server: Server, tmp_path: Path, script: str) -> None:
        with server.database("empty") as database:
            result = self._used(server, tmp_path, database, script)

            assert result.ok, result.text
            assert migrate(database.settings(pg_sql_dir=str(tmp_path))).ok
            assert sorted(database.rows("SELECT id, n, m FROM a")) == [(1, "x", None), (2, "y", 5)]
            assert waiting(database) == []

    @pytest.mark.parametrize(
        ("script", "told"),
        [
            (f"DO $$ BEGIN DROP TABLE a; {BEFORE}; END $$", "table public.a"),
            ("DO $$ BEGIN ALTER TABLE a DROP COLUMN m, DROP COLUMN n; ALTER TABLE a ADD COLUMN n text; END $$",
             "a column of table public.a"),
        ],
    )  # fmt: skip
    def test_what_no_statement_shows_is_refused(self, server: Server, tmp_path: Path, script: str, told: str) -> None:
        with server.database("empty") as database:
            result = self._used(server, tmp_path, database, script)

            assert not result.ok
            assert f"its rows would not be kept: the script drops {told}" in result.text
            assert sorted(database.rows("SELECT id, n, m FROM a")) == [(1, "x", None), (2, "y", 5)]
