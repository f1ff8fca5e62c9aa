"""A second legacy database, as somebody else would have written the application, goes through everything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import first
from tests.integration.test_report import document_of
from tests.support.harness import Result, migrate, rollback, status, validate
from tests.support.migrations import NAMES
from tests.support.second_legacy import SecondLegacy, columns_of, hashes_of, second_legacy
from tests.support.servers import Server

pytestmark = pytest.mark.usefixtures("one_by_one")

NOT_APPLICABLE = {
    "compatibility/read_totals.sql: not applicable here: no view project_group_totals",
    "queries/owner_projects.sql: not applicable here: no function calculate_role_cost"
    "(hourly_category, numeric, numeric, numeric, numeric) (and 4 more)",
    "totals/project_rates.sql: not applicable here: no function calculate_role_cost"
    "(hourly_category, numeric, numeric, numeric, numeric) (and 5 more)",
}


@pytest.fixture
def second(server: Server) -> Iterator[SecondLegacy]:
    """Such a database."""
    with second_legacy(server) as made:
        yield made


def _told(result: Result) -> list[str]:
    """Returns the files that are said not to apply; a run that failed anything fails here."""
    assert result.ok, result.text
    assert not [line for line in result.lines if line.startswith("FAIL")], result.text
    return [line for line in result.lines if "not applicable here" in line]


# As its owner; as a superuser in "make soak".
@first(1)
@pytest.mark.parametrize(
    ("server", "is_owner"),
    [pytest.param(15, True, id="pg15-owner"), pytest.param(18, False, id="pg18-superuser")],
    indirect=["server"],
)
def test_it_goes_through_everything_and_its_rows_stay(second: SecondLegacy, tmp_path: Path, is_owner: bool) -> None:
    database = second.database
    given = second.as_owner if is_owner else database.settings
    settings = given(
        pg_skip_backup=False,
        pg_backup_dir=str(tmp_path / "backups"),
        pg_measure="changes",
        pg_report=True,
        pg_report_dir=str(tmp_path / "reports"),
    )
    columns, structure = columns_of(database), database.structure()
    rows = hashes_of(database, columns)

    first = migrate(settings)

    assert first.changed == ["Backup and rehearsal", *NAMES]
    assert sorted(_told(first)) == sorted(NOT_APPLICABLE)
    assert sorted(document_of(first)["hosts"][0]["not_applicable"]) == sorted(NOT_APPLICABLE)
    assert (
        "rehearsal: application compatibility: 8 of 8 checks pass before and after each of 6 migrations, upsert_group until 006"
        in first.lines
    )
    assert "rehearsal: rolled back to the same rows and catalog as before, and migrated again" in first.lines
    assert hashes_of(database, columns) == rows
    again = migrate(settings)
    assert (again.changed, _told(again)) == ([], [])
    shown = status(settings)
    assert _told(shown) == []
    assert "no drift" in shown.lines
    # As a superuser among functions of others it is refused; the rehearsal has tried them.
    checked = validate({**settings, "pg_compatibility": is_owner, "pg_writes": "stopped"})
    asked = [one for one in NOT_APPLICABLE if is_owner or not one.startswith("compatibility/")]
    assert sorted(_told(checked)) == sorted(asked)
    assert sum(line.startswith("PASS  query: ") for line in checked.lines) == 7

    assert _told(rollback(settings))
    assert (database.structure(), hashes_of(database, columns)) == (structure, rows)
    assert _told(validate(settings))

    forward = migrate(settings)
    assert forward.changed == ["Backup and rehearsal", *NAMES]
    assert sorted(_told(forward)) == sorted(NOT_APPLICABLE)
    assert hashes_of(database, columns) == rows
