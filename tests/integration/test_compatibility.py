"""What the application as it is does: before, between and after the migrations."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pyinfra_pgmigrate.application.compatibility import load_uses
from pyinfra_pgmigrate.errors import PgMigrateError
from pyinfra_pgmigrate.rehearsal.prepared_session import held

from tests.conftest import on_versions
from tests.integration.test_validation import found
from tests.property.snapshot import environment
from tests.support.backups import copies
from tests.support.contents import RUN, contents_of
from tests.support.harness import migrate, validate
from tests.support.migrations import copied, record
from tests.support.servers import SQL, Database, Server
from tests.support.waiting import wait_for

TRY = {"pg_compatibility": True}
USES = load_uses(SQL)


@on_versions(18)
def test_each_works_before_between_and_after(legacy: Database, record_property: Callable[[str, object], None]) -> None:
    table: dict[str, list[str]] = {use.name: [] for use in USES}
    for target in (0, *range(1, 7)):
        if target:
            assert migrate(legacy.settings(pg_target=target)).ok
        before = contents_of(legacy)
        lines = validate(legacy.settings(**TRY)).lines
        assert contents_of(legacy) == before
        for use in USES:
            (verdict,) = (line.split("  ")[0] for line in lines if line.endswith(f"  compatibility: {use.name}"))
            table[use.name].append(verdict)

    rows = [
        f"{name:20} " + "  ".join(f"{target:03} {verdict}" for target, verdict in enumerate(verdicts))
        for name, verdicts in table.items()
    ]
    record_property("figures", "\n".join(rows))
    assert len(table) == 9
    for use in USES:
        assert table[use.name] == ["PASS"] * 6 + ["WARN" if use.until == 6 else "PASS"]


def test_one_that_fails_is_named_with_the_migration(legacy: Database) -> None:
    assert migrate(legacy.settings(pg_target=2)).ok
    legacy.run("ALTER TABLE project_equipment_groups RENAME COLUMN sort_order TO place")

    result = validate(legacy.settings(**TRY))

    assert not result.ok
    told = found(result, "FAIL  compatibility: insert_group")
    assert 'column "sort_order" of relation "project_equipment_groups" does not exist (SQLSTATE 42703)' in told
    assert (
        "expected that it still works at 002_create_variant_config: add a group without a word about variants" in told
    )


def test_is_tried_as_the_role_that_it_names(legacy: Database, tmp_path: Path) -> None:
    sql = copied(tmp_path)
    (sql / "compatibility" / "read_all.sql").write_text(
        "-- purpose: read all\n-- role: pg_monitor\n\nSELECT * FROM projects;\n"
    )

    result = validate(legacy.settings(**TRY, pg_sql_dir=str(sql)))

    assert "permission denied for table projects" in found(result, "FAIL  compatibility: read_all")
    assert "PASS  compatibility: read_project" in result.text


class TestInTheRehearsal:
    """On the copy; the database itself is not touched where one refuses."""

    @pytest.fixture
    def legacy(self, applied: Database) -> Database:
        return applied

    @pytest.fixture
    def given(self, kept: Callable[..., dict[str, Any]], tmp_path: Path) -> Callable[..., Any]:
        sql = copied(tmp_path)
        return lambda **more: kept(pg_sql_dir=str(sql), pg_verify="none", **more)

    @staticmethod
    def write(tmp_path: Path, name: str, *statements: str) -> None:
        text = ";\n\n".join(statements)
        (tmp_path / "sql" / f"{name}.sql").write_text(f"-- purpose: a test\n-- phase: contract\n\n{text};\n")

    @pytest.mark.usefixtures("one_by_one")
    def test_one_that_fails_after_a_migration_refuses_and_names_both(
        self, legacy: Database, given: Callable[..., Any], tmp_path: Path, server: Server
    ) -> None:
        self.write(tmp_path, "007_harmless", "CREATE TABLE notes (note text)")
        self.write(tmp_path, "008_place", "ALTER TABLE project_equipment_groups RENAME COLUMN sort_order TO place")
        record(tmp_path / "sql", server)
        before = legacy.catalog()

        result = migrate(given())

        assert result.failed == ["Backup and rehearsal"]
        (refusal,) = result.refusals
        assert (
            'compatibility/insert_group.sql worked before and fails after migration "008_place": '
            "add a group without a word about variants"
        ) in refusal
        assert 'column "sort_order" of relation "project_equipment_groups" does not exist (SQLSTATE 42703)' in refusal
        assert "Nothing was run on the database itself" in refusal
        table = [line.split() for line in result.lines if line.startswith("rehearsal:")]
        assert ["rehearsal:", "before", "007", "008"] in table
        assert ["rehearsal:", "insert_group", "works", "works", "fails"] in table
        assert ["rehearsal:", "insert_role", "works", "works", "works"] in table
        assert legacy.catalog() == before
        assert copies(server) == []
        assert legacy.rows("SELECT 1 FROM pg_stat_activity WHERE application_name ~ 'rehearsed by pgmigrate'") == []

    def test_one_that_failed_before_already_is_a_note(
        self, given: Callable[..., Any], tmp_path: Path, server: Server
    ) -> None:
        (tmp_path / "sql" / "compatibility" / "odd.sql").write_text("-- purpose: odd\n\nSELECT nothing;\n")
        self.write(tmp_path, "007_harmless", "CREATE TABLE notes (note text)")
        self.write(tmp_path, "008_harmless", "CREATE TABLE more (note text)")
        record(tmp_path / "sql", server)

        result = migrate(given(pg_batch_from=2))

        assert result.ok, result.text
        assert (
            "rehearsal: note: compatibility/odd.sql already failed before the migrations: "
            'column "nothing" does not exist (SQLSTATE 42703)'
        ) in result.lines
        # From pg_batch_from on there is no moment between.
        assert ["rehearsal:", "before", "008"] in [line.split() for line in result.lines]

    def test_a_prepared_statement_that_does_not_come_back_fails_as_any_other(
        self, given: Callable[..., Any], tmp_path: Path, server: Server
    ) -> None:
        self.write(tmp_path, "007_away", "ALTER TABLE project_equipment_groups RENAME TO parts")
        record(tmp_path / "sql", server)

        result = migrate(given())

        assert result.failed == ["Backup and rehearsal"]
        assert "(SQLSTATE 42P01); it fails again, and cannot be prepared again." in result.text


@on_versions(15, 18)
def test_a_prepared_statement_fails_each_time_until_it_is_prepared_anew(legacy: Database) -> None:
    """What docs/guides/writing-migrations.md says of it: SQL's PREPARE, and psycopg's own with and without transactions."""
    query = "SELECT * FROM project_roles"
    named = "SELECT id, daily_rate FROM project_roles"
    with (
        legacy.server.connect(legacy.name) as plain,
        legacy.server.connect(legacy.name, prepare_threshold=0) as automatic,
        legacy.server.connect(legacy.name, prepare_threshold=0) as careful,
    ):
        plain.execute(f"PREPARE held AS {query}")
        plain.execute("EXECUTE held")
        automatic.execute(query)
        careful.autocommit = False
        for text in (query, named):
            careful.execute(text)
        careful.commit()
        legacy.run("ALTER TABLE project_roles ADD COLUMN variant_name text NOT NULL DEFAULT 'default'")

        assert [_state(plain, "EXECUTE held") for _ in range(3)] == ["0A000"] * 3
        assert [_state(automatic, query) for _ in range(3)] == ["0A000"] * 3
        # psycopg forgets what it prepared when it rolls back.
        assert [_state(careful, text) for text in (named, query, query, query)] == ["", "0A000", "", ""]
        plain.execute("DEALLOCATE held")
        plain.execute(f"PREPARE held AS {query}")
        automatic.execute("DISCARD ALL")
        assert (_state(plain, "EXECUTE held"), _state(automatic, query)) == ("", "")


def _state(connection: psycopg.Connection[Any], text: str) -> str:
    try:
        connection.execute(text.encode())
    except psycopg.Error as error:
        if not connection.autocommit:
            connection.rollback()
        return error.sqlstate or "none"
    return ""


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("SELECT 1;\n", "Found no purpose"),
        ("-- purpose: x\n-- until: six\n\nSELECT 1;\n", 'until "six"'),
        ("-- purpose: x\n-- phase: data\n\nSELECT 1;\n", 'the key "phase"'),
        ("-- purpose: x\n\nVACUUM;\n", "cannot run in a transaction"),
        ("-- purpose: x\n-- session: new\n\nSELECT 1;\n", 'session "new"'),
        ("-- purpose: x\n-- session: held\n\nSELECT 1; SELECT 2;\n", "something else than one SELECT"),
    ],
)
def test_a_file_that_breaks_a_rule_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "compatibility").mkdir()
    (tmp_path / "compatibility" / "wrong.sql").write_text(text)

    with pytest.raises(PgMigrateError, match=r"wrong\.sql") as caught:
        load_uses(tmp_path)

    assert problem in str(caught.value)


def test_a_session_held_open_ends_by_itself_once_its_run_is_gone(legacy: Database) -> None:
    uses = [use for use in USES if use.is_held]
    script = held(uses, 2, RUN, "public", alone_s=1.0)
    at_work = "SELECT state_change FROM pg_stat_activity WHERE application_name ~ '^application rehearsed by'"
    psql = [str(legacy.server.bin_dir / "psql"), "-X", "-v", "ON_ERROR_STOP=1", "-d", legacy.name, "-f", "-"]

    with subprocess.Popen(
        psql,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment(legacy.server),
        text=True,
    ) as waiting:
        assert waiting.stdin is not None
        waiting.stdin.write(script)
        waiting.stdin.close()
        waiting.stdin = None
        # With company it goes on, well beyond that second.
        (begun,) = wait_for(lambda: legacy.rows(at_work), what="the session", seconds=20)[0]
        wait_for(lambda: legacy.value("SELECT clock_timestamp()") > begun + timedelta(seconds=4), what="a while")
        assert waiting.poll() is None
        legacy.close()
        _, errors = waiting.communicate(timeout=30)

    assert waiting.returncode == 3
    assert "no other session is at work on this copy any more" in errors
