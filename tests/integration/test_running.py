"""How a migration runs: what it promises, what others did just before, many in one session."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
from pyinfra_pgmigrate.host.run import Memory
from pyinfra_pgmigrate.registry.model import Observed
from pyinfra_pgmigrate.resources import read_sql

from tests.support.harness import Result, engine_of, migrate, status
from tests.support.migrations import MIGRATIONS, NAMES, record, run_statement
from tests.support.servers import Database, Server
from tests.support.transactions import open_transaction

pytestmark = pytest.mark.usefixtures("one_by_one")


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
        # One in the prepare phase, which counts for the first operation, and one at the end of each migration.
        assert [max(one.applied, default=0) for one in looks] == [0, 0, 1, 2, 3, 4, 5, 6][: 8 if result.ok else 7]
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


def test_a_program_that_ends_before_it_has_read_all_is_an_answer_and_no_traceback(legacy: Database) -> None:
    # As where Ctrl-C ends it meanwhile: more than a pipe holds is still to be sent.
    with engine_of(legacy.settings(_shell_executable="/bin/true")) as engine:
        answer = engine.psql("SELECT 1;\n" * 100_000)

    assert answer.status is None
    assert "ended before it had read all" in answer.errors
