"""Recording: what runs in one transaction in a run is recorded in one."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyinfra_pgmigrate.lint.rules import findings
from pyinfra_pgmigrate.migrations.effect import Lock
from pyinfra_pgmigrate.migrations.files import load_folder, read_folder

from tests.integration.recordings import lines, on_newest, recorded, recorder_on, refusal, refused_by, written
from tests.support.servers import Server

pytestmark = pytest.mark.usefixtures("nothing_left")


@on_newest
class TestTransactions:
    """What runs in one transaction in a run is recorded in one."""

    def test_set_local_holds_for_the_statements_after_it_and_no_longer(self, server: Server, tmp_path: Path) -> None:
        first, second = recorded(
            server,
            written(
                tmp_path,
                "SET LOCAL search_path = side; CREATE TABLE b (id integer);",
                "CREATE TABLE c (id integer);",
                baseline="CREATE SCHEMA side;",
            ),
        )

        assert lines(first) == ["+ column side.b.id integer", "+ table side.b"]
        assert lines(second) == ["+ column c.id integer", "+ table c"]

    def test_set_local_ends_where_a_statement_needs_a_transaction_of_its_own(
        self, server: Server, tmp_path: Path
    ) -> None:
        text = "SET LOCAL search_path = side; CREATE TABLE a (id integer); CREATE INDEX CONCURRENTLY i ON side.a (id); CREATE TABLE b (id integer);"

        (effect,) = recorded(server, written(tmp_path, text, baseline="CREATE SCHEMA side;"))

        assert "+ table side.a" in lines(effect)
        assert "+ table b" in lines(effect)

    def test_a_temporary_table_lives_until_its_transaction_ends(self, server: Server, tmp_path: Path) -> None:
        text = "CREATE TEMP TABLE t ON COMMIT DROP AS SELECT 7 AS a; CREATE TABLE b AS SELECT a FROM t; INSERT INTO b SELECT * FROM t;"

        (effect,) = recorded(server, written(tmp_path, text))

        assert lines(effect) == ["+ column b.a integer", "+ table b"]

    def test_a_temporary_table_is_no_concern_of_the_next_migration(self, server: Server, tmp_path: Path) -> None:
        folder = written(
            tmp_path, "CREATE TEMP TABLE t (a integer); PREPARE q AS SELECT 1;", "PREPARE q AS SELECT a FROM t;"
        )

        assert 'could not record 002_m.sql, line 4: relation "t" does not exist' in refusal(server, folder)

    def test_a_new_enum_value_is_not_used_in_the_same_file(self, server: Server, tmp_path: Path) -> None:
        baseline = "CREATE TYPE mood AS ENUM ('good'); CREATE TABLE a (m mood);"
        uses = [
            "ALTER TABLE a ALTER COLUMN m SET DEFAULT 'bad'",
            "INSERT INTO a VALUES ('bad')",
            "CREATE INDEX i ON a (m) WHERE m = 'bad'",
            "ALTER TABLE a ADD CHECK (m <> 'worse')",
        ]
        with recorder_on(server, written(tmp_path, "ALTER TYPE mood ADD VALUE 'bad';", *uses, baseline=baseline)) as it:
            apart = [it.record(migration, base="") for migration in read_folder(tmp_path)[:-1]]
        together = [f"ALTER TYPE mood ADD VALUE '{use.split(chr(39))[1]}';\n\n{use};" for use in uses]
        with recorder_on(server, written(tmp_path, *together, baseline=baseline)) as it:
            found = [refused_by(it, migration) for migration in read_folder(tmp_path)[: len(uses)]]

        assert len(apart) == len(uses)
        for number, text in enumerate(found, start=1):
            assert f"could not record 00{number}_m.sql, line 6: unsafe use of new value" in text
            assert "Found SQLSTATE 55P04" in text
            assert "HINT: Split it into two migrations" in text

    def test_a_value_of_an_enum_made_in_the_same_file_may_be_used(self, server: Server, tmp_path: Path) -> None:
        text = (
            "CREATE TYPE mood AS ENUM ('good'); CREATE TABLE a (m mood DEFAULT 'good'); INSERT INTO a DEFAULT VALUES;"
        )

        assert len(recorded(server, written(tmp_path, text))) == 1

    def test_deferred_constraints_are_checked_at_the_end(self, server: Server, tmp_path: Path) -> None:
        baseline = "CREATE TABLE a (id integer PRIMARY KEY); CREATE TABLE b (id integer REFERENCES a DEFERRABLE INITIALLY DEFERRED);"
        held = "INSERT INTO b VALUES (1); INSERT INTO a VALUES (1);"
        broken = "INSERT INTO b VALUES (2);\nINSERT INTO a VALUES (3);"

        found = refusal(server, written(tmp_path, held, broken, baseline=baseline))

        assert 'could not record 002_m.sql, line 5: insert or update on table "b" violates foreign key' in found
        assert "at the end of the transaction of statements 1 to 2" in found

    def test_what_deferred_triggers_change_is_recorded(self, server: Server, tmp_path: Path) -> None:
        baseline = """CREATE TABLE a (id integer);
            CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN CREATE TABLE late (id integer); RETURN NULL; END $$;
            CREATE CONSTRAINT TRIGGER t AFTER INSERT ON a DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION f();"""

        (effect,) = recorded(server, written(tmp_path, "INSERT INTO a VALUES (1);", baseline=baseline))

        assert "+ table late" in lines(effect)

    def test_pending_deferred_rows_are_told_with_their_cure(self, server: Server, tmp_path: Path) -> None:
        baseline = "CREATE TABLE a (id integer PRIMARY KEY); CREATE TABLE b (id integer REFERENCES a DEFERRABLE INITIALLY DEFERRED);"
        insert, alter = "INSERT INTO a VALUES (1); INSERT INTO b VALUES (1);", "ALTER TABLE b ADD COLUMN c integer;"

        assert "HINT: Write SET CONSTRAINTS ALL IMMEDIATE;" in refusal(
            server, written(tmp_path, insert + alter, baseline=baseline)
        )
        assert len(recorded(server, written(tmp_path, f"{insert} SET CONSTRAINTS ALL IMMEDIATE; {alter}"))) == 1

    def test_commit_inside_a_block_is_told_with_its_cure(self, server: Server, tmp_path: Path) -> None:
        found = refusal(server, written(tmp_path, "DO $$ BEGIN COMMIT; END $$"))

        assert "Found SQLSTATE 2D000" in found
        assert "HINT: Leave COMMIT out" in found

    def test_the_isolation_level_of_the_file_is_that_of_its_first_step(self, server: Server, tmp_path: Path) -> None:
        shows = "INSERT INTO seen VALUES (current_setting('transaction_isolation'))"
        text = f"BEGIN ISOLATION LEVEL SERIALIZABLE; {shows}; COMMIT;"
        mixed = f"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; {shows}; VACUUM seen; {shows};"
        folder = written(tmp_path, text, mixed, baseline="CREATE TABLE seen (level text);")
        (folder / "002_m.verify.sql").write_text(
            "SELECT 'seen' AS object, s AS problem FROM (SELECT string_agg(level, ', ') AS s FROM seen) AS x "
            "WHERE s <> 'serializable, repeatable read, read committed'"
        )

        first, second = recorded(server, folder)

        assert [len(first.statements), len(second.statements)] == [1, 3]

    def test_an_empty_migration_has_an_empty_effect(self, server: Server, tmp_path: Path) -> None:
        recorded(server, written(tmp_path, "", "-- nothing to do here\n", "BEGIN; COMMIT;"))

        assert [(one.stale, one.effect and one.effect.statements) for one in load_folder(tmp_path)] == [(None, ())] * 3

    def test_a_lock_is_told_with_each_statement_that_deals_with_the_table(self, server: Server, tmp_path: Path) -> None:
        text = "ALTER TABLE a ADD COLUMN c integer; CREATE INDEX i ON a (c); ALTER TABLE a ADD CHECK (c > 0); UPDATE a SET c = 1; UPDATE b SET id = 1;"

        (effect,) = recorded(
            server, written(tmp_path, text, baseline="CREATE TABLE a (id integer); CREATE TABLE b (id integer);")
        )

        assert [one.locks for one in effect.statements] == [
            (Lock("AccessExclusiveLock", "a"),),
            (Lock("ShareLock", "a"),),
            (Lock("AccessExclusiveLock", "a"),),
            (Lock("RowExclusiveLock", "a"),),
            (Lock("RowExclusiveLock", "b"),),
        ]
        (migration,) = load_folder(tmp_path)
        assert {one.rule for one in findings([migration])} == {
            "blocking-index",
            "blocking-constraint",
            "mixed",
            "whole-table",
        }

    def test_locks_of_our_own_reading_are_not_the_statements(self, server: Server, tmp_path: Path) -> None:
        baseline = "CREATE TABLE a (id integer CHECK (id > 0)); CREATE VIEW v AS SELECT id FROM a; CREATE TABLE b (id integer);"

        (effect,) = recorded(server, written(tmp_path, "UPDATE b SET id = 1; DELETE FROM b;", baseline=baseline))

        assert [one.locks for one in effect.statements] == [(Lock("RowExclusiveLock", "b"),), ()]
