"""Recording: what a migration does on a scratch database is what it does in a run."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from pyinfra_pgmigrate.migrations.effect import Lock
from pyinfra_pgmigrate.migrations.files import load_folder
from pyinfra_pgmigrate.migrations.record import record_folder

from tests.integration.recordings import (
    IN_BATCHES,
    conninfo,
    lines,
    on_newest,
    on_oldest_and_newest,
    recorded,
    refusal,
    with_role,
    written,
)
from tests.support.harness import migrate
from tests.support.migrations import MIGRATIONS, copied
from tests.support.servers import Database, Server

pytestmark = pytest.mark.usefixtures("nothing_left")


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


@on_newest
class TestBatches:
    BATCH = """WITH batch AS (
        SELECT id FROM a WHERE id > COALESCE(NULLIF(current_setting('pgmigrate.batch_after', true), ''), '0')::integer
        ORDER BY id LIMIT current_setting('pgmigrate.batch_size')::integer
    ),
    done AS (UPDATE a SET done = true FROM batch WHERE a.id = batch.id RETURNING a.id)
    SELECT (SELECT max(id) FROM batch) AS last_key, (SELECT count(*) FROM done) AS row_count"""
    BASELINE = "CREATE TABLE a (id integer, done boolean); INSERT INTO a SELECT generate_series(1, 2500);"

    def test_they_run_to_their_end_as_in_a_run(self, server: Server, tmp_path: Path) -> None:
        folder = written(tmp_path, IN_BATCHES + self.BATCH, baseline=self.BASELINE)
        (folder / "001_m.verify.sql").write_text(
            "SELECT 'a' AS object, id::text AS problem FROM a WHERE done IS NOT true"
        )

        (effect,) = recorded(server, folder)

        assert effect.statements[0].locks == (Lock("RowExclusiveLock", "a"),)

    def test_batches_without_end_are_refused(self, server: Server, tmp_path: Path) -> None:
        text = "SELECT 7 AS last_key, count(*) AS row_count FROM a"

        found = refusal(server, written(tmp_path, IN_BATCHES + text, baseline=self.BASELINE))

        assert "cannot run 001_m.sql, line 5, in batches: they have no end" in found

    def test_other_columns_are_refused(self, server: Server, tmp_path: Path) -> None:
        found = refusal(server, written(tmp_path, IN_BATCHES + "DELETE FROM a", baseline=self.BASELINE))

        assert "Found the columns (none); expected last_key and row_count" in found


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
