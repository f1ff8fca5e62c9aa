"""The decision table (registry x catalog), row by row, on a real server.

Each statement of each migration, missing, alone or drifted, is decided in tests/unit/planning/test_plan.py; here stands
what comes of one of each kind.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import on_versions
from tests.support.harness import migrate, status
from tests.support.migrations import MIGRATIONS, NAMES, copied, record, replace_in, run_by_hand, run_statement
from tests.support.servers import Database, Server
from tests.support.states import UNDO

pytestmark = pytest.mark.usefixtures("one_by_one")

# A statement that others stand on, one of a file whose statements may run twice, and one that takes away.
SOME = [(1, 2), (2, 4), (6, 1)]


def how(database: Database) -> dict[int, str]:
    return dict(database.rows("SELECT version, how FROM pgmigrate.migrations"))


@on_versions(18)
def test_pending_migrations_are_applied_and_a_second_run_changes_nothing(legacy: Database) -> None:
    first = migrate(legacy.settings())

    assert first.ok
    assert first.changed == NAMES
    assert how(legacy) == {migration.version: "applied" for migration in MIGRATIONS}

    before = (legacy.catalog(), legacy.rows("SELECT * FROM pgmigrate.events ORDER BY id"))
    second = migrate(legacy.settings())

    assert second.ok
    assert (second.predicted, second.changed) == ([], [])
    assert (legacy.catalog(), legacy.rows("SELECT * FROM pgmigrate.events ORDER BY id")) == before


@on_versions(15)
def test_migrations_found_in_place_are_adopted_and_nothing_is_run(
    legacy: Database, clean_structure: frozenset[str]
) -> None:
    run_by_hand(legacy)
    before = legacy.rows("SELECT * FROM project_variants ORDER BY id")

    result = migrate(legacy.settings())

    assert result.ok
    assert result.changed == NAMES
    assert how(legacy) == {**dict.fromkeys((1, 2, 3, 5, 6), "adopted"), 4: "applied"}
    assert legacy.structure() == clean_structure
    assert legacy.rows("SELECT * FROM project_variants ORDER BY id") == before
    assert not migrate(legacy.settings()).changed


@pytest.mark.parametrize(("version", "number"), SOME)
def test_a_single_missing_statement_is_run_again(
    legacy: Database, clean_structure: frozenset[str], version: int, number: int
) -> None:
    run_by_hand(legacy)
    legacy.run(UNDO[version, number])

    result = migrate(legacy.settings())

    assert result.ok, result.text
    assert legacy.structure() == clean_structure
    assert how(legacy)[version] in ("resumed", "applied")
    assert legacy.value("SELECT count(*) FROM pgmigrate.migrations") == len(MIGRATIONS)
    assert not migrate(legacy.settings()).changed


@pytest.mark.parametrize(("version", "number"), SOME)
def test_a_single_statement_applied_by_hand_before_the_run_is_kept(
    legacy: Database, clean_structure: frozenset[str], version: int, number: int
) -> None:
    run_statement(legacy, MIGRATIONS[version - 1], number)

    result = migrate(legacy.settings())

    assert result.ok, result.text
    assert legacy.structure() == clean_structure
    assert not migrate(legacy.settings()).changed


def test_a_partial_migration_says_which_statements_were_there(legacy: Database) -> None:
    run_statement(legacy, MIGRATIONS[0], 2)

    result = migrate(legacy.settings(), execute=False)

    assert "001_add_variant_columns: partial, would run 4 of 5 statements" in result.lines
    assert "because: statement 2 found in place" in result.lines


@pytest.mark.parametrize(
    ("hand_edit", "found", "expected"),
    [
        pytest.param(
            "ALTER TABLE project_roles ADD COLUMN variant_name varchar(20)",
            "column project_roles.variant_name character varying(20)",
            "column project_roles.variant_name text not null default 'default'::text",
            id="column",
        ),
        pytest.param(
            "CREATE TABLE project_variants (id integer)",
            "column project_variants.id integer",
            "column project_variants.id uuid not null default gen_random_uuid()",
            id="table",
        ),
    ],
)
def test_a_conflict_is_refused_with_both_definitions(
    legacy: Database, hand_edit: str, found: str, expected: str
) -> None:
    legacy.run(hand_edit)
    before = legacy.catalog()

    result = migrate(legacy.settings())

    assert not result.ok
    assert result.failed == ["Check"]
    (refusal,) = result.refusals
    assert "exists with another definition" in refusal
    assert f"Found {found}" in refusal or found in refusal
    assert expected in refusal
    assert legacy.catalog() == before


@pytest.mark.parametrize(("version", "number"), [(1, 1), (2, 1), (6, 1)])
def test_drift_is_refused_by_name_and_repaired_on_request(
    applied: Database, clean_structure: frozenset[str], version: int, number: int
) -> None:
    applied.run(UNDO[version, number])
    drifted = applied.catalog()

    refused = migrate(applied.settings())

    assert not refused.ok
    assert not refused.changed
    assert any(MIGRATIONS[version - 1].name in refusal and "pg_repair=true" in refusal for refusal in refused.refusals)
    assert applied.catalog() == drifted

    repaired = migrate(applied.settings(pg_repair=True))

    assert repaired.ok, repaired.text
    assert applied.structure() == clean_structure
    assert how(applied)[version] == "repaired"
    assert not migrate(applied.settings()).changed


def test_a_converging_migration_is_run_again_when_new_rows_need_it(applied: Database) -> None:
    applied.run("DELETE FROM project_variants WHERE project_id = (SELECT project_id FROM project_variants LIMIT 1)")

    result = migrate(applied.settings())

    assert result.ok
    assert result.changed == ["003_initialize_defaults"]
    assert applied.value("SELECT count(*) FROM pgmigrate.events WHERE version = 3 AND event = 'applied'") == 2


def test_a_file_changed_after_it_was_applied_is_refused_with_both_checksums(
    applied: Database, server: Server, tmp_path: Path
) -> None:
    folder = copied(tmp_path)
    settings = applied.settings(pg_sql_dir=str(folder))
    checksum = applied.value("SELECT checksum FROM pgmigrate.migrations WHERE version = 5")

    replace_in(folder / "005_add_lookup_indexes.sql", "sort_order, total_price", "total_price, sort_order")
    unrecorded = migrate(settings)
    record(folder, server)
    recorded = migrate(settings)

    for result in (unrecorded, recorded):
        (refusal,) = [one for one in result.refusals if "005_add_lookup_indexes" in one]
        assert not result.ok
        assert "its file changed after it was applied" in refusal
        assert checksum in refusal


def test_comments_and_white_space_are_no_change(applied: Database, tmp_path: Path) -> None:
    folder = copied(tmp_path)
    settings = applied.settings(pg_sql_dir=str(folder))

    replace_in(folder / "005_add_lookup_indexes.sql", "INCLUDE \\(name,", "  INCLUDE -- why\n    (name,")
    result = migrate(settings)

    assert result.ok, result.text
    assert not result.changed


def test_a_file_that_is_gone_is_refused(applied: Database, tmp_path: Path) -> None:
    folder = copied(tmp_path)
    settings = applied.settings(pg_sql_dir=str(folder))

    for path in folder.glob("006_*"):
        path.unlink()
    result = migrate(settings)

    assert not result.ok
    assert 'could not find the file of applied migration "006_release_group_name_rule"' in result.text


def test_an_older_pending_migration_is_refused_unless_asked_for(
    legacy: Database, server: Server, tmp_path: Path
) -> None:
    folder = copied(tmp_path)
    settings = legacy.settings(pg_sql_dir=str(folder))
    late = folder / "005_add_lookup_indexes.sql"
    put_aside = {path: path.read_bytes() for path in folder.glob("005_*")}
    for path in put_aside:
        path.unlink()
    record(folder, server)
    assert migrate(settings).ok

    for path, content in put_aside.items():
        path.write_bytes(content)
    record(folder, server)
    refused = migrate(settings)

    assert not refused.ok
    assert f'cannot apply migration "{late.stem}" after 006' in refused.text
    assert "pg_out_of_order=true" in refused.text
    assert 5 not in how(legacy)

    allowed = migrate({**settings, "pg_out_of_order": True})

    assert allowed.ok, allowed.text
    assert allowed.changed == [late.stem]


def test_status_shows_what_holds_and_what_drifted(legacy: Database) -> None:
    assert "0 of 6 migrations applied" in status(legacy.settings()).text
    migrate(legacy.settings(pg_target=5))

    before = status(legacy.settings())
    legacy.run("CREATE TABLE by_hand (id integer)")
    after = status(legacy.settings())

    assert before.ok
    assert "5 of 6 migrations applied" in before.lines
    assert "006_release_group_name_rule        pending: would run 1 of 1 statement, -1 +0 lines" in before.lines
    assert "no drift" in before.lines
    assert "extra    table by_hand" in after.lines
