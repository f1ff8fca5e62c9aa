"""Recording: what a migration does on a scratch database is what it does in a run, and nothing is left behind."""

from __future__ import annotations

import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import psycopg
import pytest
from pyinfra_pgmigrate.cli import main
from pyinfra_pgmigrate.errors import Kind, PgMigrateError
from pyinfra_pgmigrate.lint.rules import findings
from pyinfra_pgmigrate.migrations.effect import Effect, Lock, parse
from pyinfra_pgmigrate.migrations.files import Migration, load_folder, read_folder
from pyinfra_pgmigrate.migrations.record import Recorder, record_folder, recorder

from tests.conftest import on_versions
from tests.support.cli import PGMIGRATE
from tests.support.harness import migrate
from tests.support.migrations import MIGRATIONS, copied
from tests.support.servers import Database, Server
from tests.support.waiting import wait_for

HEADER = "-- purpose: try\n-- phase: contract\n\n"
SCRATCH = "SELECT datname FROM pg_database WHERE datname LIKE 'pgmigrate_scratch_%' ORDER BY 1"

# Both in each run where what the server prints counts; the others on the newest, and on all in "make soak".
on_oldest_and_newest = on_versions(15, 18)
on_newest = on_versions(18)


def written(folder: Path, *migrations: str, baseline: str = "") -> Path:
    """Writes migrations 1, 2, ... and a baseline into a folder."""
    if baseline:
        (folder / "baseline.sql").write_text(baseline)
    for number, text in enumerate(migrations, start=1):
        (folder / f"{number:03}_m.sql").write_text(text if text.startswith("-- purpose") else HEADER + text)
    return folder


def conninfo(server: Server, **more: Any) -> str:
    return psycopg.conninfo.make_conninfo(**{**server.conninfo, "dbname": "postgres", **more})


def recorded(server: Server, folder: Path) -> list[Effect]:
    """Records a folder, writes its effect files and returns them."""
    effects = []
    for name, text in record_folder(folder, conninfo(server)).items():
        (folder / name).write_text(text)
        effects.append(parse(text, source=name))
    return effects


def refusal(server: Server, folder: Path) -> str:
    with pytest.raises(PgMigrateError) as caught:
        record_folder(folder, conninfo(server))
    assert caught.value.refusal.kind is Kind.FILE
    return str(caught.value)


@contextmanager
def recorder_on(server: Server, folder: Path) -> Iterator[Recorder]:
    """Gives a recorder that has run the baseline of a folder."""
    with recorder(conninfo(server), tell=print) as found:
        found.run_baseline(folder)
        yield found


def refused_by(recorder: Recorder, migration: Migration) -> str:
    with pytest.raises(PgMigrateError) as caught:
        recorder.record(migration, base="")
    return str(caught.value)


def lines(effect: Effect) -> list[str]:
    return effect.patch.render()


def scratch_databases(server: Server) -> list[str]:
    with server.connect("postgres") as connection:
        return [name for (name,) in connection.execute(SCRATCH)]


@pytest.fixture(autouse=True)
def nothing_left(server: Server) -> Iterator[None]:
    """Whatever a test did, no scratch database is there afterwards."""
    yield
    assert scratch_databases(server) == []


@contextmanager
def recording(server: Server, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Starts the command, waits until it is asleep in a statement, and ends it at the latest here."""
    # Tests may run in the background, where a shell ignores the signals of a terminal; whoever types it does not.
    command = ["env", "--default-signal=HUP,INT", str(PGMIGRATE), "record", str(folder), "--server", conninfo(server)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as process:
        try:
            wait_for(lambda: sleepers(server), what="a statement at work", seconds=60)
            yield process
        finally:
            process.kill()


def sleepers(server: Server) -> list[tuple[Any, ...]]:
    with server.connect("postgres") as connection:
        return connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname LIKE 'pgmigrate_scratch_%' AND wait_event = 'PgSleep'"
        ).fetchall()


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


@on_newest
class TestEnvironment:
    """What a migration sets for its session, and what the controller's environment says, changes no line."""

    STAMP = "CREATE TABLE {} (at timestamptz CHECK (at > '2000-01-01 00:00+00'), \"Odd\" interval DEFAULT '1 day 2 hours', b bytea DEFAULT 'x')"

    SETTINGS = (
        "SELECT set_config('search_path', 'x', false)",
        "SELECT set_config('search_path', '', false)",
        "SELECT set_config('TimeZone', 'Europe/Berlin', false)",
        "SELECT set_config('DateStyle', 'German', false), set_config('IntervalStyle', 'iso_8601', false)",
        "SELECT set_config('quote_all_identifiers', 'on', false), set_config('bytea_output', 'escape', false)",
        "SET LOCAL TimeZone = 'Asia/Tokyo'",
        "DO $$ BEGIN SET TimeZone = 'Asia/Tokyo'; SET quote_all_identifiers = on; END $$",
        "SET LOCAL ROLE record_nobody",
        "SET LOCAL SESSION AUTHORIZATION record_nobody",
        "DO $$ BEGIN SET SESSION AUTHORIZATION record_nobody; END $$",
        "SELECT set_config('role', 'record_nobody', false)",
    )

    def test_a_setting_reaches_neither_the_lines_nor_the_next_migration(self, server: Server, tmp_path: Path) -> None:
        with_role(server, "record_nobody")
        baseline = "CREATE SCHEMA x; GRANT ALL ON SCHEMA public TO record_nobody;"
        texts = [self.STAMP.format("first")]
        for number, setting in enumerate(self.SETTINGS):
            texts += [f"{setting}; {self.STAMP.format(f'public.a{number}')};", self.STAMP.format(f"b{number}")]

        plain, *found = recorded(server, written(tmp_path, *texts, baseline=baseline))

        for number, setting in enumerate(self.SETTINGS):
            for place, name in ((0, f"a{number}"), (1, f"b{number}")):
                expected = [line.replace("first", name) for line in lines(plain)]
                assert sorted(lines(found[2 * number + place])) == sorted(expected), (setting, name)

    def test_no_limit_of_a_migration_holds_for_our_reading(self, server: Server, tmp_path: Path) -> None:
        text = "SELECT set_config('statement_timeout', '1', false); SELECT 1; SELECT set_config('transaction_read_only', 'on', true);"

        assert len(recorded(server, written(tmp_path, text, "CREATE TABLE a (id integer)"))) == 2

    def test_a_setting_holds_for_the_statements_after_it_as_in_psql(self, server: Server, tmp_path: Path) -> None:
        text = "SELECT set_config('search_path', 'x', false); CREATE TABLE a (id integer);"

        (effect,) = recorded(server, written(tmp_path, text, baseline="CREATE SCHEMA x;"))

        assert "+ table x.a" in lines(effect)

    def test_the_controllers_environment_changes_nothing(
        self, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = written(tmp_path, self.STAMP.format("a"), "CREATE TABLE größe (ä text DEFAULT 'ü')")
        before = record_folder(folder, conninfo(server))
        for name, value in {
            "PGCLIENTENCODING": "LATIN1",
            "PGOPTIONS": "-c search_path=pg_catalog -c default_transaction_read_only=on",
            "PGTZ": "Asia/Tokyo",
            "PGDATESTYLE": "German",
            "TZ": "Asia/Tokyo",
        }.items():
            monkeypatch.setenv(name, value)

        assert record_folder(folder, conninfo(server)) == before


def with_role(server: Server, name: str, options: str = "") -> None:
    """Makes a role on the server of the test, where it is not there yet."""
    with server.connect("postgres") as connection:
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchall():
            connection.execute(f"CREATE ROLE {name} {options}".encode())


@on_newest
class TestBatches:
    HEADER = "-- purpose: try\n-- phase: data\n-- batch: keyset\n\n"
    BATCH = """WITH batch AS (
        SELECT id FROM a WHERE id > COALESCE(NULLIF(current_setting('pgmigrate.batch_after', true), ''), '0')::integer
        ORDER BY id LIMIT current_setting('pgmigrate.batch_size')::integer
    ),
    done AS (UPDATE a SET done = true FROM batch WHERE a.id = batch.id RETURNING a.id)
    SELECT (SELECT max(id) FROM batch) AS last_key, (SELECT count(*) FROM done) AS row_count"""
    BASELINE = "CREATE TABLE a (id integer, done boolean); INSERT INTO a SELECT generate_series(1, 2500);"

    def test_they_run_to_their_end_as_in_a_run(self, server: Server, tmp_path: Path) -> None:
        folder = written(tmp_path, self.HEADER + self.BATCH, baseline=self.BASELINE)
        (folder / "001_m.verify.sql").write_text(
            "SELECT 'a' AS object, id::text AS problem FROM a WHERE done IS NOT true"
        )

        (effect,) = recorded(server, folder)

        assert effect.statements[0].locks == (Lock("RowExclusiveLock", "a"),)

    def test_batches_without_end_are_refused(self, server: Server, tmp_path: Path) -> None:
        text = "SELECT 7 AS last_key, count(*) AS row_count FROM a"

        found = refusal(server, written(tmp_path, self.HEADER + text, baseline=self.BASELINE))

        assert "cannot run 001_m.sql, line 5, in batches: they have no end" in found

    def test_other_columns_are_refused(self, server: Server, tmp_path: Path) -> None:
        found = refusal(server, written(tmp_path, self.HEADER + "DELETE FROM a", baseline=self.BASELINE))

        assert "Found the columns (none); expected last_key and row_count" in found


@on_oldest_and_newest
class TestWholeServer:
    """What stays when the scratch database goes is refused, also where the text does not show it."""

    BLOCKS = (
        ("CREATE ROLE record_new", 'the role "record_new"'),
        ("ALTER ROLE record_old CONNECTION LIMIT 3", 'the role "record_old"'),
        ("ALTER ROLE record_old PASSWORD ''hidden''", "the role"),
        ("DROP ROLE record_old", 'the role "record_old"'),
        ("GRANT pg_read_all_data TO record_old", 'the membership "record_old in pg_read_all_data"'),
        ("ALTER ROLE record_old SET work_mem = ''1MB''", "the"),
        ("ALTER DATABASE postgres SET work_mem = ''1MB''", 'the setting "all roles in postgres"'),
        ("GRANT CREATE ON DATABASE postgres TO record_old", 'the database "postgres"'),
        ("COMMENT ON ROLE record_old IS ''x''", 'the comment "role record_old"'),
        ("GRANT CREATE ON TABLESPACE pg_default TO record_old", 'the tablespace "pg_default"'),
        ("GRANT SET ON PARAMETER work_mem TO record_old", 'the parameter "work_mem"'),
    )

    def test_a_block_that_changes_it_is_refused_and_undone(self, server: Server, tmp_path: Path) -> None:
        with_role(server, "record_old")
        before = whole_server(server)
        texts = [
            f"CREATE TABLE a (id integer);\n\nDO $$ BEGIN EXECUTE '{statement}'; END $$;\nSELECT 1;"
            for statement, _ in self.BLOCKS
        ]
        with recorder_on(server, written(tmp_path, *texts)) as it:
            refused = [refused_by(it, migration) for migration in read_folder(tmp_path)]

        assert whole_server(server) == before
        for (_, found), text in zip(self.BLOCKS, refused, strict=True):
            assert ", line 6: what belongs to the whole server is no part of a migration" in text
            assert f"Found that it changes {found}" in text
            assert "from pyinfra.operations" in text

    def test_so_is_one_in_batches_and_one_in_a_trigger(self, server: Server, tmp_path: Path) -> None:
        before = whole_server(server)
        function = """CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN CREATE ROLE record_new; RETURN NULL; END $$;
            CREATE TABLE a (id integer);
            CREATE CONSTRAINT TRIGGER t AFTER INSERT ON a DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION f();"""
        batch = "WITH x AS (INSERT INTO a VALUES (1)) SELECT NULL AS last_key, 1 AS row_count"

        in_trigger = refusal(server, written(tmp_path, function, "INSERT INTO a VALUES (1);"))
        (tmp_path / "001_m.sql").write_text(HEADER + function.replace("DEFERRABLE INITIALLY DEFERRED", ""))
        (tmp_path / "002_m.sql").write_text(TestBatches.HEADER + batch)
        in_batches = refusal(server, tmp_path)

        assert 'Found that it changes the role "record_new"' in in_trigger
        assert 'Found that it changes the role "record_new"' in in_batches
        assert whole_server(server) == before

    @pytest.mark.parametrize("statement", ["CREATE ROLE record_new", "DO $$ BEGIN CREATE ROLE record_new; END $$"])
    def test_so_is_one_in_the_baseline(self, server: Server, tmp_path: Path, statement: str) -> None:
        before = whole_server(server)

        found = refusal(server, written(tmp_path, "SELECT 1", baseline=f"SELECT 1;\n{statement};"))

        assert "cannot use baseline.sql, line 2: what belongs to the whole server" in found
        assert whole_server(server) == before

    def test_a_baseline_may_make_roles_on_a_server_that_is_thrown_away(self, server: Server, tmp_path: Path) -> None:
        folder = written(
            tmp_path,
            "CREATE TABLE a (id integer); GRANT SELECT ON a TO record_reader;",
            "DO $$ BEGIN CREATE ROLE record_new; END $$",
            baseline="CREATE ROLE record_reader;",
        )
        try:
            with recorder(conninfo(server), is_throwaway=True, tell=print) as it:
                it.run_baseline(folder)
                first, second = read_folder(folder)

                assert "+ table a" in lines(it.record(first, base=""))
                assert 'changes the role "record_new"' in refused_by(it, second)
        finally:
            server.administer("DROP ROLE {}", "record_reader")

    def test_what_others_do_meanwhile_is_not_held_against_a_migration(self, server: Server, tmp_path: Path) -> None:
        text = """DO $$ BEGIN
            WHILE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'record_others') LOOP PERFORM pg_sleep(0.01); END LOOP;
            END $$;
            CREATE TABLE a (id integer);"""
        found: list[Effect] = []
        worker = threading.Thread(target=lambda: found.extend(recorded(server, written(tmp_path, text))))
        worker.start()
        try:
            wait_for(lambda: sleepers(server), what="the migration at work", seconds=60)
        finally:
            with_role(server, "record_others")
            worker.join()
            server.administer("DROP ROLE {}", "record_others")

        assert lines(found[0]) == ["+ column a.id integer", "+ table a"]

    def test_a_missing_role_is_told_with_its_cure(self, server: Server, tmp_path: Path) -> None:
        found = refusal(server, written(tmp_path, "CREATE TABLE a (); GRANT SELECT ON a TO record_missing;"))

        assert 'role "record_missing" does not exist' in found
        assert "HINT: Record on a server that has the role" in found


@on_oldest_and_newest
def test_a_missing_extension_is_told_with_its_cure(server: Server, tmp_path: Path) -> None:
    found = refusal(server, written(tmp_path, "CREATE EXTENSION IF NOT EXISTS nobody_has_this;"))

    assert "HINT: Record on a server that has the extension" in found


def whole_server(server: Server) -> list[tuple[Any, ...]]:
    """Returns roles, memberships, settings, databases and comments of the server."""
    with server.connect("postgres") as connection:
        return connection.execute(
            "SELECT 'role', to_jsonb(r)::text FROM pg_authid AS r UNION ALL SELECT 'member', to_jsonb(m)::text FROM pg_auth_members AS m"
            " UNION ALL SELECT 'setting', to_jsonb(s)::text FROM pg_db_role_setting AS s"
            " UNION ALL SELECT 'database', concat_ws(' ', datname, datdba, datacl, datconnlimit) FROM pg_database WHERE datname = 'postgres'"
            " UNION ALL SELECT 'tablespace', to_jsonb(t)::text FROM pg_tablespace AS t"
            " UNION ALL SELECT 'parameter', to_jsonb(p)::text FROM pg_parameter_acl AS p"
            " UNION ALL SELECT 'comment', to_jsonb(c)::text FROM pg_shdescription AS c ORDER BY 1, 2"
        ).fetchall()


@on_newest
class TestNothingIsRefusedWithoutNeed:
    BASELINE = """
        CREATE TABLE a (id integer PRIMARY KEY, n text); CREATE INDEX i ON a (n); CREATE VIEW v AS SELECT id FROM a;
        CREATE MATERIALIZED VIEW m AS SELECT id FROM a; CREATE UNIQUE INDEX mi ON m (id); CREATE SEQUENCE s;
        CREATE TYPE mood AS ENUM ('good'); CREATE DOMAIN d AS integer; CREATE SCHEMA side;
        CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
        CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION f(); CREATE POLICY p ON a;
        CREATE PROCEDURE proc() LANGUAGE sql AS 'SELECT 1'; CREATE PUBLICATION pub;
        ALTER TABLE a ADD CONSTRAINT positive CHECK (id > 0);
    """

    TEXTS = (
        "DO $$ BEGIN PERFORM 1; END $$",
        "CALL proc()",
        "VACUUM a; VACUUM (FULL, ANALYZE) a; VACUUM",
        "ANALYZE a; ANALYZE",
        "REINDEX TABLE a; REINDEX INDEX i; REINDEX (CONCURRENTLY) TABLE a; REINDEX SCHEMA public",
        "CLUSTER a USING i; CLUSTER",
        "LOCK TABLE a IN ACCESS EXCLUSIVE MODE; LOCK TABLE a IN SHARE MODE NOWAIT",
        "REFRESH MATERIALIZED VIEW m; REFRESH MATERIALIZED VIEW CONCURRENTLY m",
        "TRUNCATE a RESTART IDENTITY",
        "COMMENT ON TABLE a IS 'x'; COMMENT ON COLUMN a.id IS 'x'; COMMENT ON INDEX i IS 'x'; COMMENT ON VIEW v IS 'x'; COMMENT ON SCHEMA side IS 'x'",
        "COMMENT ON SEQUENCE s IS 'x'; COMMENT ON TYPE mood IS 'x'; COMMENT ON DOMAIN d IS 'x'; COMMENT ON FUNCTION f() IS 'x'; COMMENT ON PROCEDURE proc() IS 'x'",
        "COMMENT ON TRIGGER t ON a IS 'x'; COMMENT ON POLICY p ON a IS 'x'; COMMENT ON CONSTRAINT positive ON a IS 'x'; COMMENT ON PUBLICATION pub IS 'x'; COMMENT ON MATERIALIZED VIEW m IS 'x'",
        "PREPARE q AS SELECT 1; EXECUTE q; DEALLOCATE q",
        "DECLARE c CURSOR FOR SELECT id FROM a; FETCH ALL FROM c; CLOSE c",
        "LISTEN x; NOTIFY x; UNLISTEN *",
        "EXPLAIN ANALYZE SELECT 1; SHOW work_mem; VALUES (1); TABLE a; CHECKPOINT",
        "SELECT id INTO b FROM a; CREATE TABLE c AS TABLE a WITH NO DATA",
        "SELECT lo_create(424242); COMMENT ON LARGE OBJECT 424242 IS 'x'",
        "SET LOCAL work_mem = '1MB'; SET CONSTRAINTS ALL DEFERRED",
        "CREATE SUBSCRIPTION sub CONNECTION 'dbname=nowhere' PUBLICATION pub WITH (connect = false)",
        "DROP INDEX CONCURRENTLY i; CREATE INDEX CONCURRENTLY i ON a (n)",
    )

    def test_what_psql_would_run_is_recorded(self, server: Server, tmp_path: Path) -> None:
        effects = recorded(server, written(tmp_path, *self.TEXTS, baseline=self.BASELINE))

        assert all(effect.statements for effect in effects)

    def test_tables_of_other_schemas_show_their_locks(self, server: Server, tmp_path: Path) -> None:
        baseline = "CREATE SCHEMA side; CREATE TABLE side.a (id integer); CREATE INDEX i ON side.a (id);"

        (effect,) = recorded(server, written(tmp_path, "DROP INDEX CONCURRENTLY side.i", baseline=baseline))

        assert effect.statements[0].locks == (Lock("ShareUpdateExclusiveLock", "side.a"),)


@on_oldest_and_newest
class TestRun:
    """What was recorded is what a run does: nothing is unexpected, and a second run changes nothing."""

    CASES = (
        ("SET LOCAL search_path = side; CREATE TABLE a (id integer);", "to_regclass('side.a') IS NOT NULL"),
        ("SELECT set_config('search_path', 'side', false); CREATE TABLE b (id integer);", "to_regclass('side.b') IS NOT NULL"),
        ("CREATE TABLE c (id integer);", "to_regclass('public.c') IS NOT NULL"),
        ("SELECT set_config('TimeZone', 'Asia/Tokyo', false); CREATE TABLE d (at timestamptz CHECK (at > '2000-01-01 00:00+00'));", "to_regclass('d') IS NOT NULL"),
        ("SET LOCAL ROLE record_nobody; CREATE TABLE side.e (id integer);", "to_regclass('side.e') IS NOT NULL"),
        ("", "true"),
        ("BEGIN; CREATE TABLE f (id integer); COMMIT;", "to_regclass('f') IS NOT NULL"),
        ("BEGIN ISOLATION LEVEL SERIALIZABLE; INSERT INTO seen VALUES (current_setting('transaction_isolation')); CREATE TABLE g (id integer); COMMIT;", "'serializable' IN (SELECT level FROM seen)"),
        ("CREATE TEMP TABLE t ON COMMIT DROP AS SELECT 'x' AS a; INSERT INTO seen SELECT a FROM t; CREATE TABLE h (id integer);", "(SELECT count(*) FROM seen) = 2"),
        ("INSERT INTO late VALUES (1);", "to_regclass('late_made') IS NOT NULL"),
        ("SELECT set_config('session_replication_role', 'replica', false);", "true"),
        ("INSERT INTO late VALUES (2);", "(SELECT count(*) FROM late_made) = 2"),
    )  # fmt: skip
    BASELINE = """CREATE SCHEMA side; GRANT ALL ON SCHEMA side TO record_nobody; CREATE TABLE seen (level text);
        CREATE TABLE late (id integer);
        CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN CREATE TABLE IF NOT EXISTS late_made (id integer); INSERT INTO late_made VALUES (1); RETURN NULL; END $$;
        CREATE CONSTRAINT TRIGGER t AFTER INSERT ON late DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION f();"""

    def test_it_does_what_was_recorded(self, server: Server, tmp_path: Path) -> None:
        with_role(server, "record_nobody")
        folder = written(tmp_path, *(text for text, _ in self.CASES), baseline=self.BASELINE)
        recorded(server, folder)
        with server.database("empty") as database:
            database.run(self.BASELINE)

            # All in one session: what one sets could reach the next.
            first = migrate(database.settings(pg_sql_dir=str(folder), pg_batch_from=2))
            again = migrate(database.settings(pg_sql_dir=str(folder)))

            assert first.ok, first.text
            assert [text for text, holds in self.CASES if not database.value(f"SELECT {holds}")] == []
            assert database.value("SELECT count(*) FROM pgmigrate.migrations") == len(self.CASES)
            assert again.ok, again.text
            assert again.changed == []


class TestEnds:
    """However a recording ends, its database goes."""

    BASELINE = """CREATE TABLE a (id integer); INSERT INTO a VALUES (1);
        CREATE FUNCTION slow(integer) RETURNS integer IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(600); RETURN $1; END $$;"""

    @pytest.mark.parametrize(
        ("number", "statement"),
        [
            (signal.SIGINT, "SELECT pg_sleep(600)"),
            (signal.SIGTERM, "CREATE INDEX CONCURRENTLY i ON a (slow(id))"),
            (signal.SIGHUP, "SELECT pg_sleep(600)"),
        ],
    )
    def test_it_is_dropped_when_the_program_is_stopped(
        self, server: Server, tmp_path: Path, number: int, statement: str
    ) -> None:
        with recording(server, written(tmp_path, statement, baseline=self.BASELINE)) as process:
            assert len(scratch_databases(server)) == 1
            process.send_signal(number)
            output, _ = process.communicate(timeout=60)

            assert process.returncode == 128 + number
            assert "Traceback" not in output
            assert scratch_databases(server) == []

    def test_it_is_dropped_with_its_sessions_after_an_error(self, server: Server, tmp_path: Path) -> None:
        text = (
            "CREATE SUBSCRIPTION sub CONNECTION 'dbname=nowhere' PUBLICATION pub WITH (connect = false);\nSELECT 1 / 0;"
        )

        assert "division by zero" in refusal(server, written(tmp_path, text))
        assert scratch_databases(server) == []

    def test_one_that_a_killed_run_left_is_dropped_by_the_next(self, server: Server, tmp_path: Path) -> None:
        folder = written(tmp_path, "SELECT pg_sleep(600)")
        with recording(server, folder) as process:
            process.kill()
            process.communicate(timeout=60)
        (name,) = scratch_databases(server)
        told: list[str] = []
        (folder / "001_m.sql").write_text(HEADER)

        # It is still in use: its last statement does not know that nobody waits for it.
        record_folder(folder, conninfo(server), tell=told.append)
        assert scratch_databases(server) == [name]
        with server.connect("postgres") as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s", [name]
            )
        # It is young: whoever makes one needs a moment to connect to it.
        record_folder(folder, conninfo(server), tell=told.append)
        assert scratch_databases(server) == [name]
        old = f"pgmigrate_scratch_{int(name.split('_')[2]) - 600}_{name.split('_')[3]}"
        server.administer("ALTER DATABASE {} RENAME TO {}", name, old)
        assert told == []

        record_folder(folder, conninfo(server), tell=told.append)

        with server.connect("postgres") as connection:
            there = connection.execute("SELECT * FROM pg_stat_activity WHERE datname = %s", [old]).fetchall()
        assert told == [f"dropped {old}, which an earlier recording left"], there
        assert scratch_databases(server) == []

    def test_whoever_looks_into_it_does_not_keep_it(self, server: Server, tmp_path: Path) -> None:
        with recorder_on(server, tmp_path) as it:
            other = psycopg.connect(it.conninfo)
            other.execute("CREATE TABLE a (id integer)")

        assert scratch_databases(server) == []
        other.close()

    def test_a_database_of_somebody_else_stays(self, server: Server, tmp_path: Path) -> None:
        name = "pgmigrate_scratch_of_mine"
        server.administer("CREATE DATABASE {}", name)
        try:
            recorded(server, written(tmp_path, "SELECT 1"))

            assert scratch_databases(server) == [name]
        finally:
            server.administer("DROP DATABASE {}", name)


@on_newest
class TestRefusals:
    """What cannot be recorded is said in three lines."""

    def test_without_createdb(self, server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        with_role(server, "record_plain", "LOGIN PASSWORD 'plain'")
        reach = conninfo(server, user="record_plain", password="plain")

        assert main(["record", str(written(tmp_path, "SELECT 1")), "--server", reach]) == 1

        assert capsys.readouterr().err.splitlines() == [
            "could not make a scratch database: permission denied to create database",
            'DETAIL: Found role "record_plain"; expected one that may make databases.',
            'HINT: Run as a superuser: ALTER ROLE "record_plain" CREATEDB; or record on the embedded PostgreSQL, without --server.',
        ]

    @pytest.mark.parametrize(
        ("baseline", "message"),
        [
            (b"SELECT 1;\nSELECT FROM FROM;", 'cannot use baseline.sql, line 2: syntax error at or near "FROM"'),
            (b"SELECT 1;\nSELECT nothing;", 'could not record baseline.sql, line 2: column "nothing" does not exist'),
            (b"SELECT 1;\nSELECT '\xfc';", "could not read baseline.sql, line 2: it is no UTF-8 text"),
            (b"COPY a FROM STDIN;", "could not record baseline.sql, line 1: "),
        ],
    )
    def test_a_baseline_that_does_not_run(
        self, server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], baseline: bytes, message: str
    ) -> None:
        (written(tmp_path, "SELECT 1") / "baseline.sql").write_bytes(baseline)

        assert main(["record", str(tmp_path), "--server", conninfo(server)]) == 1

        first, *others = capsys.readouterr().err.splitlines()
        assert first.startswith(message)
        assert [line.split(" ")[0] for line in others] == ["DETAIL:", "HINT:"]

    def test_a_baseline_may_end_within_a_transaction_or_bring_its_own(self, server: Server, tmp_path: Path) -> None:
        baseline = "BEGIN; CREATE TABLE a (id integer); COMMIT; BEGIN; CREATE TABLE b (id integer);"

        (effect,) = recorded(server, written(tmp_path, "CREATE TABLE b AS TABLE a;", baseline=baseline))

        assert "+ table b" in lines(effect)


def test_a_dump_is_a_baseline(server: Server, legacy: Database, tmp_path: Path) -> None:
    folder = copied(tmp_path)
    command = [str(server.bin_dir / "pg_dump"), "--schema-only", "--no-owner", conninfo(server, dbname=legacy.name)]
    dump = subprocess.run(command, check=True, capture_output=True, text=True).stdout

    (folder / "baseline.sql").write_text(dump)
    first = recorded(server, folder)
    (folder / "baseline.sql").write_text(re.sub(r"(restrict) \w+", r"\1 another", dump))

    assert "restrict " in dump
    assert [effect.statements for effect in first] == [
        migration.effect.statements for migration in MIGRATIONS if migration.effect is not None
    ]
    assert [migration.stale for migration in load_folder(folder)] == [None] * len(first)


class TestAgain:
    """Recording again, where effects are there: those that are current stay, if they are right."""

    FILES: ClassVar[tuple[str, ...]] = (
        "CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1)",
        "ALTER TABLE a ADD COLUMN n text; CREATE INDEX CONCURRENTLY a_n ON a (n); VACUUM a",
        "ALTER TABLE a ALTER n SET DEFAULT 'x'",
    )

    def _written(self, server: Server, folder: Path, **more: Any) -> tuple[dict[str, str], list[str]]:
        told: list[str] = []
        texts = record_folder(folder, conninfo(server), tell=told.append, **more)
        for name, text in texts.items():
            (folder / name).write_bytes(text.encode())
        return texts, told

    @pytest.fixture
    def looked(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """Names of the migrations that were recorded, and not only run."""
        found: list[str] = []
        record = Recorder.record

        def noted(recording: Recorder, migration: Migration, *, base: str) -> Effect:
            found.append(migration.name)
            return record(recording, migration, base=base)

        monkeypatch.setattr(Recorder, "record", noted)
        return found

    def test_only_what_is_new_is_recorded(self, server: Server, tmp_path: Path, looked: list[str]) -> None:
        folder = written(tmp_path, *self.FILES)
        whole, _ = self._written(server, folder)
        again = written(tmp_path, *self.FILES, "CREATE VIEW v AS SELECT * FROM a")
        looked.clear()

        texts, told = self._written(server, again, reuses=True)

        assert looked == ["004_m"]
        assert {name: texts[name] for name in whole} == whole
        assert told == []
        assert texts == record_folder(again, conninfo(server))

    def test_one_that_is_missing_alone(self, server: Server, tmp_path: Path, looked: list[str]) -> None:
        folder = written(tmp_path, *self.FILES)
        whole, _ = self._written(server, folder)
        (folder / "002_m.effect").unlink()
        looked.clear()

        assert self._written(server, folder, reuses=True)[0] == whole
        assert looked == ["002_m"]

    @pytest.mark.parametrize("wrong", ["+ column a.n text\n", "+ index a_n"])
    def test_one_that_says_something_else_has_all_recorded(
        self, server: Server, tmp_path: Path, looked: list[str], wrong: str
    ) -> None:
        folder = written(tmp_path, *self.FILES)
        whole, _ = self._written(server, folder)
        path = folder / "002_m.effect"
        changed = path.read_text().replace(wrong, wrong.replace("a", "b", 1))
        assert changed != path.read_text()
        path.write_text(changed)
        looked.clear()

        texts, told = self._written(server, folder, reuses=True)

        assert texts == whole
        assert looked == ["001_m", "002_m", "003_m"]
        assert "the recorded effects do not lead to this catalog" in told[0]

    def test_one_that_cannot_be_read(self, server: Server, tmp_path: Path) -> None:
        folder = written(tmp_path, *self.FILES)
        whole, _ = self._written(server, folder)
        (folder / "001_m.effect").write_text("nothing of the kind\n")

        assert self._written(server, folder, reuses=True)[0] == whole

    def test_what_fails_on_the_way_is_told_as_when_it_is_recorded(self, server: Server, tmp_path: Path) -> None:
        folder = written(tmp_path, *self.FILES)
        self._written(server, folder)
        (folder / "001_m.verify.sql").write_text("SELECT 'a' AS object, 'wrong' AS problem")

        with pytest.raises(PgMigrateError, match=r"cannot use 001_m\.verify\.sql"):
            self._written(server, folder, reuses=True)
