"""The rows of the backup before the migrations are still there, and what differs is named."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import on_versions
from tests.integration.test_validation import found
from tests.support.backups import copies, fill_oddly
from tests.support.contents import contents_of
from tests.support.harness import backup, migrate, validate
from tests.support.migrations import copied, record
from tests.support.servers import Database, Server

Kept = Callable[..., dict[str, Any]]

# Other tests restore and rehearse.
READER = "data_reader"
PLAIN = {"pg_rehearse": "off", "pg_verify": "none"}


_folders: dict[int, Path] = {}


@pytest.fixture
def migrated(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database that was migrated after a backup: a copy of one for each test, as that takes a while."""
    if server.version not in _folders:
        folder, name = tmp_path_factory.mktemp("backups"), "template_migrated"
        server.administer("CREATE DATABASE {} TEMPLATE {}", name, server.template("legacy"))
        origin = Database(server, name)
        # The registry takes down where a backup is, once there is a registry.
        for more in ({"pg_target": 1}, {"pg_skip_backup": False, "pg_backup_dir": str(folder), **PLAIN}):
            result = migrate(origin.settings(**more))
            assert result.ok, result.text
        origin.close()
        server.templates["migrated"] = name
        _folders[server.version] = folder
    with server.database("migrated") as database:
        yield database


@pytest.fixture
def label(migrated: Database) -> str:
    """Of the backup before its migrations."""
    return str(migrated.value("SELECT backup FROM pgmigrate.migrations WHERE version = 2"))


@pytest.fixture
def given(migrated: Database, tmp_path: Path) -> Kept:
    """Returns settings for it; new backups go into a folder of the test."""

    def settings(**more: Any) -> dict[str, Any]:
        return migrated.settings(
            **{"pg_skip_backup": False, "pg_backup_dir": str(tmp_path / "backups"), **PLAIN, **more}
        )

    return settings


@on_versions(18)
def test_what_migrations_add_is_no_difference_on_a_quiet_database(legacy: Database, kept: Kept) -> None:
    fill_oddly(legacy)
    settings = kept(**PLAIN, pg_writes="stopped")

    result = migrate(settings)

    assert result.ok, result.text
    assert result.unchanged == ["Check", "Validation"]
    before = contents_of(legacy)
    again = validate(settings)
    assert again.ok, again.text
    (line,) = (line for line in again.lines if "  data: " in line)
    rows = sum(count for name, (count, _) in before.tables.items() if not name.startswith("pgmigrate."))
    added = before.tables["public.project_variants"][0]
    assert added > 0
    assert line.startswith(f"PASS  data: {_tables(before) - 1} tables with {rows - added} rows as in backup ")
    assert contents_of(legacy) == before
    # Where something differs, it is found in a copy of the table.
    key = legacy.value("UPDATE customers SET name = 'Other' WHERE ctid = '(0,1)' RETURNING id")
    told = found(validate({**settings, "pg_writes": "running"}), "WARN  data: public.customers")
    assert f"by id: 1 changed ({key})" in told


def _tables(contents: Any) -> int:
    return sum(not name.startswith("pgmigrate.") for name in contents.tables)


def test_rows_that_others_wrote_since_are_named_by_key(migrated: Database, given: Kept, server: Server) -> None:
    ids = [row[0] for row in migrated.rows("SELECT id FROM customers ORDER BY id LIMIT 3")]
    migrated.run(f"UPDATE customers SET name = 'Other' WHERE id = '{ids[0]}'")
    migrated.run(f"UPDATE projects SET customer_id = NULL WHERE customer_id = '{ids[1]}'")
    migrated.run(f"DELETE FROM customers WHERE id = '{ids[1]}'")
    new = migrated.value("INSERT INTO customers (name) VALUES ('New') RETURNING id")
    before = contents_of(migrated)

    result = validate(given())

    assert result.ok, result.text
    told = found(result, "WARN  data: public.customers")
    assert f"by id: 1 inserted ({new}), 1 deleted ({ids[1]}), 1 changed ({ids[0]})" in told
    assert "PASS  data: 12 other tables" in result.text or "PASS  data: 11 other tables" in result.text
    assert "'Other'" not in result.text
    assert contents_of(migrated) == before
    assert copies(server) == []


class TestFailsWhereNobodyWrote:
    def test_a_row_that_is_lost(self, migrated: Database, given: Kept) -> None:
        key = migrated.value("DELETE FROM project_event_equipment WHERE ctid = '(0,1)' RETURNING id")
        rows = migrated.value("SELECT count(*) FROM project_event_equipment")

        result = validate(given(pg_writes="stopped"))

        assert not result.ok
        told = found(result, "FAIL  data: public.project_event_equipment")
        assert f"found {rows} rows, {rows + 1} then; by id: 1 deleted ({key})" in told
        assert "1 FAIL" in result.text

    def test_two_values_that_changed_places(self, migrated: Database, given: Kept) -> None:
        migrated.run("ALTER TABLE crew_roles DISABLE TRIGGER USER")
        first, last = migrated.rows("SELECT min(name), max(name) FROM crew_roles")[0]
        for was, becomes in ((first, "-"), (last, first), ("-", last)):
            migrated.run(f"UPDATE crew_roles SET name = '{becomes}' WHERE name = '{was}'")

        result = validate(given(pg_writes="stopped"))

        assert not result.ok
        assert "other contents in its" in found(result, "FAIL  data: public.crew_roles")
        assert "2 changed (" in found(result, "FAIL  data: public.crew_roles")

    def test_a_migration_that_loses_rows_without_saying_so(
        self, migrated: Database, given: Kept, tmp_path: Path, server: Server
    ) -> None:
        sql = copied(tmp_path)
        (sql / "007_tidy.sql").write_text(
            "-- purpose: tidy up\n-- phase: data\n\nDELETE FROM project_event_equipment WHERE quantity = 1;\n"
        )
        record(sql, server)

        result = migrate(given(pg_sql_dir=str(sql), pg_writes="stopped"))

        assert not result.ok
        assert result.failed == ["Validation"]
        assert "data of public.project_event_equipment" in result.refusals[0]
        assert "007_tidy writes to it itself" in result.refusals[0]
        assert migrated.value("SELECT count(*) FROM project_event_equipment WHERE quantity = 1") == 0

    def test_a_table_that_is_gone(self, migrated: Database, given: Kept) -> None:
        migrated.run("DROP TABLE project_event_equipment")

        result = validate(given())

        assert "found it is missing, and no migration takes it away" in found(
            result, "FAIL  data: public.project_event_equipment"
        )


class TestWhatMigrationsChange:
    def test_a_column_that_one_updates_is_told_and_no_lost_row(
        self, migrated: Database, given: Kept, tmp_path: Path, server: Server
    ) -> None:
        sql = copied(tmp_path)
        (sql / "007_upper.sql").write_text(
            "-- purpose: names in capitals\n-- phase: data\n\nUPDATE customers SET name = upper(name);\n"
        )
        record(sql, server)

        result = migrate(given(pg_sql_dir=str(sql), pg_writes="stopped"))

        assert result.ok, result.text
        told = found(result, "WARN  data: public.customers")
        assert "changed (" in told
        assert "007_upper writes to it itself" in told

    def test_a_column_that_one_takes_away_is_left_out(
        self, migrated: Database, given: Kept, tmp_path: Path, server: Server
    ) -> None:
        sql = copied(tmp_path)
        (sql / "007_less.sql").write_text(
            "-- purpose: no telephone\n-- phase: contract\n\nALTER TABLE crew_members DROP COLUMN phone;\n\n"
            "ALTER TABLE customers ALTER COLUMN name TYPE varchar(300);\n"
        )
        record(sql, server)
        settings = given(pg_sql_dir=str(sql), pg_writes="stopped")

        result = migrate(settings)

        assert result.ok, result.text
        assert "WARN  data" not in result.text
        # What is left is compared all the same.
        migrated.run("ALTER TABLE crew_members DISABLE TRIGGER USER; UPDATE crew_members SET email = 'x'")
        after = validate(settings)
        assert "phone is left out: changed by 007_less; by id: " in found(after, "FAIL  data: public.crew_members")
        assert "WARN  data" not in after.text
        assert "public.customers" not in after.text

    def test_one_that_other_hands_took_away_fails(self, migrated: Database, given: Kept) -> None:
        migrated.run("ALTER TABLE crew_members DROP COLUMN phone")

        result = validate(given())

        assert "phone is left out: changed outside of the migrations" in found(
            result, "FAIL  data: public.crew_members"
        )


class TestCannotBeNamed:
    def test_rows_of_a_large_table_are_counted_only(self, migrated: Database, given: Kept, server: Server) -> None:
        migrated.run("INSERT INTO customers (name) VALUES ('New')")

        result = validate(given(pg_explain_mib=0))

        assert result.ok
        told = found(result, "WARN  data: public.customers")
        assert "rows, " in told
        assert "its rows are not named" in told
        assert "pg_explain_mib (0 MiB)" in told

    def test_rows_without_a_primary_key_are_counted_only(self, migrated: Database, given: Kept) -> None:
        migrated.run("CREATE TABLE notes (note text); INSERT INTO notes VALUES ('a'), ('a'), ('b'), (NULL)")
        assert backup(given(pg_verify="read")).ok
        migrated.run("DELETE FROM notes WHERE note = 'b'; INSERT INTO notes VALUES ('a'), ('')")

        result = validate(given(pg_backup="latest"))

        assert "no primary key to name rows by: 2 inserted, 1 deleted" in found(result, "WARN  data: public.notes")


class TestCannotBeLookedAt:
    def test_a_backup_that_is_gone(self, migrated: Database, given: Kept, server: Server, label: str) -> None:
        place = _folders[server.version] / label
        place.rename(place.with_name("elsewhere"))
        try:
            result = validate(given())
        finally:
            place.with_name("elsewhere").rename(place)

        assert not result.ok
        assert "could not find backup" in found(result, f"FAIL  data: backup {label}")
        assert f"FAIL  totals: backup {label}" in result.text

    def test_a_description_that_was_edited(self, migrated: Database, given: Kept, server: Server, label: str) -> None:
        file = _folders[server.version] / label / "contents.json"
        before = file.read_text()
        contents = json.loads(before)
        contents["tables"]["public.customers"][0] += 1
        file.write_text(json.dumps(contents))
        try:
            result = validate(given())
        finally:
            file.write_text(before)

        assert not result.ok
        assert "contents.json does not fit the manifest" in found(result, f"FAIL  data: backup {label}")

    def test_one_on_another_machine(self, migrated: Database, given: Kept, label: str) -> None:
        migrated.run("UPDATE pgmigrate.backups SET host_name = 'db9'")

        result = validate(given())

        assert not result.ok
        assert "Found in the registry that it is on machine db9" in found(result, f"FAIL  data: backup {label}")

    def test_a_table_whose_rows_a_policy_hides(self, migrated: Database, given: Kept) -> None:
        migrated.server.administer("CREATE ROLE {} LOGIN", READER)
        try:
            migrated.run(f"GRANT pg_read_all_data, pg_monitor TO {READER}")

            result = validate(given(pg_user=READER))

            assert not result.ok
            assert "would be affected by row-level security policy" in found(result, "FAIL  data: the rows of now")
            assert "row-level security" in found(result, "FAIL  totals: project_rates")
        finally:
            migrated.server.administer("DROP ROLE {}", READER)

    def test_no_backup_was_taken(self, applied: Database) -> None:
        result = validate(applied.settings())

        assert result.ok, result.text
        assert "no backup was taken before: nothing to compare with" in found(result, "WARN  data: the database before")


def test_another_backup_may_be_named(migrated: Database, given: Kept, label: str) -> None:
    migrated.run("INSERT INTO customers (name) VALUES ('New')")
    assert backup(given(pg_verify="read")).changed == ["Backup"]

    assert f"as in backup {label} of" in found(validate(given()), "WARN  data: public.customers")
    result = validate(given(pg_backup="latest", pg_writes="stopped"))

    assert result.ok, result.text
    assert "PASS  data: 14 tables" in result.text
    assert f"backup {label}" not in result.text
