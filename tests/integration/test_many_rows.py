"""Files of many statements that write rows: they cost what their rows cost, and are told of one by one all the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyinfra_pgmigrate.migrations import scene

from tests.integration.recordings import recorded
from tests.support.harness import migrate
from tests.support.servers import Server

MANY = 60
TABLES = """CREATE TABLE word (id integer PRIMARY KEY, body text);
CREATE TABLE part (id integer, body text) PARTITION BY RANGE (id);
CREATE TABLE part_low PARTITION OF part FOR VALUES FROM (0) TO (40);
CREATE TABLE part_high PARTITION OF part FOR VALUES FROM (40) TO (1000);
CREATE TABLE told (body text);
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.body = 'makes' THEN CREATE TABLE made_by_a_row (id integer); END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER tells AFTER INSERT ON told FOR EACH ROW EXECUTE FUNCTION tell();
"""
WORDS = [f"INSERT INTO word VALUES ({number}, 'it''s :body {number}')" for number in range(MANY)]


def file_of(statements: list[str]) -> str:
    return ";\n".join(statements) + ";\n"


class TestRecording:
    @pytest.mark.parametrize(
        ("statements", "number", "line"),
        [
            # The first row of another partition takes another lock.
            ([f"INSERT INTO part VALUES ({number}, 'x')" for number in range(MANY)], 41, "RowExclusiveLock part_high"),
            # One row has a trigger make a table.
            (
                [f"INSERT INTO told VALUES ('{'makes' if number == 33 else 'x'}')" for number in range(MANY)],
                34,
                "+ table made_by_a_row",
            ),
            # Each says the same but for what it looks at.
            ([*WORDS[:40], "INSERT INTO word SELECT 100, max(body) FROM told"], 41, "AccessShareLock told"),
        ],
        ids=["partition", "trigger", "another table"],
    )
    def test_what_one_of_them_does_beside_is_told_of_that_one(
        self, server: Server, tmp_path: Path, statements: list[str], number: int, line: str
    ) -> None:
        (tmp_path / "001_tables.sql").write_text(TABLES)
        (tmp_path / "002_rows.sql").write_text(file_of(statements))

        _, effect = recorded(server, tmp_path)

        does = {
            one.number: [*one.patch.render(), *(f"{lock.mode} {lock.relation}" for lock in one.locks)]
            for one in effect.statements
        }
        assert line in does[number]
        assert [one for one, found in does.items() if found] == [1, number]

    def test_they_are_recorded_as_one_by_one(
        self, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        changes = [f"UPDATE word SET body = body || '.' WHERE id = {number}" for number in range(MANY)]
        (tmp_path / "001_tables.sql").write_text(TABLES)
        (tmp_path / "002_rows.sql").write_text(file_of([*WORDS, *changes, "DELETE FROM told"]))

        together = recorded(server, tmp_path)
        monkeypatch.setattr(scene, "_FEWEST_IN_A_ROW", 10**9)

        assert recorded(server, tmp_path) == together


class TestRun:
    def test_the_one_that_fails_is_named_and_nothing_is_left(self, server: Server, tmp_path: Path) -> None:
        (tmp_path / "baseline.sql").write_text(TABLES)
        (tmp_path / "001_rows.sql").write_text(file_of(WORDS))
        recorded(server, tmp_path)
        with server.database("empty") as database:
            database.run(TABLES)
            database.run("INSERT INTO word VALUES (37, 'there')")
            settings = database.settings(pg_sql_dir=str(tmp_path))

            failed = migrate(settings)

            assert (
                "Found SQLSTATE 23505 at INSERT INTO word VALUES (37, 'it''s :body 37'), line 38 of 001_rows.sql"
                in (failed.text)
            )
            assert database.rows("SELECT id FROM word") == [(37,)]

            database.run("DELETE FROM word")
            result = migrate(settings)

            assert result.ok, result.text
            assert database.rows("SELECT * FROM word ORDER BY id") == [
                (number, f"it's :body {number}") for number in range(MANY)
            ]
            assert not migrate(settings).changed

    def test_a_failure_at_the_end_of_the_transaction_is_none_of_theirs(self, server: Server, tmp_path: Path) -> None:
        tables = """CREATE TABLE word (id integer PRIMARY KEY, body text);
        CREATE TABLE child (id integer REFERENCES word (id) DEFERRABLE INITIALLY DEFERRED);"""
        (tmp_path / "baseline.sql").write_text(f"{tables}\nINSERT INTO word SELECT g FROM generate_series(0, 99) AS g;")
        (tmp_path / "001_rows.sql").write_text(file_of([f"INSERT INTO child VALUES ({one})" for one in range(MANY)]))
        recorded(server, tmp_path)
        with server.database("empty") as database:
            database.run(tables)

            failed = migrate(database.settings(pg_sql_dir=str(tmp_path)))

        assert f"Found SQLSTATE 23503 at the end of the transaction of statements 1 to {MANY};" in failed.text
