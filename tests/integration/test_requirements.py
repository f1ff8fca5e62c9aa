"""Files of the application on databases that have not all of what they need, and on those that had it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_data import PLAIN
from tests.integration.test_validation import found
from tests.support.backups import labels
from tests.support.harness import Result, backup, migrate, validate
from tests.support.migrations import copied, record
from tests.support.servers import Database, Server

Kept = Callable[..., dict[str, Any]]

RATE = "calculate_role_cost(hourly_category, numeric, numeric, numeric, numeric)"
HIDE = f"DROP TRIGGER set_role_cost ON project_event_roles; DROP FUNCTION {RATE}; DROP VIEW project_group_totals"


@pytest.fixture
def given(kept: Kept) -> Kept:
    """Returns settings with a backup that is neither restored nor rehearsed on; queries and uses are looked at."""
    return lambda **more: kept(**{**PLAIN, "pg_measure": "changes", "pg_compatibility": True, **more})


def passed_over(result: Result) -> list[str]:
    """Returns the files that are said not to apply."""
    return sorted(line.split(":")[0] for line in result.lines if ": not applicable here: no " in line)


def test_what_never_was_there_is_told_once_a_run_and_fails_nothing(legacy: Database, given: Kept) -> None:
    legacy.run(HIDE)

    result = migrate(given())

    assert result.ok, result.text
    files = ["compatibility/read_totals.sql", "queries/owner_projects.sql", "totals/project_rates.sql"]
    assert passed_over(result) == files
    for _ in range(2):
        checked = validate(given())
        assert checked.ok, checked.text
        assert passed_over(checked) == files
        assert "0 FAIL" in checked.lines[-1]
        assert not [line for line in checked.lines if line.startswith(("PASS  totals", "WARN  totals"))]


def test_what_was_there_before_and_is_not_any_more_fails_each_time(legacy: Database, given: Kept) -> None:
    assert migrate(given()).ok
    legacy.run(HIDE)

    for _ in range(2):
        result = validate(given())

        assert not result.ok
        assert passed_over(result) == []
        assert "SQLSTATE 42883" in found(result, "FAIL  totals: project_rates")
        assert "SQLSTATE 42883" in found(result, "FAIL  query: owner_projects")
        assert "SQLSTATE 42P01" in found(result, "FAIL  compatibility: read_totals")


def test_what_came_by_hand_later_and_was_measured_fails_where_it_is_gone(legacy: Database, given: Kept) -> None:
    (definition,) = legacy.rows("SELECT pg_get_functiondef(%s::regprocedure)", RATE)[0]
    legacy.run(HIDE)
    assert migrate(given()).ok
    legacy.run(definition)
    assert migrate(given(pg_measure="always")).ok
    assert "PASS  query: owner_projects" in validate(given()).text
    legacy.run(f"DROP FUNCTION {RATE}")

    result = validate(given())

    assert "SQLSTATE 42883" in found(result, "FAIL  query: owner_projects")
    assert passed_over(result) == ["compatibility/read_totals.sql", "totals/project_rates.sql"]


def test_a_backup_that_has_its_answers_remembers_it_without_a_registry(
    legacy: Database, given: Kept, folder: Path
) -> None:
    assert backup(given()).ok
    (label,) = labels(folder)
    legacy.run(HIDE)

    result = validate(given(pg_backup=label))

    assert "SQLSTATE 42883" in found(result, "FAIL  totals: project_rates")
    assert "totals/project_rates.sql" not in passed_over(result)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("DROP VIEW project_group_totals", "compatibility/read_totals.sql worked before and fails after migration"),
        (
            f"{HIDE.split(';', maxsplit=1)[0]}; ALTER FUNCTION {RATE} RENAME TO other",
            "totals/project_rates.sql answers otherwise after the migrations",
        ),
    ],
)
def test_a_migration_that_takes_it_away_is_refused_in_the_rehearsal(
    legacy: Database, given: Kept, tmp_path: Path, server: Server, statement: str, message: str
) -> None:
    sql = copied(tmp_path)
    (sql / "007_away.sql").write_text(f"-- purpose: x\n-- phase: contract\n\n{statement};\n")
    record(sql, server)
    assert migrate(legacy.settings()).ok

    result = migrate(given(pg_sql_dir=str(sql), pg_rehearse="full"))

    assert result.failed == ["Backup and rehearsal"]
    assert message in result.refusals[0]


def test_a_held_statement_that_does_not_apply_is_not_prepared(legacy: Database, given: Kept, tmp_path: Path) -> None:
    sql = copied(tmp_path)
    held = sql / "compatibility" / "read_groups_prepared.sql"
    text = held.read_text().replace("-- session", "-- requires: table nowhere, column projects.name\n-- session")
    held.write_text(text.replace("FROM project_equipment_groups", "FROM nowhere"))

    result = migrate(given(pg_sql_dir=str(sql), pg_rehearse="full", pg_target=1))

    assert result.ok, result.text
    assert passed_over(result) == ["compatibility/read_groups_prepared.sql"]
    assert "rehearsal: application compatibility: 8 of 8 checks pass before and after" in result.lines
    assert "prepared before and held open" not in result.text


@pytest.mark.parametrize(
    "file", ["totals/project_rates.sql", "queries/owner_projects.sql", "compatibility/read_totals.sql"]
)
def test_a_word_that_is_none_is_refused_before_anything_runs(legacy: Database, tmp_path: Path, file: str) -> None:
    sql = copied(tmp_path)
    path = sql / file
    path.write_text(path.read_text().replace("-- requires: ", "-- requires: tables projects, "))

    with pytest.raises(Exception, match=rf"could not read header of {path.name}, line \d+\n.*\"tables projects\""):
        migrate(legacy.settings(pg_sql_dir=str(sql), pg_measure="changes"))
