"""Rows that break a rule which a rollback brings back: renamed or moved out, and as they were on the way forward."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import on_versions
from tests.support.application import application, same
from tests.support.contents import contents_of
from tests.support.harness import migrate, rollback
from tests.support.migrations import record
from tests.support.servers import Database, Server
from tests.support.variants import use_variants

OLD_COLUMNS = "id, project_id, name, sort_order, total_price, created_at, updated_at"
MODES = ("rename", "quarantine")


def defaults_of(database: Database) -> list[tuple[Any, ...]]:
    """Returns the rows that the old application knew, every column, updated_at and prices included."""
    return database.rows(
        f"SELECT {OLD_COLUMNS} FROM project_equipment_groups WHERE sort_order <> 7 ORDER BY id"
    ) + database.rows("SELECT * FROM project_equipment WHERE quantity <> 2 OR group_id IS NULL ORDER BY id")


class TestThereAndBack:
    @on_versions(18)
    @pytest.mark.parametrize("mode", MODES)
    def test_everything_is_as_if_nothing_had_happened(self, legacy: Database, mode: str) -> None:
        first = legacy.catalog()
        assert migrate(legacy.settings()).ok
        use_variants(legacy)
        legacy.run("CREATE VIEW theirs AS SELECT project_id, count(*) FROM project_variants GROUP BY project_id")
        before, defaults = application(legacy), defaults_of(legacy)
        assert not rollback(legacy.settings()).ok

        back = rollback(legacy.settings(pg_on_conflict=mode, pg_dependents="quarantine"))

        assert back.ok, back.text
        assert application(legacy).catalog == first
        assert defaults_of(legacy) == defaults
        assert legacy.value("SELECT count(*) FROM pg_trigger WHERE tgenabled <> 'O'") == 0
        assert rollback(legacy.settings()).unchanged == ["Rollback"]
        forward = migrate(legacy.settings())
        assert forward.ok, forward.text
        assert same(before, legacy) == []
        assert legacy.value("SELECT count(*) FROM pgmigrate.quarantines WHERE restored_at IS NULL") == 0
        assert legacy.rows("SELECT tablename FROM pg_tables WHERE tablename LIKE 'quarantine\\_%'") == []

    @pytest.mark.parametrize("mode", MODES)
    def test_the_last_step_may_be_held_back_meanwhile(self, used: Database, mode: str) -> None:
        before = application(used)
        assert rollback(used.settings(pg_on_conflict=mode)).ok

        assert migrate(used.settings(pg_target=5)).ok
        assert used.value("SELECT count(*) FROM pgmigrate.quarantines WHERE restored_at IS NULL") > 0
        assert migrate(used.settings()).ok

        assert same(before, used) == []

    @pytest.mark.parametrize("mode", MODES)
    def test_and_again_from_half_way(self, used: Database, mode: str) -> None:
        before = application(used)
        for target in (5, 2, None):
            assert rollback(used.settings(pg_on_conflict=mode)).ok
            assert migrate(used.settings(**({} if target is None else {"pg_target": target}))).ok

        assert same(before, used) == []


class TestRename:
    def test_says_the_variant_and_is_free(self, used: Database) -> None:
        project, name = used.rows(
            "SELECT project_id, name FROM project_equipment_groups WHERE variant_name = 'trio' ORDER BY id LIMIT 1"
        )[0]
        for taken in (f"{name} (trio)", f"{name} (trio 2)"):
            used.session.execute(
                "INSERT INTO project_equipment_groups (project_id, name) VALUES (%s, %s)", [project, taken]
            )

        dry = rollback(used.settings(pg_on_conflict="rename"), execute=False)
        result = rollback(used.settings(pg_on_conflict="rename"))

        assert result.ok, result.text
        found = {
            row[0] for row in used.rows("SELECT name FROM project_equipment_groups WHERE project_id = %s", project)
        }
        assert {name, f"{name} (trio)", f"{name} (trio 2)", f"{name} (trio 3)", f"{name} (band)"} <= found
        many = used.value("SELECT count(*) FROM project_equipment_groups WHERE sort_order = 7")
        assert f"renames {many} rows of project_equipment_groups" in dry.text
        assert re.search(r'\((.+), [0-9a-f-]{36}\) in band becomes "\1 \(band\)"', dry.text)
        assert f"renamed: {many} rows of table project_equipment_groups" in result.text

    def test_one_that_was_renamed_since_keeps_its_name(self, used: Database) -> None:
        assert rollback(used.settings(pg_on_conflict="rename")).ok
        group = used.value("SELECT id FROM project_equipment_groups WHERE name LIKE '%(trio)' ORDER BY id LIMIT 1")
        used.session.execute("UPDATE project_equipment_groups SET name = 'Ours' WHERE id = %s", [group])

        result = migrate(used.settings())

        assert result.ok, result.text
        assert f"{group}: its row is gone, or was changed since" in result.text
        assert used.rows("SELECT name, variant_name FROM project_equipment_groups WHERE id = %s", group) == [
            ("Ours", "trio")
        ]
        assert used.value("SELECT count(*) FROM project_equipment_groups WHERE name LIKE '%(trio)'") == 0


class TestQuarantine:
    def test_moves_what_hangs_on_the_rows_and_nothing_else(self, used: Database) -> None:
        groups = used.value("SELECT count(*) FROM project_equipment_groups")
        equipment = used.value("SELECT count(*) FROM project_equipment")
        moved = used.value("SELECT count(*) FROM project_equipment_groups WHERE sort_order = 7")

        result = rollback(used.settings(pg_on_conflict="quarantine"))

        assert result.ok, result.text
        assert used.value("SELECT count(*) FROM project_equipment_groups") == groups - moved
        assert used.value("SELECT count(*) FROM project_equipment") == equipment - moved
        assert used.rows(
            "SELECT table_name, row_count FROM pgmigrate.quarantines WHERE kind = 'row' ORDER BY table_name"
        ) == [("project_equipment", moved), ("project_equipment_groups", moved)]

    def test_what_cannot_come_back_is_told_row_by_row(self, used: Database) -> None:
        first, second, third = (row[0] for row in used.rows("SELECT id FROM projects ORDER BY id LIMIT 3"))
        lost = used.value(
            "SELECT count(*) FROM project_equipment_groups WHERE sort_order = 7 AND project_id = %s", first
        )
        group = used.value(
            "SELECT id FROM project_equipment_groups WHERE sort_order = 7 AND project_id = %s ORDER BY id LIMIT 1",
            second,
        )
        kept = used.value(
            "SELECT count(*) FROM project_equipment_groups WHERE sort_order = 7 AND project_id = %s", third
        )
        assert rollback(used.settings(pg_on_conflict="quarantine")).ok
        used.session.execute("DELETE FROM projects WHERE id = %s", [first])
        used.session.execute(
            "INSERT INTO project_equipment_groups (id, project_id, name) VALUES (%s, %s, 'Squatter')", [group, second]
        )

        result = migrate(used.settings())

        assert result.ok, result.text
        assert f"{group}: what it belongs to is gone, or its key is taken" in result.text
        assert (
            used.value(
                "SELECT row_count FROM pgmigrate.quarantines WHERE kind = 'row' AND table_name = 'project_equipment_groups'"
            )
            == lost + 1
        )
        assert used.value("SELECT name FROM project_equipment_groups WHERE id = %s", group) == "Squatter"
        assert (
            used.value("SELECT count(*) FROM project_equipment_groups WHERE sort_order = 7 AND project_id = %s", third)
            == kept
        )


class TestRefusals:
    def test_what_others_built_is_told_with_them(self, used: Database) -> None:
        used.run("CREATE VIEW theirs AS SELECT * FROM project_variants")

        (refusal,) = rollback(used.settings()).refusals

        assert (
            "1 object created outside these migrations depends on objects that would be dropped; and cannot roll back: "
            in refusal
        )
        assert "Found view theirs;" in refusal
        assert ") in default, band, trio;" in refusal
        assert "pg_dependents=quarantine And: See what either would do: --dry --data pg_on_conflict=rename" in refusal

    def test_no_more_than_twenty_are_listed_with_the_count(self, used: Database) -> None:
        count = used.value("SELECT count(*) FROM project_equipment_groups WHERE variant_name = 'trio'")
        assert count > 20
        before = contents_of(used)

        result = rollback(used.settings())

        (refusal,) = result.refusals
        assert f"{count} duplicate (name, project_id) values in table project_equipment_groups" in refusal
        assert refusal.count(") in default, band, trio") == 20
        assert f" and {count - 20} more;" in refusal
        assert contents_of(used) == before

    @pytest.mark.parametrize("mode", MODES)
    def test_rows_that_nothing_tells_apart_are_left_to_people(self, used: Database, mode: str) -> None:
        used.run(
            "DROP INDEX idx_project_equipment_groups_project_variant;"
            "INSERT INTO project_equipment_groups (project_id, name)"
            " SELECT project_id, name FROM project_equipment_groups WHERE sort_order <> 7 ORDER BY id LIMIT 1"
        )
        before = contents_of(used)

        result = rollback(used.settings(pg_on_conflict=mode))

        assert "In 1 of them more than one row has the default values" in result.refusals[0]
        assert contents_of(used) == before


PLANNER = {
    "baseline": """CREATE TABLE "Room" (building integer, floor integer, PRIMARY KEY (building, floor));
CREATE TABLE slot (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, building integer, floor integer,
    hour integer NOT NULL, label varchar(12) NOT NULL, next integer REFERENCES slot ON DELETE SET NULL, twice integer
    GENERATED ALWAYS AS (hour * 2) STORED, FOREIGN KEY (building, floor) REFERENCES "Room",
    CONSTRAINT one_label UNIQUE (building, floor, label));
CREATE TABLE booking (slot integer NOT NULL REFERENCES slot ON DELETE CASCADE, who text);
CREATE TABLE remark (id integer PRIMARY KEY, slot integer REFERENCES slot ON DELETE SET NULL, text text);
CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'touched'; END; $$;""",
    "001_seasons": "-- purpose: seasons\n-- phase: schema\n\nALTER TABLE slot ADD COLUMN season text NOT NULL DEFAULT 'all';",
    "002_let_go": "-- purpose: rule\n-- phase: contract\n\nALTER TABLE slot DROP CONSTRAINT one_label;",
    "rollback_seasons": "-- purpose: back\n-- reverts: 001-002\n-- keeps: slot.next\n\nALTER TABLE slot DROP COLUMN IF EXISTS season;",
}


class TestAnotherApplication:
    """With keys of two columns, an identity, a generated column, references of each kind and a short name."""

    @pytest.mark.parametrize("mode", MODES)
    def test_goes_there_and_back(self, server: Server, tmp_path: Path, mode: str) -> None:
        for name, text in PLANNER.items():
            (tmp_path / f"{name}.sql").write_text(text + "\n")
        record(tmp_path, server)
        with server.database("empty") as database:
            database.run(PLANNER["baseline"])
            first = application(database).catalog
            settings = database.settings(pg_sql_dir=str(tmp_path), pg_on_conflict=mode)
            assert migrate(settings).ok
            database.run(
                'INSERT INTO "Room" SELECT 1, i FROM generate_series(1, 5) AS i;'
                "INSERT INTO slot (building, floor, hour, label, season)"
                " SELECT 1, f, f, 'A long label', s FROM generate_series(1, 5) AS f, unnest(ARRAY['all', 'summer']) AS s;"
                # Nulls are all different: no conflict.
                "INSERT INTO slot (hour, label, season) VALUES (1, 'x', 'all'), (1, 'x', 'summer');"
                "UPDATE slot SET next = (SELECT max(id) FROM slot WHERE season = 'summer' AND floor = 5);"
                "INSERT INTO booking SELECT id, who FROM slot, unnest(ARRAY['a', 'a', 'b']) AS who;"
                "INSERT INTO remark SELECT id, id, 'r' FROM slot;"
                "CREATE TRIGGER no BEFORE INSERT OR UPDATE OR DELETE ON slot FOR EACH ROW EXECUTE FUNCTION no();"
                "CREATE TRIGGER no BEFORE INSERT OR UPDATE OR DELETE ON remark FOR EACH ROW EXECUTE FUNCTION no();"
                "CREATE TRIGGER no BEFORE INSERT OR UPDATE OR DELETE ON booking FOR EACH ROW EXECUTE FUNCTION no()"
            )
            before = application(database)

            back = rollback(settings)

            assert back.ok, back.text
            found = application(database).catalog
            assert {line for line in found.lines if " no " not in line} >= set(first.lines)
            if mode == "rename":
                assert database.value("SELECT count(*) FROM slot WHERE label = 'A l (summer)'") == 5
            else:
                assert database.value("SELECT count(*) FROM slot") == 7
                # Without a word of it in the script, what references a moved row moves, whatever its key does on delete.
                assert database.value("SELECT count(*) FROM remark") == 7
                assert database.value("SELECT count(*) FROM remark WHERE slot IS NULL") == 0
                assert database.value("SELECT count(*) FROM slot WHERE next IS NOT NULL") == 0
                assert database.value("SELECT count(*) FROM booking") == 21
            assert migrate(settings).ok
            assert same(before, database) == []


@pytest.mark.parametrize("mode", MODES)
def test_the_owner_of_the_tables_needs_to_be_no_superuser(server: Server, mode: str) -> None:
    with server.database("legacy") as database:
        owner = f"owner_{database.name}"
        database.run(f"CREATE ROLE {owner} LOGIN PASSWORD 'not secret'")
        try:
            # A registry is trusted only of the owner of the database, or of a superuser.
            database.run(f"ALTER DATABASE {database.name} OWNER TO {owner}; GRANT ALL ON SCHEMA public TO {owner}")
            for kind, name in database.rows(
                "SELECT CASE relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END, oid::regclass::text FROM pg_class"
                " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v')"
            ):
                database.run(f"ALTER {kind} {name} OWNER TO {owner}")
            settings = database.settings(pg_user=owner, pg_password="not secret")
            assert migrate(settings).ok
            use_variants(database)
            database.run(f"SET ROLE {owner}; CREATE VIEW theirs AS SELECT * FROM project_variants; RESET ROLE")
            before = application(database)

            back = rollback({**settings, "pg_on_conflict": mode, "pg_dependents": "quarantine"})

            assert back.ok, back.text
            forward = migrate(settings)
            assert forward.ok, forward.text
            assert same(before, database) == []
        finally:
            database.run(
                f"ALTER DATABASE {database.name} OWNER TO CURRENT_USER; DROP OWNED BY {owner} CASCADE; DROP ROLE {owner}"
            )
