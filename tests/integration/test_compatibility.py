"""What the application as it is does: before, between and after the migrations."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyinfra_pgmigrate.compatibility import load_uses
from pyinfra_pgmigrate.errors import PgMigrateError

from tests.conftest import on_all_versions
from tests.integration.test_validation import found
from tests.support.contents import contents_of
from tests.support.harness import migrate, validate
from tests.support.migrations import copied
from tests.support.servers import SQL, Database

TRY = {"pg_compatibility": True}
USES = load_uses(SQL)


@on_all_versions
def test_each_works_before_between_and_after(legacy: Database) -> None:
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

    for name, verdicts in table.items():
        print(f"{name:16} " + "  ".join(f"{target:03} {verdict}" for target, verdict in enumerate(verdicts)))
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


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("SELECT 1;\n", "Found no purpose"),
        ("-- purpose: x\n-- until: six\n\nSELECT 1;\n", 'until "six"'),
        ("-- purpose: x\n-- phase: data\n\nSELECT 1;\n", 'the key "phase"'),
        ("-- purpose: x\n\nVACUUM;\n", "cannot run in a transaction"),
    ],
)
def test_a_file_that_breaks_a_rule_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "compatibility").mkdir()
    (tmp_path / "compatibility" / "wrong.sql").write_text(text)

    with pytest.raises(PgMigrateError, match=r"wrong\.sql") as caught:
        load_uses(tmp_path)

    assert problem in str(caught.value)
