"""How a step runs on a database that is in use: locks, retries, INVALID indexes."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import on_versions
from tests.support.harness import migrate, status
from tests.support.migrations import MIGRATIONS, record, run_statement
from tests.support.servers import Database, Server
from tests.support.transactions import QUICK, open_transaction
from tests.support.waiting import wait_for
from tests.support.writers import Writers, longest_stall_s

pytestmark = pytest.mark.usefixtures("one_by_one")


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
