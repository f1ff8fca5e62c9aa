"""Migrations run on a restored copy first; on dockerized PostgreSQL 17 and others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import on_docker, on_versions
from tests.support.backups import copies, labels
from tests.support.contents import contents_of
from tests.support.harness import backup, migrate
from tests.support.migrations import copied, record
from tests.support.servers import Database, Server


def _migration_with_a_unique_rule(tmp_path: Path, server: Server) -> Path:
    sql = copied(tmp_path)
    (sql / "007_unique_customer_names.sql").write_text(
        "-- purpose: no two customers of one name\n-- phase: contract\n\n"
        "CREATE UNIQUE INDEX CONCURRENTLY one_customer_a_name ON customers (name);\n"
    )
    record(sql, server)
    return sql


class TestRehearsal:
    @on_docker
    def test_a_migration_that_fails_on_real_rows_only_never_reaches_the_database(
        self, legacy: Database, kept: Callable[..., dict[str, Any]], tmp_path: Path, server: Server
    ) -> None:
        sql = _migration_with_a_unique_rule(tmp_path, server)
        legacy.run("UPDATE customers SET name = id::text")
        legacy.run("UPDATE customers SET name = 'Twice' WHERE id IN (SELECT id FROM customers ORDER BY id LIMIT 2)")
        before = contents_of(legacy)

        result = migrate(kept(pg_sql_dir=str(sql)))

        assert not result.ok
        assert result.failed == ["Backup and rehearsal"]
        (refusal,) = result.refusals
        assert 'could not apply migration "007_unique_customer_names"' in refusal
        assert "CREATE UNIQUE INDEX CONCURRENTLY one_customer_a_name" in refusal
        assert "Key (name)=(Twice) is duplicated" in refusal
        assert "Nothing was run on the database itself" in refusal
        assert contents_of(legacy) == before
        assert legacy.value("SELECT to_regclass('pgmigrate.registry')") is None
        assert copies(server) == []

    @pytest.mark.usefixtures("one_by_one")
    @on_versions(18)
    def test_tells_afterwards_what_was_predicted_and_what_came(
        self, legacy: Database, kept: Callable[..., dict[str, Any]]
    ) -> None:
        result = migrate(kept())

        assert result.ok, result.text
        assert result.changed[0] == "Backup and rehearsal"
        place = next(
            n
            for n, line in enumerate(result.lines)
            if line.startswith("001_add_variant_columns, statement 2: rehearsed ")
        )
        assert "1 of 1 lines changed" in result.lines[place]
        assert result.lines[place + 1].startswith("run ")
        assert result.lines[place + 1].endswith("; AccessExclusiveLock on project_roles")
        assert "is not in its effect" not in result.text
        assert "rewrote" not in result.text
        assert (
            "rehearsal: application compatibility: 9 of 9 checks pass before and after each of 6 migrations, upsert_group until 006"
            in result.lines
        )
        assert "rehearsal: the same totals before and after: project_rates (40 keys)" in result.lines
        (held,) = (line for line in result.lines if line.startswith("rehearsal: WARN"))
        assert held.startswith(
            "rehearsal: WARN: compatibility/read_groups_prepared.sql, prepared before and held open, fails after "
            "001_add_variant_columns: cached plan must not change result type (SQLSTATE 0A000); it fails again, and "
            "works once it is prepared again."
        )
        assert legacy.rows("SELECT 1 FROM pg_stat_activity WHERE application_name ~ 'rehearsed by pgmigrate'") == []
        assert migrate(kept()).changed == []

    def test_goes_back_and_forward_again_where_a_script_covers_it(
        self, legacy: Database, kept: Callable[..., dict[str, Any]]
    ) -> None:
        whole = migrate(kept(pg_target=6), execute=True)

        assert "rehearsal: rolled back to the same rows and catalog as before, and migrated again" in whole.text
        assert legacy.value("SELECT count(*) FROM pgmigrate.events WHERE event = 'reverted'") == 0

    def test_says_where_no_script_covers_it(self, kept: Callable[..., dict[str, Any]]) -> None:
        migrate(kept(pg_skip_backup=True, pg_target=3))

        result = migrate(kept())

        assert result.ok, result.text
        assert "no rollback script covers just these, so none is rehearsed" in result.text

    def test_finds_a_script_that_does_not_lead_back(
        self, legacy: Database, kept: Callable[..., dict[str, Any]], tmp_path: Path
    ) -> None:
        sql = copied(tmp_path)
        script = sql / "rollback_variants.sql"
        script.write_text(script.read_text() + "\nUPDATE customers SET name = name || ' (old)';\n")
        before = contents_of(legacy)

        result = migrate(kept(pg_sql_dir=str(sql)))

        assert not result.ok
        assert "does not lead back" in result.refusals[0]
        assert "table public.customers has other contents" in result.refusals[0]
        assert contents_of(legacy) == before

    @pytest.mark.usefixtures("one_by_one")
    def test_names_a_rewrite_and_a_lock(
        self, legacy: Database, kept: Callable[..., dict[str, Any]], tmp_path: Path, server: Server
    ) -> None:
        sql = copied(tmp_path)
        (sql / "007_longer.sql").write_text(
            "-- purpose: more room\n-- phase: schema\n-- safe: rewrite because it is a test\n\n"
            "ALTER TABLE customers ALTER COLUMN name TYPE varchar(500) USING upper(name);\n"
        )
        record(sql, server)
        migrate(legacy.settings())

        result = migrate(kept(pg_sql_dir=str(sql)))

        assert result.ok, result.text
        assert "rewrote every row of customers, as its effect says" in result.text
        assert "AccessExclusiveLock on customers" in result.text

    @pytest.mark.usefixtures("one_by_one")
    def test_of_the_structure_alone_needs_no_backup(
        self, legacy: Database, kept: Callable[..., dict[str, Any]], folder: Path, server: Server
    ) -> None:
        migrate(legacy.settings(pg_target=2))

        result = migrate(kept(pg_skip_backup=True, pg_rehearse="schema"))

        assert result.ok, result.text
        assert "005_add_lookup_indexes, statement 1: rehearsed" in result.text
        assert labels(folder) == []
        assert copies(server) == []

    def test_is_left_out_where_that_is_wanted(self, kept: Callable[..., dict[str, Any]], folder: Path) -> None:
        skipped = migrate(kept(pg_skip_backup=True, pg_target=1))
        off = migrate(kept(pg_rehearse="off", pg_target=2))

        assert "Backup and rehearsal" not in skipped.changed
        assert "Backup and rehearsal" in off.changed
        assert "rehears" not in off.text.replace("Backup and rehearsal", "")
        assert len(labels(folder)) == 1

    def test_reuses_a_backup_that_is_young_enough(self, kept: Callable[..., dict[str, Any]], folder: Path) -> None:
        backup(kept())

        result = migrate(kept())

        assert result.ok, result.text
        assert len(labels(folder)) == 1
        assert "is verified and young enough" in result.text

    def test_the_dump_has_ended_before_the_first_statement(
        self, legacy: Database, kept: Callable[..., dict[str, Any]]
    ) -> None:
        result = migrate(kept())

        lines = [line for line in result.lines if "statement 1, 2 in" in line or "restored into a copy" in line]
        assert "restored into a copy" in lines[0]
        assert legacy.rows("SELECT 1 FROM pg_stat_activity WHERE application_name ~ 'dump'") == []
