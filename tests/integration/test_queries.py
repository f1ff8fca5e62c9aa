"""The cost of queries: measured before and after the migrations, kept, compared, and told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import legacy_data
import pytest

from tests.conftest import NEWEST, Machines, on_versions
from tests.support import templates
from tests.support.contents import contents_of
from tests.support.harness import Result, migrate, rollback, validate
from tests.support.migrations import NAMES, copied, record
from tests.support.registries import make_older
from tests.support.servers import Database, Server
from tests.support.waiting import wait_for

LEGACY = ("group_by_name", "owner_projects", "project_events", "project_groups", "project_roles")
VARIANTS = ("variant_bulk", "variant_fallback", "variant_groups")
ALL = sorted(LEGACY + VARIANTS)


@pytest.fixture
def large(server: Server) -> Iterator[Database]:
    """A legacy database with enough rows for its indexes to matter."""
    with server.database(templates.large(server)) as database:
        yield database


@pytest.fixture(scope="module")
def without_index(machines: Machines, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped migrations, and one that drops an index which a shipped query uses."""
    folder = copied(tmp_path_factory.mktemp("without_index"))
    text = "-- purpose: save space\n-- phase: contract\n\nDROP INDEX idx_project_event_roles_project;\n"
    (folder / "007_save_space.sql").write_text(text)
    record(folder, machines.server(NEWEST))
    return folder


def passed(result: Result) -> list[str]:
    """Returns the queries that validate.py says PASS of."""
    return [line.split(": ")[1] for line in result.lines if line.startswith("PASS  query: ")]


def told(result: Result, query: str) -> str:
    """Returns what is said of a query that did not pass, in one line."""
    place = next(place for place, line in enumerate(result.lines) if re.match(f"(FAIL|WARN)  query: {query}$", line))
    return " | ".join(result.lines[place : place + 3])


def kept(database: Database) -> list[tuple[str, str]]:
    """Returns moment and query of all measurements, in order."""
    found: list[tuple[str, str]] = database.rows("SELECT moment, query FROM pgmigrate.measurements ORDER BY id")
    return found


def seen_by_vacuum(database: Database, table: str) -> bool:
    """Returns whether a VACUUM marks all pages; while anybody, autovacuum too, has an old snapshot, it does not."""
    database.run(f"VACUUM ANALYZE {table}")
    return bool(database.value("SELECT relallvisible >= relpages FROM pg_class WHERE oid = %s::regclass", table))


def with_queries(folder: Path, **texts: str) -> str:
    """Returns the SQL folder with these queries in place of the shipped ones."""
    sql = copied(folder)
    for path in (sql / "queries").iterdir():
        path.unlink()
    for name, text in texts.items():
        (sql / "queries" / f"{name}.sql").write_text(f"-- purpose: {name}\n\n{text};\n")
    return str(sql)


@pytest.mark.usefixtures("one_by_one")
@on_versions(15, 18)
def test_a_good_run_measures_the_shipped_queries_and_a_second_one_changes_nothing(large: Database) -> None:
    first = migrate(large.settings(pg_measure="changes"))

    assert first.ok, first.text
    assert first.changed == NAMES
    assert kept(large) == [("before", name) for name in LEGACY] + [("after", name) for name in ALL]
    access = dict(
        large.rows(
            "SELECT moment, string_agg(n.value ->> 2, ' ') FROM pgmigrate.measurements"
            " CROSS JOIN jsonb_array_elements(plan) AS n WHERE query = 'group_by_name' GROUP BY moment"
        )
    )
    assert access["before"] == "idx_project_equipment_groups_project"
    assert access["after"].startswith("idx_project_equipment_groups_project_variant")
    assert large.value("SELECT min(buffers) > 0 AND min(row_count) > 0 FROM pgmigrate.measurements")
    assert large.rows("SELECT DISTINCT version FROM pgmigrate.measurements ORDER BY 1") == [(6,), (None,)]

    before = contents_of(large)
    second, checked = migrate(large.settings(pg_measure="changes")), validate(large.settings(pg_measure="changes"))

    assert second.ok
    assert (second.changed, second.unchanged) == ([], ["Check"])
    assert checked.ok, checked.text
    assert passed(checked) == ALL
    assert contents_of(large) == before


class TestDroppedIndex:
    def test_fails_the_run_and_the_next_validation_with_query_buffers_and_plans(
        self, large: Database, without_index: Path
    ) -> None:
        settings = large.settings(pg_measure="changes", pg_sql_dir=str(without_index))

        result = migrate(settings)

        assert not result.ok
        assert result.failed == ["Validation"]
        assert "first of all, query of owner_projects: " in result.refusals[0]
        figures = dict(large.rows("SELECT moment, buffers FROM pgmigrate.measurements WHERE query = 'owner_projects'"))
        assert figures["after"] > figures["before"]
        for found in (told(result, "owner_projects"), told(validate(settings), "owner_projects")):
            assert re.search(
                rf"found {figures['before']} buffers \(\S+ ms\) before, {figures['after']} buffers \(\S+ ms\) now; "
                ".*idx_project_event_roles_project on project_event_roles -> Seq Scan on project_event_roles: "
                "that index is gone, or INVALID",
                found,
            ), found
        assert passed(validate(settings)) == [name for name in ALL if name != "owner_projects"]

    def test_on_a_small_table_fails_nothing(self, legacy: Database, without_index: Path) -> None:
        result = migrate(legacy.settings(pg_measure="changes", pg_sql_dir=str(without_index)))

        assert result.ok, result.text
        assert {query for _, query in kept(legacy)} == set(ALL)
        assert "FAIL" not in validate(
            legacy.settings(pg_measure="changes", pg_sql_dir=str(without_index))
        ).text.replace("0 FAIL", "")

    def test_fails_although_the_table_was_small_when_it_was_first_measured(
        self, legacy: Database, without_index: Path
    ) -> None:
        assert migrate(legacy.settings(pg_measure="changes")).ok
        legacy.run(
            "SET session_replication_role = replica;"
            "INSERT INTO crew_roles (name) SELECT 'More ' || n FROM generate_series(1, 200) AS n;"
            "INSERT INTO project_event_roles (project_id, event_id, role_id) SELECT e.project_id, e.id, r.id"
            " FROM project_events AS e JOIN crew_roles AS r ON r.name LIKE 'More%' ORDER BY e.project_id;"
            "ANALYZE"
        )
        settings = legacy.settings(pg_measure="changes", pg_sql_dir=str(without_index))

        result = migrate(settings)

        assert result.failed == ["Validation"], result.text
        for found in (told(result, "owner_projects"), told(validate(settings), "owner_projects")):
            assert found.startswith("FAIL")
            assert "before the migrations of " in found
            assert "-> Seq Scan on project_event_roles: that index is gone" in found

    def test_by_other_hands_fails_until_it_is_back(self, large: Database) -> None:
        assert migrate(large.settings(pg_measure="changes")).ok
        large.run("ALTER INDEX idx_project_equipment_group RENAME TO other_name")
        assert "query: project_groups" not in validate(large.settings(pg_measure="changes")).text.split("PASS")[0]
        large.run("DROP INDEX other_name")

        without = validate(large.settings(pg_measure="changes"))
        large.run("CREATE INDEX idx_project_equipment_group ON project_equipment (group_id)")

        assert "-> Seq Scan on project_equipment" in told(without, "project_groups")
        assert "project_groups" in passed(validate(large.settings(pg_measure="changes")))


def test_rows_that_no_vacuum_has_seen_yet_are_a_warning(large: Database, tmp_path: Path) -> None:
    text = "SELECT '40000000-0000-0000-0000-000000000000'; SELECT count(*) FROM project_roles WHERE project_id < $1"
    settings = large.settings(pg_measure="changes", pg_sql_dir=with_queries(tmp_path, roles=text), pg_target=1)
    large.run("ALTER TABLE project_roles SET (autovacuum_enabled = false)")
    wait_for(lambda: seen_by_vacuum(large, "project_roles"), what="a VACUUM that sees all rows", seconds=60, every=0.5)
    assert migrate(settings).ok
    # One row on each page: the index-only scan has to look at all rows of the page then.
    large.run("UPDATE project_roles SET hourly_rate = 1 WHERE ctid::text LIKE '%,1)'")

    written = validate(settings)
    wait_for(lambda: seen_by_vacuum(large, "project_roles"), what="a VACUUM that sees all rows", seconds=60, every=0.5)

    assert re.search(r"WARN .* \d+ of them for rows that no VACUUM has seen", told(written, "roles")), written.text
    assert "next: VACUUM project_roles" in written.text
    assert passed(validate(settings)) == ["roles"]


class TestNotMeasured:
    def test_fails_with_the_reason(self, legacy: Database, tmp_path: Path) -> None:
        sql = with_queries(
            tmp_path,
            slow="SELECT count(*) FROM generate_series(1, 1000000000)",
            slow_to_draw="SELECT count(*) FROM generate_series(1, 1000000000); SELECT $1::bigint",
            missing="SELECT id FROM nowhere",
            writing="SELECT pg_catalog.set_config('a.b', 'c', false), pg_catalog.lo_create(0)",
            wanting="SELECT 1; SELECT $1::integer + $2::integer",
            good="SELECT 41; SELECT $1::integer + 1",
        )

        result = migrate(legacy.settings(pg_measure="changes", pg_sql_dir=sql, pg_target=1, pg_query_timeout_s=0.5))

        assert not result.ok
        assert (result.changed, result.failed) == (["001_add_variant_columns"], ["Validation"])
        for name, why in {
            "slow": "canceling statement due to statement timeout (SQLSTATE 57014)",
            "slow_to_draw": "canceling statement due to statement timeout (SQLSTATE 57014)",
            "missing": 'relation "nowhere" does not exist (SQLSTATE 42P01)',
            "writing": "in a read-only transaction (SQLSTATE 25006)",
            "wanting": "wrong number of parameters",
        }.items():
            assert f"note: query {name} could not be measured" in result.text
            assert told(result, name).startswith(f"FAIL  query: {name} | found could not be measured: ")
            assert why in told(result, name)
        assert kept(legacy) == [("before", "good"), ("after", "good")]

    def test_before_the_migrations_fails_once(self, legacy: Database, tmp_path: Path) -> None:
        sql = with_queries(tmp_path, early="SELECT count(variant_name) FROM project_roles")

        result = migrate(legacy.settings(pg_measure="changes", pg_sql_dir=sql, pg_target=1))

        assert not result.ok
        assert "could not be measured before the migrations: column" in told(result, "early")
        assert passed(validate(legacy.settings(pg_measure="changes", pg_sql_dir=sql))) == ["early"]

    def test_for_want_of_rows_is_a_warning(self, server: Server) -> None:
        with server.database("empty") as database:
            database.run(legacy_data.BASELINE.read_text())

            result = migrate(database.settings(pg_measure="changes"))

            assert result.ok, result.text
            checked = validate(database.settings(pg_measure="changes"))
            assert checked.ok
            for name in ALL:
                assert "not measured: no row to draw its parameters from" in told(checked, name)
            assert kept(database) == []

    def test_because_a_file_writes_is_refused_before_anything_runs(self, legacy: Database, tmp_path: Path) -> None:
        sql = with_queries(tmp_path, bulk="UPDATE project_roles SET daily_rate = 1")

        with pytest.raises(Exception, match=r"cannot measure bulk\.sql.*it may only read"):
            migrate(legacy.settings(pg_measure="changes", pg_sql_dir=sql))

        assert legacy.value("SELECT to_regnamespace('pgmigrate') IS NULL")


class TestFirstMeasurement:
    def test_keeps_its_parameters_whatever_comes_after(self, legacy: Database) -> None:
        assert migrate(legacy.settings(pg_measure="changes", pg_target=2)).ok
        legacy.run(
            "INSERT INTO project_equipment_groups (project_id, name) SELECT p.id, 'New ' || n"
            " FROM (SELECT max(id::text)::uuid AS id FROM projects) AS p CROSS JOIN generate_series(1, 50) AS n"
        )

        # One operation for all of them, this time.
        assert migrate(legacy.settings(pg_measure="changes", pg_batch_from=1)).ok

        found = legacy.rows(
            "SELECT query, count(*), count(DISTINCT parameters), min(version) FROM pgmigrate.measurements"
            " WHERE query LIKE '%group%' GROUP BY query ORDER BY query"
        )
        assert found == [("group_by_name", 4, 1, 2), ("project_groups", 4, 1, 2), ("variant_groups", 3, 1, 2)]

    def test_of_an_older_registry_is_made_on_request_alone(self, legacy: Database) -> None:
        assert migrate(legacy.settings(pg_measure="changes")).ok
        make_older(legacy, 3)

        none = validate(legacy.settings(pg_measure="changes"))
        assert migrate(legacy.settings(pg_measure="changes")).ok
        assert legacy.value("SELECT max(version) FROM pgmigrate.registry") == 3
        asked = migrate(legacy.settings(pg_measure="always"))

        assert none.ok
        assert "nothing to compare with" in told(none, "project_groups")
        assert asked.ok, asked.text
        assert (asked.changed, asked.unchanged) == ([], ["Check", "Validation"])
        assert kept(legacy) == [("after", name) for name in ALL]
        assert legacy.value("SELECT count(*) FROM pgmigrate.runs WHERE finished_at IS NULL") == 0
        assert passed(validate(legacy.settings(pg_measure="changes"))) == ALL

    def test_of_a_query_whose_migration_was_rolled_back_waits_for_it(self, legacy: Database) -> None:
        assert migrate(legacy.settings(pg_measure="changes")).ok
        assert rollback(legacy.settings(pg_measure="changes")).ok

        back = validate(legacy.settings(pg_measure="changes"))
        assert migrate(legacy.settings(pg_measure="changes")).ok

        assert passed(back) == list(LEGACY)
        assert not any(f"query: {name}" in back.text for name in VARIANTS)
        assert passed(validate(legacy.settings(pg_measure="changes"))) == ALL
        assert kept(legacy).count(("after", "variant_groups")) == 2


def test_nothing_is_measured_where_nobody_wants_it_and_that_is_told(legacy: Database) -> None:
    result = migrate(legacy.settings(pg_measure="never"))

    assert result.ok, result.text
    assert kept(legacy) == []
    assert "found not measured: pg_measure is never" in validate(legacy.settings(pg_measure="never")).text
