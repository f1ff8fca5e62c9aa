"""How a step runs on a database that is in use: locks, retries, INVALID indexes, other runs."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pyinfra_pgmigrate.host.run import Memory
from pyinfra_pgmigrate.registry.model import REGISTRY_VERSION, Observed
from pyinfra_pgmigrate.resources import read_sql

from tests.conftest import on_versions
from tests.support.contents import contents_of
from tests.support.harness import Result, migrate, rollback, status
from tests.support.migrations import MIGRATIONS, NAMES, copied, record, run_statement
from tests.support.registries import OLDER, make_older
from tests.support.servers import Database, Server
from tests.support.waiting import wait_for
from tests.support.writers import Writers, longest_stall_s

pytestmark = pytest.mark.usefixtures("one_by_one")

QUICK = {"pg_lock_poll_s": 0.1, "pg_lock_timeout_s": 0.1}


@contextmanager
def open_transaction(
    database: Database, *statements: str, name: str = "night report"
) -> Iterator[psycopg.Connection[Any]]:
    """Keeps a transaction open in a session of its own."""
    with psycopg.connect(
        **{**database.server.conninfo, "dbname": database.name, "application_name": name}
    ) as connection:
        for statement in statements:
            connection.execute(statement.encode())
        yield connection
        connection.rollback()


class TestLocks:
    def test_clients_notice_no_error_and_no_long_stall(self, server: Server) -> None:
        def attempt() -> float:
            with server.database("legacy") as database:
                with Writers(database) as writers:
                    wait_for(lambda: writers.done > 50, what="clients at work")
                    result = migrate(database.settings())
                assert result.ok, result.text
                assert writers.errors == []
                return writers.longest_s

        # A wait in the queue for pg_lock_timeout_s would show as half a second.
        assert longest_stall_s(attempt, 2.0) < 2.0

    def test_a_reader_in_the_way_is_named_and_waited_for(self, legacy: Database) -> None:
        with open_transaction(legacy, "SELECT count(*) FROM project_roles") as reader:
            timer = threading.Timer(1.5, reader.rollback)
            timer.start()
            result = migrate(legacy.settings(**QUICK, pg_target=1))
            timer.join()

        assert result.ok, result.text
        tries = [line for line in result.lines if line.startswith("try ")]
        assert tries
        assert '("night report"), idle in transaction' in tries[0]
        assert "on project_roles" in tries[0]

    def test_it_gives_up_in_time_names_the_blocker_and_changes_nothing(self, legacy: Database) -> None:
        before = legacy.structure()
        with open_transaction(legacy, "SELECT count(*) FROM project_roles") as reader:
            started = time.monotonic()
            result = migrate(legacy.settings(**QUICK, pg_lock_budget_s=1))
            took = time.monotonic() - started
            pid = reader.info.backend_pid

        assert not result.ok
        (refusal,) = result.refusals
        assert 'could not apply migration "001_add_variant_columns": no lock on' in refusal
        assert (
            f'process {pid} of role postgres ("night report"), idle in transaction, its transaction open for' in refusal
        )
        assert f"SELECT pg_terminate_backend({pid});" in refusal
        assert took < 15
        assert legacy.structure() == before
        assert legacy.value("SELECT count(*) FROM pgmigrate.migrations") == 0
        assert legacy.value("SELECT details ->> 'message' FROM pgmigrate.events WHERE event = 'failed'").startswith(
            "lock:"
        )

    def test_readers_do_not_queue_behind_the_tries(self, legacy: Database) -> None:
        waits: list[float] = []
        over = threading.Event()

        def read() -> None:
            with legacy.server.connect(legacy.name) as session:
                while not over.is_set():
                    started = time.monotonic()
                    session.execute("SELECT count(*) FROM project_roles")
                    waits.append(time.monotonic() - started)

        reader = threading.Thread(target=read)
        with open_transaction(legacy, "SELECT count(*) FROM project_roles"):
            reader.start()
            result = migrate(legacy.settings(pg_lock_poll_s=1, pg_lock_timeout_s=0.2, pg_lock_budget_s=2))
            over.set()
            reader.join()

        assert not result.ok
        assert len(waits) > 100
        # pg_lock_timeout_s, and what a busy machine adds.
        assert max(waits) < 0.2 + 0.3

    def test_only_lock_timeouts_and_deadlocks_are_tried_again(self, legacy: Database) -> None:
        legacy.run("ALTER TABLE project_roles ADD CONSTRAINT few CHECK (daily_rate >= 0) NOT VALID")
        legacy.run(
            "CREATE FUNCTION no_index() RETURNS event_trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'not on a Friday' USING ERRCODE = 'P0001'; END $$;"
            " CREATE EVENT TRIGGER no_index ON ddl_command_start WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION no_index()"
        )

        result = migrate(legacy.settings(pg_target=1))

        assert not result.ok
        assert not [line for line in result.lines if line.startswith("try ")]
        assert "not on a Friday" in result.text
        assert "SQLSTATE P0001" in result.text


class TestIndexes:
    @on_versions(18)
    def test_an_old_snapshot_delays_concurrent_builds_and_breaks_none(self, legacy: Database) -> None:
        run_statement(legacy, MIGRATIONS[0], 1)
        run_statement(legacy, MIGRATIONS[0], 2)

        def release(snapshot: psycopg.Connection[Any]) -> None:
            """Ends the snapshot when the run has looked who keeps it waiting, twice."""
            with legacy.server.connect(legacy.name) as session:
                watching = "SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'pgmigrate % watch'"

                def is_watching() -> bool:
                    return session.execute(watching).fetchone() is not None

                for _ in range(2):
                    wait_for(is_watching, what="a look at who keeps it waiting", seconds=30)
                    wait_for(lambda: not is_watching(), what="its end", seconds=30)
            snapshot.rollback()

        with open_transaction(
            legacy, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", "SELECT count(*) FROM customers"
        ) as snapshot:
            age = "SELECT now() - xact_start > interval '1 s' FROM pg_stat_activity WHERE pid = %s"
            wait_for(lambda: legacy.value(age, snapshot.info.backend_pid), what="an old snapshot")
            releaser = threading.Thread(target=release, args=(snapshot,))
            releaser.start()
            result = migrate(legacy.settings(**QUICK, pg_target=1))
            releaser.join()

        assert result.ok, result.text
        assert any(line.startswith("will wait for process") and "night report" in line for line in result.lines)
        assert any(line.startswith("waiting for process") and "night report" in line for line in result.lines)
        assert legacy.value("SELECT count(*) FROM pg_index WHERE NOT indisvalid") == 0

    def test_an_invalid_leftover_is_built_again(self, legacy: Database, clean_structure: frozenset[str]) -> None:
        for number in (1, 2, 3, 4, 5):
            run_statement(legacy, MIGRATIONS[0], number)
        legacy.run("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'idx_project_roles_variant'::regclass")

        predicted = migrate(legacy.settings(), execute=False)
        result = migrate(legacy.settings())

        assert "001_add_variant_columns: partial, would run 1 of 5 statements" in predicted.lines
        assert result.ok, result.text
        assert legacy.structure() == clean_structure

    @on_versions(15)
    def test_a_drop_that_is_cut_off_is_finished_by_the_next_run(self, server: Server, tmp_path: Path) -> None:
        texts = {
            "001_make.sql": "CREATE TABLE note (id integer PRIMARY KEY, body text); CREATE INDEX note_body ON note (body);",
            "002_drop.sql": "DROP INDEX CONCURRENTLY note_body; CREATE VIEW notes AS SELECT id FROM note;",
        }
        for name, text in texts.items():
            (tmp_path / name).write_text(text)
        record(tmp_path, server)

        def cut_off(name: str) -> None:
            """Ends the session that drops, once the index is INVALID and it waits for who may still use it."""
            waits = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'DROP INDEX CONCURRENTLY%' AND wait_event_type = 'Lock'"
            with server.connect(name) as session:
                wait_for(lambda: session.execute(waits).fetchone() is not None, what="the drop", seconds=30)
                session.execute(f"SELECT pg_terminate_backend(pid) FROM ({waits}) AS w")

        with server.database("empty") as database:
            settings = database.settings(pg_sql_dir=str(tmp_path))
            assert migrate({**settings, "pg_target": 1}).ok
            with open_transaction(database, "SELECT count(*) FROM note"):
                ender = threading.Thread(target=cut_off, args=(database.name,))
                ender.start()
                assert not migrate(settings).ok
                ender.join()
            assert database.value("SELECT count(*) FROM pg_index WHERE NOT indisvalid") == 1

            result = migrate(settings)

            assert result.ok, result.text
            assert database.value("SELECT to_regclass('note_body') IS NULL")
            assert not migrate(settings).changed
            assert "no drift" in status(settings).lines

    def test_a_build_that_fails_leaves_no_invalid_index(self, legacy: Database) -> None:
        legacy.run("DROP INDEX idx_project_equipment_groups_project")
        legacy.run(
            "INSERT INTO project_equipment_groups (project_id, name) SELECT project_id, name FROM project_equipment_groups"
        )

        failed = migrate(legacy.settings())

        assert not failed.ok
        (refusal,) = failed.refusals
        assert "could not create unique index" in refusal
        assert "is duplicated" in refusal
        assert "CREATE UNIQUE INDEX CONCURRENTLY" in refusal
        assert legacy.value("SELECT count(*) FROM pg_index WHERE NOT indisvalid") == 0

        legacy.run(
            "DELETE FROM project_equipment_groups AS g USING project_equipment_groups AS o"
            " WHERE g.project_id = o.project_id AND g.name = o.name AND g.ctid > o.ctid"
        )
        resumed = migrate(legacy.settings())

        assert resumed.ok, resumed.text
        assert legacy.value("SELECT how FROM pgmigrate.migrations WHERE version = 1") == "resumed"


class TestPromises:
    def test_a_change_that_the_effect_does_not_promise_is_undone(self, legacy: Database) -> None:
        migrate(legacy.settings(pg_target=1))
        legacy.run(
            "CREATE FUNCTION audit() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN"
            " IF to_regclass('ddl_audit') IS NULL THEN CREATE TABLE ddl_audit (tag text); END IF; END $$;"
            " CREATE EVENT TRIGGER audit ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION audit()"
        )
        before = legacy.structure()

        result = migrate(legacy.settings())

        assert not result.ok
        assert result.failed == ["002_create_variant_config"]
        (refusal,) = result.refusals
        assert "the catalog changed otherwise than its effect says" in refusal
        assert "+ table ddl_audit" in refusal
        assert legacy.structure() == before

    def test_the_dry_run_takes_no_lock_but_reads_and_writes_nothing(self, legacy: Database) -> None:
        tables = ", ".join(
            name
            for (name,) in legacy.rows(
                "SELECT quote_ident(relname) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            )
        )
        before = legacy.catalog()

        # EXCLUSIVE lets nobody by but plain readers.
        with open_transaction(legacy, f"LOCK TABLE {tables} IN EXCLUSIVE MODE"):
            result = migrate(legacy.settings(), execute=False)

        assert result.ok, result.text
        assert result.predicted == NAMES
        assert "+ table project_variants" in result.lines
        assert legacy.catalog() == before
        assert legacy.value("SELECT to_regclass('pgmigrate.registry') IS NULL")

    def test_the_dry_run_predicts_the_patch_of_every_migration(self, legacy: Database) -> None:
        before = legacy.structure()
        predicted = migrate(legacy.settings(), execute=False)

        migrate(legacy.settings())

        after = legacy.structure()
        assert {line for line in predicted.lines if line.startswith("+ ")} == {f"+ {line}" for line in after - before}
        assert {line for line in predicted.lines if line.startswith("- ")} == {f"- {line}" for line in before - after}

    def test_the_registry_says_who_when_how_long_and_what(self, applied: Database) -> None:
        columns = "name, checksum, applied_by, duration_ms, tool_version, array_length(added, 1), applied_at > now() - interval '1 hour'"
        (row,) = applied.rows(f"SELECT {columns} FROM pgmigrate.migrations WHERE version = 1")
        (run,) = applied.rows(
            "SELECT operator, controller, inventory_host, os_user, role, finished_at IS NOT NULL FROM pgmigrate.runs"
        )
        assert row[0:2] == (NAMES[0], MIGRATIONS[0].checksum)
        assert row[2].startswith("postgres (")
        assert row[3] > 0
        assert row[5:] == (5, True)
        assert all(run)
        assert applied.value(
            "SELECT count(*) FROM pg_description AS d JOIN pg_class AS c ON c.oid = d.objoid"
            " WHERE c.relnamespace = 'pgmigrate'::regnamespace AND d.objsubid > 0"
        ) == applied.value(
            "SELECT count(*) FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid AND c.relkind = 'r'"
            " WHERE c.relnamespace = 'pgmigrate'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped"
        )

    def test_what_others_changed_since_the_last_run_is_told_and_kept(self, legacy: Database) -> None:
        migrate(legacy.settings(pg_target=1))
        legacy.run("CREATE TABLE by_hand (id integer)")

        result = migrate(legacy.settings(pg_target=2))

        assert any(line.startswith("warning: schema drift since the last run: 1 extra") for line in result.lines)
        assert "+ table by_hand" in legacy.value("SELECT drift FROM pgmigrate.runs ORDER BY started_at DESC LIMIT 1")
        assert "no drift" in status(legacy.settings()).lines

    def test_an_old_server_is_refused(self, legacy: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        original = read_sql
        newer = original("psql/session").replace("< 150000", "< 990000")
        monkeypatch.setattr(
            "pyinfra_pgmigrate.psql.script.read_sql", lambda name: newer if name == "psql/session" else original(name)
        )

        result = migrate(legacy.settings())

        assert not result.ok
        assert "is too old" in result.text
        assert "expected 15 or later" in result.text

    def test_targets_and_phases_stop_where_they_say(self, legacy: Database) -> None:
        assert migrate(legacy.settings(pg_target=1)).changed == NAMES[:1]
        assert migrate(legacy.settings(pg_phase="schema")).changed == NAMES[1:2]
        assert migrate(legacy.settings(pg_phase="data")).changed == NAMES[2:3]
        assert migrate(legacy.settings(pg_phase="validation")).changed == NAMES[3:5]
        assert migrate(legacy.settings(pg_phase="contract")).changed == NAMES[5:]

    def test_a_check_fails_while_something_is_pending_or_drifted(self, legacy: Database) -> None:
        check = {"pg_check": True}
        assert not migrate(legacy.settings(**check), execute=False).ok
        migrate(legacy.settings())
        assert migrate(legacy.settings(**check), execute=False).ok
        legacy.run("DROP INDEX idx_projects_owner")
        assert not migrate(legacy.settings(**check), execute=False).ok

    def test_another_schema_is_migrated_with_the_same_effects(self, server: Server) -> None:
        with server.database("empty") as database:
            database.run("CREATE SCHEMA stage; SET search_path = stage")
            database.run(Path(__file__).parents[2].joinpath("sql", "baseline.sql").read_text())
            database.run("RESET search_path")

            result = migrate(database.settings(pg_schema="stage"))

            assert result.ok, result.text
            assert database.value("SELECT to_regclass('stage.project_variants') IS NOT NULL")
            assert database.value("SELECT to_regclass('public.project_variants') IS NULL")
            assert not migrate(database.settings(pg_schema="stage")).changed


class TestBetween:
    """The session of a migration looks at what it leaves: what others do after that look, the next one still sees."""

    @staticmethod
    def migrate_with(database: Database, monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> Result:
        """Migrates, while somebody does something right after migration 4 looked."""
        keep, looks = Memory.saw, []

        def saw(memory: Memory, seen: Observed, schema: str, *, before_all: bool = False) -> None:
            keep(memory, seen, schema, before_all=before_all)
            looks.append(seen)
            if seen.applied.keys() == {1, 2, 3, 4}:
                act()

        with monkeypatch.context() as patched:
            patched.setattr(Memory, "saw", saw)
            result = migrate(database.settings())
        # One in the prepare phase, which counts for the first operation, and one at the end of all but the last.
        assert [max(one.applied, default=0) for one in looks] == [0, 0, 1, 2, 3, 4, 5]
        # The same look, with what was asked of it since.
        assert looks[1] == dataclasses.replace(looks[0], verified=looks[1].verified)
        assert looks[1].catalog is looks[0].catalog
        return result

    def test_what_is_in_place_by_then_is_not_done_again(
        self, legacy: Database, monkeypatch: pytest.MonkeyPatch, clean_structure: frozenset[str]
    ) -> None:
        result = self.migrate_with(legacy, monkeypatch, lambda: run_statement(legacy, MIGRATIONS[4], 1))

        assert result.ok, result.text
        assert legacy.structure() == clean_structure
        assert legacy.value("SELECT count(*) FROM pgmigrate.migrations") == 6
        assert legacy.value("SELECT count(*) FROM pgmigrate.runs WHERE finished_at IS NULL") == 0

    def test_what_stands_in_the_way_by_then_is_refused_and_nobody_waits_for_the_refused_run(
        self, legacy: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        result = self.migrate_with(legacy, monkeypatch, lambda: legacy.run("DROP INDEX idx_project_roles_variant"))
        again = migrate(legacy.settings())

        # 5 had nothing to do with it; the look at its end sees what 6 is refused for.
        assert not result.ok
        assert result.refusals[0].startswith("schema drift")
        assert legacy.value("SELECT max(version) FROM pgmigrate.migrations") == 5
        assert again.refusals[0] == result.refusals[0]
        assert "another run is at work" not in again.text


class TestBatch:
    def many(self, folder: Path, count: int, server: Server) -> Path:
        sql = folder / "many"
        sql.mkdir()
        for number in range(1, count + 1):
            text = f"-- purpose: table {number}\n-- phase: schema\n\nCREATE TABLE t{number} (id integer);\n"
            (sql / f"{number:03}_t{number}.sql").write_text(text)
        record(sql, server)
        return sql

    def test_many_pending_migrations_run_in_one_session_each_with_its_own_row(
        self, server: Server, tmp_path: Path
    ) -> None:
        sql = self.many(tmp_path, 12, server)
        with server.database("empty") as database:
            settings = database.settings(pg_sql_dir=str(sql), pg_batch_from=10)
            result = migrate(settings)

            assert result.ok, result.text
            assert result.changed == ["All from 10 pending on"]
            assert database.value("SELECT count(*) FROM pgmigrate.migrations") == 12
            assert database.value("SELECT count(DISTINCT xmin::text) FROM pgmigrate.migrations") == 1
            assert not migrate(settings).changed

    def test_a_failure_in_the_middle_keeps_what_came_before(self, server: Server, tmp_path: Path) -> None:
        sql = self.many(tmp_path, 12, server)
        with server.database("empty") as database:
            database.run("CREATE DOMAIN t7 AS integer")
            settings = database.settings(pg_sql_dir=str(sql), pg_batch_from=10)
            failed = migrate(settings)

            assert not failed.ok
            assert 'could not apply migration "007_t7": type "t7" already exists' in failed.text
            assert database.value("SELECT max(version) FROM pgmigrate.migrations") == 6

            database.run("DROP DOMAIN t7")
            resumed = migrate(settings)

            assert resumed.ok, resumed.text
            assert database.value("SELECT max(version) FROM pgmigrate.migrations") == 12


class TestOtherMigrations:
    """Migrations of other applications, with what the shipped ones do not have."""

    def folder(self, tmp_path: Path, server: Server, **files: str) -> Path:
        sql = tmp_path / "sql"
        sql.mkdir()
        for name, text in files.items():
            suffix = ".verify.sql" if name.endswith("_verify") else ".sql"
            stem = name.removeprefix("m").removesuffix("_verify")
            (sql / f"{stem}{suffix}").write_text(text)
        record(sql, server)
        return sql

    def test_psql_does_not_look_into_statements(self, server: Server, tmp_path: Path) -> None:
        text = (
            "-- purpose: odd text\n-- phase: schema\n\n"
            "CREATE TABLE odd (a integer[] DEFAULT (ARRAY[1, 2, 3])[1:2], b text DEFAULT E'\\\\d :DBNAME :''x'' \\n',"
            ' "we""ird col" text);\n'
            "COMMENT ON TABLE odd IS 'a ''quoted'' \\! echo :USER';\n"
            "CREATE FUNCTION odd_text() RETURNS text LANGUAGE sql AS $q$ SELECT '\\echo :PORT' $q$;\n"
        )
        sql = self.folder(tmp_path, server, m001_odd=text)
        with server.database("empty") as database:
            result = migrate(database.settings(pg_sql_dir=str(sql)))

            assert result.ok, result.text
            assert database.value("SELECT odd_text()") == "\\echo :PORT"
            assert database.value("SELECT obj_description('odd'::regclass)") == "a 'quoted' \\! echo :USER"
            assert not migrate(database.settings(pg_sql_dir=str(sql))).changed

    def test_a_verify_query_that_cannot_run_is_refused(self, server: Server, tmp_path: Path) -> None:
        sql = self.folder(
            tmp_path,
            server,
            m001_table="-- purpose: a table\n-- phase: schema\n\nCREATE TABLE counted (n integer);\n",
            m001_table_verify="SELECT 'n'::text AS object, (1 / n)::text AS problem FROM counted WHERE 1 / n > 5",
        )
        with server.database("empty") as database:
            settings = database.settings(pg_sql_dir=str(sql))
            assert migrate(settings).ok
            database.run("INSERT INTO counted VALUES (0)")

            result = migrate(settings)

            assert not result.ok
            assert "the verify query could not run: division by zero (SQLSTATE 22012)" in result.text

    def test_pure_data_without_a_verify_query_runs_once(self, server: Server, tmp_path: Path) -> None:
        sql = self.folder(
            tmp_path,
            server,
            m001_table="-- purpose: a table\n-- phase: schema\n\nCREATE TABLE counted (n integer);\n",
            m002_row="-- purpose: a row\n-- phase: data\n\nINSERT INTO counted VALUES (1);\n",
        )
        with server.database("empty") as database:
            for _ in range(2):
                assert migrate(database.settings(pg_sql_dir=str(sql))).ok
            assert database.value("SELECT count(*) FROM counted") == 1

    def test_later_migrations_may_replace_what_earlier_ones_made(self, server: Server, tmp_path: Path) -> None:
        sql = self.folder(
            tmp_path,
            server,
            m001_table="-- purpose: a table\n-- phase: schema\n\nCREATE TABLE thing (id integer, size integer, extra text);\n",
            m002_wider="-- purpose: wider\n-- phase: schema\n\nALTER TABLE thing ALTER COLUMN size TYPE bigint;\n",
            m003_less="-- purpose: less\n-- phase: contract\n\nALTER TABLE thing DROP COLUMN extra;\n",
        )
        with server.database("empty") as database:
            settings = database.settings(pg_sql_dir=str(sql))
            assert migrate(settings).ok
            assert not migrate(settings).changed

            # Without a registry the same is told from the lines alone.
            database.run("DROP SCHEMA pgmigrate CASCADE")
            adopted = migrate(settings)

            assert adopted.ok, adopted.text
            assert database.rows("SELECT how FROM pgmigrate.migrations") == [("adopted",)] * 3

    def test_a_registry_of_a_newer_version_is_refused(self, legacy: Database) -> None:
        migrate(legacy.settings(pg_target=1))
        legacy.run("INSERT INTO pgmigrate.registry (version, tool_version) VALUES (99, '9.9')")

        result = migrate(legacy.settings())

        assert not result.ok
        assert "cannot use a registry of version 99" in result.text

    @pytest.mark.parametrize("version", OLDER)
    def test_an_older_registry_is_read_and_upgraded_by_the_next_run(self, legacy: Database, version: int) -> None:
        migrate(legacy.settings(pg_target=1))
        make_older(legacy, version)
        assert "1 of 6 migrations applied" in status(legacy.settings()).text
        assert legacy.value("SELECT max(version) FROM pgmigrate.registry") == version

        result = migrate(legacy.settings(pg_target=2))

        assert result.ok, result.text
        assert legacy.rows("SELECT version FROM pgmigrate.registry ORDER BY 1") == [
            (one,) for one in range(1, REGISTRY_VERSION + 1)
        ]
        assert legacy.rows("SELECT version, how FROM pgmigrate.migrations ORDER BY 1") == [
            (1, "applied"),
            (2, "applied"),
        ]
        assert legacy.value("SELECT count(*) FROM pgmigrate.quarantines") == 0

    def test_what_an_older_version_kept_is_put_back(self, applied: Database) -> None:
        applied.run("UPDATE project_roles SET variant_name = 'trio' WHERE id IN (SELECT id FROM project_roles LIMIT 3)")
        before = contents_of(applied)
        assert rollback(applied.settings()).ok
        make_older(applied, 2)
        assert "in the quarantine of run" in status(applied.settings()).text

        assert migrate(applied.settings()).ok

        after = contents_of(applied)
        for table in ("public.project_roles", "public.project_variants"):
            assert after.tables[table] == before.tables[table]

    def test_changed_copies_need_recording(self, legacy: Database, tmp_path: Path) -> None:
        sql = copied(tmp_path)
        (sql / "005_add_lookup_indexes.effect").unlink()

        result = migrate(legacy.settings(pg_sql_dir=str(sql)))

        assert not result.ok
        assert 'cannot use migration "005_add_lookup_indexes": its effect is not recorded' in result.text
        assert not result.changed
