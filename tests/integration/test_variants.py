"""What the shipped migrations must do for the application, on a real server."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import psycopg
import pytest

from tests.support.application import OLD_RULE
from tests.support.harness import migrate
from tests.support.servers import Database

pytestmark = pytest.mark.usefixtures("one_by_one")


class TestColumns:
    def test_rows_and_applications_that_know_no_variant_get_the_default(self, applied: Database) -> None:
        project = applied.value("SELECT id FROM projects LIMIT 1")
        applied.session.execute(
            "INSERT INTO project_equipment_groups (project_id, name) VALUES (%s, 'Old application')",
            [project],
        )

        assert applied.rows("SELECT DISTINCT variant_name FROM project_equipment_groups") == [("default",)]
        assert applied.rows("SELECT DISTINCT variant_name FROM project_roles") == [("default",)]

    def test_a_unique_rule_on_groups_stands_after_every_step(self, legacy: Database) -> None:
        rules = {}
        for target in range(1, 7):
            migrate(legacy.settings(pg_target=target))
            rules[target] = legacy.rows(
                "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = 'project_equipment_groups'::regclass"
                " AND indisunique AND NOT indisprimary AND indisvalid ORDER BY 1"
            )

        assert all((OLD_RULE,) in rules[target] for target in range(1, 6))
        assert rules[6] == [("idx_project_equipment_groups_project_variant",)]


class TestVariantTable:
    @pytest.fixture
    def roles(self, legacy: Database) -> Iterator[dict[str, str]]:
        """Two roles of the application that own nothing: one may read and write projects, one only read."""
        names = {kind: f"app_{kind}_{uuid.uuid4().hex[:6]}" for kind in ("writer", "reader")}
        for name in names.values():
            legacy.server.administer("CREATE ROLE {} LOGIN", name)
        legacy.run(f"GRANT SELECT, INSERT, UPDATE, DELETE ON projects TO {names['writer']} WITH GRANT OPTION")
        legacy.run(f"GRANT SELECT ON projects TO {names['reader']}")
        yield names
        legacy.close()
        for name in names.values():
            legacy.run(f"DROP OWNED BY {name} CASCADE")
            legacy.server.administer("DROP ROLE {}", name)

    def session(self, database: Database, role: str, owner: object) -> psycopg.Connection[tuple[object, ...]]:
        connection = psycopg.connect(**{**database.server.conninfo, "dbname": database.name, "user": role})
        connection.autocommit = True
        connection.execute("SELECT set_config('app.user_id', %s, false)", [str(owner)])
        return connection

    def test_a_role_sees_and_changes_the_variants_of_its_own_projects_only(
        self, legacy: Database, roles: dict[str, str]
    ) -> None:
        migrate(legacy.settings())
        owners = legacy.rows(
            "SELECT p.owner_id, count(*), min(p.id::text) FROM projects AS p JOIN project_variants AS v"
            " ON v.project_id = p.id GROUP BY 1 ORDER BY 2 DESC LIMIT 2"
        )
        (mine, count, project), (_, _, foreign) = owners

        with self.session(legacy, roles["writer"], mine) as session:
            seen = session.execute("SELECT count(*) FROM project_variants").fetchone()
            session.execute(
                "INSERT INTO project_variants (project_id, variant_name, display_name) VALUES (%s, 'trio', 'Trio')",
                [project],
            )
            changed = session.execute(
                "UPDATE project_variants SET display_name = 'x' WHERE project_id = %s", [foreign]
            ).rowcount
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
                session.execute(
                    "INSERT INTO project_variants (project_id, variant_name, display_name) VALUES (%s, 'trio', 'Trio')",
                    [foreign],
                )

        assert seen == (count,)
        assert changed == 0

    def test_roles_have_the_privileges_that_they_have_on_projects(
        self, legacy: Database, roles: dict[str, str]
    ) -> None:
        migrate(legacy.settings())

        grants = (
            "SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee) END, a.privilege_type,"
            " a.is_grantable FROM pg_class AS c, aclexplode(c.relacl) AS a WHERE c.oid = %s::regclass"
            " AND a.grantee <> c.relowner ORDER BY 1, 2"
        )
        assert legacy.rows(grants, "project_variants") == legacy.rows(grants, "projects")
        session = self.session(legacy, roles["reader"], uuid.uuid4())
        with session, pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.execute("DELETE FROM project_variants")

    def test_it_belongs_to_the_owner_of_projects(self, legacy: Database, roles: dict[str, str]) -> None:
        legacy.run(f"ALTER TABLE projects OWNER TO {roles['writer']}")

        assert migrate(legacy.settings()).ok

        owner = "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = %s::regclass"
        assert legacy.value(owner, "project_variants") == roles["writer"]

    def test_a_privilege_that_is_withdrawn_later_is_drift(self, legacy: Database, roles: dict[str, str]) -> None:
        migrate(legacy.settings())
        legacy.run(f"REVOKE SELECT ON project_variants FROM {roles['reader']}")

        refused = migrate(legacy.settings())
        repaired = migrate(legacy.settings(pg_repair=True))

        assert f"{roles['reader']} has SELECT on projects and not here" in refused.text
        assert not refused.ok
        assert repaired.ok
        assert migrate(legacy.settings()).ok

    def test_rules_of_the_table_hold(self, applied: Database) -> None:
        project = applied.value("SELECT project_id FROM project_variants LIMIT 1")
        insert = (
            "INSERT INTO project_variants (project_id, variant_name, display_name, is_default) VALUES (%s, %s, 'x', %s)"
        )

        with pytest.raises(psycopg.errors.CheckViolation):
            applied.session.execute(insert, [project, "Not Valid", False])
        with pytest.raises(psycopg.errors.UniqueViolation):
            applied.session.execute(insert, [project, "default", False])
        with pytest.raises(psycopg.errors.ExclusionViolation):
            applied.session.execute(insert, [project, "second", True])
        applied.session.execute(insert, [project, "third", False])
        applied.run("UPDATE project_variants SET created_at = '2020-01-01', updated_at = '2020-01-01'")
        assert applied.value("SELECT min(updated_at) > now() - interval '1 minute' FROM project_variants")
        applied.session.execute("DELETE FROM projects WHERE id = %s", [project])
        assert applied.value("SELECT count(*) FROM project_variants WHERE project_id = %s", project) == 0


class TestDefaults:
    def test_each_artist_project_gets_one_and_others_get_none(self, applied: Database) -> None:
        assert applied.rows(
            "SELECT v.variant_name, v.display_name, v.is_default, count(*) FROM project_variants AS v GROUP BY 1, 2, 3"
        ) == [
            (
                "default",
                "Standard Setup",
                True,
                applied.value(
                    "SELECT count(*) FROM projects AS p JOIN project_types AS t ON t.id = p.project_type_id"
                    " WHERE t.code = 'artist'"
                ),
            )
        ]

    def test_a_project_with_another_default_keeps_it(self, legacy: Database) -> None:
        migrate(legacy.settings(pg_target=2))
        artists = "SELECT p.id FROM projects AS p JOIN project_types AS t ON t.id = p.project_type_id WHERE t.code = 'artist' ORDER BY p.id"
        (other,), (promoted,), (bare,) = legacy.rows(f"{artists} LIMIT 3")
        insert = (
            "INSERT INTO project_variants (project_id, variant_name, display_name, is_default) VALUES (%s, %s, %s, %s)"
        )
        legacy.session.execute(insert, [other, "band", "Band", True])
        legacy.session.execute(insert, [promoted, "default", "Mine", False])
        legacy.session.execute(insert, [bare, "trio", "Trio", False])

        result = migrate(legacy.settings())

        assert result.ok, result.text
        of_project = (
            "SELECT variant_name, display_name, is_default FROM project_variants WHERE project_id = %s ORDER BY 1"
        )
        assert legacy.rows(of_project, other) == [("band", "Band", True)]
        assert legacy.rows(of_project, promoted) == [("default", "Mine", True)]
        assert legacy.rows(of_project, bare) == [("default", "Standard Setup", True), ("trio", "Trio", False)]

    @pytest.mark.parametrize(
        "left", ["DELETE FROM projects", "UPDATE project_types SET code = 'band' WHERE code = 'artist'"]
    )
    def test_without_artist_projects_nothing_changes_and_nothing_fails(self, legacy: Database, left: str) -> None:
        legacy.run(left)

        result = migrate(legacy.settings())

        assert result.ok, result.text
        assert legacy.value("SELECT count(*) FROM project_variants") == 0

    def test_it_works_in_batches_each_a_transaction(self, legacy: Database) -> None:
        migrate(legacy.settings(pg_target=2))

        migrate(legacy.settings(pg_batch_rows=5))

        sizes = [count for (count,) in legacy.rows("SELECT count(*) FROM project_variants GROUP BY xmin::text")]
        assert sum(sizes) == 22
        assert max(sizes) == 5
        assert (
            legacy.value("SELECT details ->> 'rows' FROM pgmigrate.events WHERE version = 3 AND event = 'step'") == "22"
        )


# What is done to one row of a table, and what is told of that row then.
OTHER = "00000000-0000-0000-0000-000000000001"
DAMAGES = {
    "empty group": ("project_equipment_groups", "variant_name = ''", "variant_name is empty"),
    "empty role": ("project_roles", "variant_name = ''", "variant_name is empty"),
    "orphaned group": ("project_equipment_groups", f"project_id = '{OTHER}'", f"its project {OTHER} does not exist"),
    "orphaned role": ("project_roles", f"project_id = '{OTHER}'", f"its project {OTHER} does not exist"),
}


class TestValidation:
    def test_each_problem_is_reported_by_object_and_nothing_is_changed(self, legacy: Database) -> None:
        migrate(legacy.settings(pg_target=3))
        problems = {}
        for number, (name, (table, damage, problem)) in enumerate(DAMAGES.items()):
            (row,) = legacy.rows(f"SELECT id FROM {table} ORDER BY id LIMIT 1 OFFSET %s", number)[0]
            legacy.run(f"SET session_replication_role = replica; UPDATE {table} SET {damage} WHERE id = '{row}'")
            problems[name] = f"{table} {row}: {problem}"
        legacy.run("RESET session_replication_role")
        tables = ("project_equipment_groups", "project_roles")
        before = [legacy.rows(f"SELECT * FROM {table} ORDER BY id") for table in tables]

        result = migrate(legacy.settings(pg_target=4))

        assert not result.ok
        assert 'could not verify migration "004_validate_migration"' in result.text
        assert {name: problem for name, problem in problems.items() if problem not in result.text} == {}, result.text
        assert [legacy.rows(f"SELECT * FROM {table} ORDER BY id") for table in tables] == before
        assert legacy.rows("SELECT version FROM pgmigrate.migrations ORDER BY 1") == [(1,), (2,), (3,)]
        assert legacy.value("SELECT count(*) FROM pgmigrate.events WHERE event = 'failed' AND version = 4") == 1

    def test_an_artist_project_without_a_default_is_reported(self, applied: Database) -> None:
        applied.run("UPDATE project_variants SET is_default = NULL")

        plan = migrate(applied.settings(), execute=False)

        assert "because: the verify query finds 22 problem(s)" in plan.lines


def test_a_missing_column_is_refused_before_the_first_migration(legacy: Database) -> None:
    legacy.run("DROP VIEW project_group_totals; DROP TRIGGER set_group_price ON project_equipment")
    legacy.run("ALTER TABLE project_equipment_groups DROP COLUMN total_price")
    before = legacy.catalog()

    result = migrate(legacy.settings())

    assert not result.ok
    (refusal,) = result.refusals
    assert refusal.startswith(
        'cannot apply migration "005_add_lookup_indexes": column project_equipment_groups.total_price is missing'
    )
    assert "pg_target=004" in refusal
    assert legacy.catalog() == before
