"""What somebody had done by hand before: a migration takes it over, completes it, and takes it back with the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import first
from tests.support.application import application, same
from tests.support.harness import migrate, rollback, validate
from tests.support.migrations import MIGRATIONS, NAMES, run_statement
from tests.support.servers import Database

Kept = Callable[..., dict[str, Any]]

COLUMN = "ALTER TABLE project_roles ADD COLUMN variant_name text NOT NULL DEFAULT 'default'"
# Without the triggers, so that the other columns stay as they are.
USED = (
    "SET session_replication_role = replica;"
    "UPDATE project_roles SET variant_name = 'trio' WHERE id IN (SELECT id FROM project_roles ORDER BY id LIMIT 7);"
    "RESET session_replication_role;"
    "COMMENT ON COLUMN project_roles.variant_name IS 'by hand'"
)
ON_IT = (
    "CREATE VIEW trios AS SELECT id, variant_name FROM project_roles WHERE variant_name = 'trio';"
    "CREATE INDEX by_hand ON project_roles (variant_name, daily_rate)"
)
VARIANTS = "SELECT id, variant_name FROM project_roles ORDER BY id"


def run_first(database: Database, count: int) -> None:
    """Runs the first statements of the shipped migrations by hand."""
    statements = [(one, statement.number) for one in MIGRATIONS for statement in one.statements]
    for migration, number in statements[:count]:
        run_statement(database, migration, number)


@pytest.mark.usefixtures("one_by_one")
def test_a_column_is_taken_over_and_goes_back_with_the_rest_and_its_values_are_kept(
    legacy: Database, kept: Kept
) -> None:
    bare = application(legacy)
    legacy.run(COLUMN)
    legacy.run(USED)
    values = legacy.rows(VARIANTS)

    result = migrate(kept())

    assert result.ok, result.text
    assert result.changed == ["Backup and rehearsal", *NAMES]
    assert legacy.value("SELECT how FROM pgmigrate.migrations WHERE version = 1") == "resumed"
    assert (
        "rehearsal: rolled back to the same rows and catalog as before, but for what the migrations found in place "
        "(column project_roles.variant_name), and migrated again"
    ) in result.lines
    assert "rehearsal:     restored from the quarantine: 7 rows of project_roles.variant_name" in result.lines
    assert legacy.rows(VARIANTS) == values

    back = rollback(kept())

    assert back.ok, back.text
    told = "takes column project_roles.variant_name back too, which was there before: a migration took it over"
    assert told in back.lines
    assert same(bare, legacy) == []
    checked = validate(kept())
    assert checked.ok, checked.text
    assert rollback(kept()).unchanged[-1] == "Rollback"

    assert migrate(kept()).ok
    assert legacy.rows(VARIANTS) == values
    assert (
        "by hand"
        in legacy.rows(
            "SELECT col_description('project_roles'::regclass, attnum) FROM pg_attribute"
            " WHERE attrelid = 'project_roles'::regclass AND attname = 'variant_name'"
        )[0]
    )


def test_what_others_built_on_it_is_made_again_in_the_rehearsal(legacy: Database, kept: Kept) -> None:
    for text in (COLUMN, USED, ON_IT, "ALTER TABLE project_roles ADD COLUMN later integer DEFAULT 5"):
        legacy.run(text)
    before = application(legacy)

    result = migrate(kept())

    assert result.ok, result.text
    assert "rehearsal:     made again: view trios" in result.lines
    refused = rollback(kept())
    assert "view trios" in refused.refusals[0]
    back = rollback(kept(pg_dependents="quarantine"))
    assert back.ok, back.text
    assert validate(kept()).ok
    assert migrate(kept()).ok
    assert [line for line in same(before, legacy) if line.startswith("catalog: -") and "idx_" not in line] == []
    assert legacy.value("SELECT count(*) FROM trios") == 7


# The columns; the table with rows of its own; all but the last migration.
@first(1)
@pytest.mark.parametrize("count", [6, 2, 15])
def test_from_each_half_applied_state_the_default_rehearsal_passes(legacy: Database, kept: Kept, count: int) -> None:
    bare = application(legacy)
    run_first(legacy, count)
    legacy.run(USED)
    if count >= 6:
        legacy.run(
            "INSERT INTO project_variants (project_id, variant_name, display_name)"
            " SELECT id, 'trio', 'Trio' FROM projects ORDER BY id LIMIT 9"
        )

    result = migrate(kept())

    assert result.ok, result.text
    assert (
        "rolled back to the same rows and catalog as before, but for what the migrations found in place" in result.text
    )
    assert rollback(kept()).ok
    assert same(bare, legacy) == []
    assert migrate(kept()).ok
    assert legacy.value("SELECT count(*) FROM project_roles WHERE variant_name = 'trio'") == 7
    if count >= 6:
        assert legacy.value("SELECT count(*) FROM project_variants WHERE variant_name = 'trio'") == 9
