"""The totals of the business are the same before and after migrations, or it is said which are not."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyinfra_pgmigrate.application.totals import load_totals
from pyinfra_pgmigrate.backup.manifest import json_line, read_manifest
from pyinfra_pgmigrate.errors import PgMigrateError

from tests.integration.test_data import PLAIN, Kept
from tests.integration.test_validation import found
from tests.support.backups import labels
from tests.support.contents import contents_of
from tests.support.harness import migrate, validate
from tests.support.migrations import copied, record
from tests.support.servers import SQL, Database, Server

DEARER = """-- purpose: broadcast costs more
-- phase: schema

CREATE OR REPLACE FUNCTION calculate_role_cost(
    category hourly_category, daily numeric, hourly numeric, hours numeric, multiplier numeric
) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
    SELECT round(CASE WHEN category = 'flat' THEN daily * multiplier + 1 ELSE hourly * hours * multiplier END, 2);
$$;
"""


def _with(tmp_path: Path, name: str, text: str, server: Server) -> str:
    sql = copied(tmp_path)
    (sql / name).write_text(text)
    record(sql, server)
    return str(sql)


def test_rates_are_the_same_in_the_rehearsal_and_in_the_database(legacy: Database, kept: Kept) -> None:
    projects = legacy.value("SELECT count(*) FROM projects")
    total = legacy.value("SELECT sum(total_cost) FROM project_event_roles")

    result = migrate(kept(pg_writes="stopped", pg_verify="none"))

    assert result.ok, result.text
    assert f"rehearsal: the same totals before and after: project_rates ({projects} keys)" in result.text
    again = validate(kept(pg_writes="stopped"))
    assert f"PASS  totals: project_rates, {projects} keys as in backup" in again.text
    # The file asks for what the application itself computed.
    query = load_totals(SQL)[0].query
    assert legacy.value(f"SELECT sum(t.value) FROM ({query}) AS t") == total > 0


def test_a_migration_that_changes_a_rate_never_reaches_the_database(
    legacy: Database, kept: Kept, tmp_path: Path, server: Server
) -> None:
    before = contents_of(legacy)

    result = migrate(kept(pg_sql_dir=_with(tmp_path, "007_dearer.sql", DEARER, server), pg_verify="none"))

    assert not result.ok
    assert result.failed == ["Backup and rehearsal"]
    (refusal,) = result.refusals
    assert "totals/project_rates.sql answers otherwise after the migrations" in refusal
    assert " before, " in refusal
    assert refusal.count(" after") == 1 + 5
    assert "Nothing was run on the database itself" in refusal
    assert contents_of(legacy) == before


class TestAgainstTheBackup:
    @pytest.fixture
    def settings(self, legacy: Database, kept: Callable[..., dict[str, Any]]) -> Kept:
        assert migrate(kept(**PLAIN)).ok

        def given(**more: Any) -> dict[str, Any]:
            return kept(**PLAIN, pg_explain_mib=0, **more)

        return given

    def test_a_rate_that_changed_is_named_with_both_values(self, legacy: Database, settings: Kept) -> None:
        key, was = legacy.rows(
            "SELECT e.project_id, sum(r.total_cost) FROM project_events AS e JOIN project_event_roles AS r"
            " ON r.event_id = e.id GROUP BY 1 HAVING sum(r.total_cost) > 0 ORDER BY 1 LIMIT 1"
        )[0]
        legacy.run(f"DELETE FROM project_event_roles WHERE project_id = '{key}'")

        running, stopped = validate(settings()), validate(settings(pg_writes="stopped"))

        assert (running.ok, stopped.ok) == (True, False)
        told = f"1 of 40 keys: {key}: {was} before, 0 after"
        assert told in found(running, "WARN  totals: project_rates")
        assert told in found(stopped, "FAIL  totals: project_rates")

    def test_one_that_cannot_be_asked_fails(self, legacy: Database, settings: Kept, tmp_path: Path) -> None:
        legacy.run("ALTER FUNCTION calculate_role_cost RENAME TO calculated")

        result = validate(settings())

        assert not result.ok
        assert "(SQLSTATE 42883)" in found(result, "FAIL  totals: project_rates")

    def test_a_backup_of_an_earlier_version_has_none(self, settings: Kept, folder: Path) -> None:
        (label,) = labels(folder)
        contents = json.loads((folder / label / "contents.json").read_text())
        del contents["totals"]
        _reseal(folder / label, json_line(contents))

        result = validate(settings(pg_writes="stopped"))

        assert result.ok, result.text
        assert "by an earlier version" in found(result, "WARN  totals: project_rates")
        assert "PASS  data: 13 tables" in result.text


def _reseal(backup: Path, contents: str) -> None:
    """Writes the description of a backup with another text, as an earlier version would have."""
    (backup / "contents.json").write_text(f"{contents}\n")
    manifest = read_manifest((backup / "manifest.json").read_text())
    sums = {**manifest.sums, "contents.json": hashlib.sha256(f"{contents}\n".encode()).hexdigest()}
    (backup / "manifest.json").write_text(replace(manifest, sums=sums).text() + "\n")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("SELECT id AS key, 1 / 0 AS value FROM projects;\n", "division by zero"),
        ("SELECT 1 AS key, 2 AS value FROM projects;\n", "40 rows for 1 keys"),
        ("SELECT 1;\n", "SQLSTATE 42P10"),
    ],
)
def test_one_that_cannot_be_asked_before_is_refused(kept: Kept, tmp_path: Path, text: str, problem: str) -> None:
    sql = copied(tmp_path)
    (sql / "totals" / "wrong.sql").write_text(f"-- purpose: wrong\n\n{text}")

    result = migrate(kept(pg_sql_dir=str(sql), pg_verify="none", pg_target=1))

    assert result.failed == ["Backup and rehearsal"]
    assert "could not ask totals/wrong.sql before the migrations" in result.refusals[0]
    assert problem in result.refusals[0]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("SELECT 1, 2;\n", "Found no purpose"),
        ("-- purpose: x\n-- role: me\n\nSELECT 1, 2;\n", 'the key "role"'),
        ("-- purpose: x\n\nSELECT 1, 2;\nSELECT 1, 2;\n", "Found 2 statement"),
        ("-- purpose: x\n\nDELETE FROM projects;\n", "is not one SELECT"),
    ],
)
def test_a_file_that_breaks_a_rule_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "totals").mkdir()
    (tmp_path / "totals" / "wrong.sql").write_text(text)

    with pytest.raises(PgMigrateError, match=r"wrong\.sql") as caught:
        load_totals(tmp_path)

    assert problem in str(caught.value)
