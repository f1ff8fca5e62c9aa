"""How migrations of other applications run, and migrations after those of an earlier version of the library."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyinfra_pgmigrate.registry.model import REGISTRY_VERSION

from tests.support.contents import contents_of
from tests.support.harness import migrate, rollback, status
from tests.support.migrations import copied, record
from tests.support.registries import OLDER, make_older
from tests.support.servers import Database, Server

pytestmark = pytest.mark.usefixtures("one_by_one")


class TestOtherMigrations:
    """Migrations of other applications, with what the shipped ones do not have."""

    def folder(self, tmp_path: Path, server: Server, **files: str) -> Path:
        sql = tmp_path / "sql"
        sql.mkdir()
        for name, text in files.items():
            suffix = ".verify.sql" if name.endswith("_verify") else ".sql"
            stem = name.removeprefix("m").removesuffix("_verify")
            (sql / f"{stem}{suffix}").write_text(text)
        record(sql, server)
        return sql

    def test_psql_does_not_look_into_statements(self, server: Server, tmp_path: Path) -> None:
        text = (
            "-- purpose: odd text\n-- phase: schema\n\n"
            "CREATE TABLE odd (a integer[] DEFAULT (ARRAY[1, 2, 3])[1:2], b text DEFAULT E'\\\\d :DBNAME :''x'' \\n',"
            ' "we""ird col" text);\n'
            "COMMENT ON TABLE odd IS 'a ''quoted'' \\! echo :USER';\n"
            "CREATE FUNCTION odd_text() RETURNS text LANGUAGE sql AS $q$ SELECT '\\echo :PORT' $q$;\n"
        )
        sql = self.folder(tmp_path, server, m001_odd=text)
        with server.database("empty") as database:
            result = migrate(database.settings(pg_sql_dir=str(sql)))

            assert result.ok, result.text
            assert database.value("SELECT odd_text()") == "\\echo :PORT"
            assert database.value("SELECT obj_description('odd'::regclass)") == "a 'quoted' \\! echo :USER"
            assert not migrate(database.settings(pg_sql_dir=str(sql))).changed

    def test_a_verify_query_that_cannot_run_is_refused(self, server: Server, tmp_path: Path) -> None:
        sql = self.folder(
            tmp_path,
            server,
            m001_table="-- purpose: a table\n-- phase: schema\n\nCREATE TABLE counted (n integer);\n",
            m001_table_verify="SELECT 'n'::text AS object, (1 / n)::text AS problem FROM counted WHERE 1 / n > 5",
        )
        with server.database("empty") as database:
            settings = database.settings(pg_sql_dir=str(sql))
            assert migrate(settings).ok
            database.run("INSERT INTO counted VALUES (0)")

            result = migrate(settings)

            assert not result.ok
            assert "the verify query could not run: division by zero (SQLSTATE 22012)" in result.text

    def test_pure_data_without_a_verify_query_runs_once(self, server: Server, tmp_path: Path) -> None:
        sql = self.folder(
            tmp_path,
            server,
            m001_table="-- purpose: a table\n-- phase: schema\n\nCREATE TABLE counted (n integer);\n",
            m002_row="-- purpose: a row\n-- phase: data\n\nINSERT INTO counted VALUES (1);\n",
        )
        with server.database("empty") as database:
            for _ in range(2):
                assert migrate(database.settings(pg_sql_dir=str(sql))).ok
            assert database.value("SELECT count(*) FROM counted") == 1

    def test_later_migrations_may_replace_what_earlier_ones_made(self, server: Server, tmp_path: Path) -> None:
        sql = self.folder(
            tmp_path,
            server,
            m001_table="-- purpose: a table\n-- phase: schema\n\nCREATE TABLE thing (id integer, size integer, extra text);\n",
            m002_wider="-- purpose: wider\n-- phase: schema\n\nALTER TABLE thing ALTER COLUMN size TYPE bigint;\n",
            m003_less="-- purpose: less\n-- phase: contract\n\nALTER TABLE thing DROP COLUMN extra;\n",
        )
        with server.database("empty") as database:
            settings = database.settings(pg_sql_dir=str(sql))
            assert migrate(settings).ok
            assert not migrate(settings).changed

            # Without a registry the same is told from the lines alone.
            database.run("DROP SCHEMA pgmigrate CASCADE")
            adopted = migrate(settings)

            assert adopted.ok, adopted.text
            assert database.rows("SELECT how FROM pgmigrate.migrations") == [("adopted",)] * 3

    def test_a_registry_of_a_newer_version_is_refused(self, legacy: Database) -> None:
        migrate(legacy.settings(pg_target=1))
        legacy.run("INSERT INTO pgmigrate.registry (version, tool_version) VALUES (99, '9.9')")

        result = migrate(legacy.settings())

        assert not result.ok
        assert "cannot use a registry of version 99" in result.text

    @pytest.mark.parametrize("version", OLDER)
    def test_an_older_registry_is_read_and_upgraded_by_the_next_run(self, legacy: Database, version: int) -> None:
        migrate(legacy.settings(pg_target=1))
        make_older(legacy, version)
        assert "1 of 6 migrations applied" in status(legacy.settings()).text
        assert legacy.value("SELECT max(version) FROM pgmigrate.registry") == version

        result = migrate(legacy.settings(pg_target=2))

        assert result.ok, result.text
        assert legacy.rows("SELECT version FROM pgmigrate.registry ORDER BY 1") == [
            (one,) for one in range(1, REGISTRY_VERSION + 1)
        ]
        assert legacy.rows("SELECT version, how FROM pgmigrate.migrations ORDER BY 1") == [
            (1, "applied"),
            (2, "applied"),
        ]
        assert legacy.value("SELECT count(*) FROM pgmigrate.quarantines") == 0

    def test_what_an_older_version_kept_is_put_back(self, applied: Database) -> None:
        applied.run("UPDATE project_roles SET variant_name = 'trio' WHERE id IN (SELECT id FROM project_roles LIMIT 3)")
        before = contents_of(applied)
        assert rollback(applied.settings()).ok
        make_older(applied, 2)
        assert "in the quarantine of run" in status(applied.settings()).text

        assert migrate(applied.settings()).ok

        after = contents_of(applied)
        for table in ("public.project_roles", "public.project_variants"):
            assert after.tables[table] == before.tables[table]

    def test_changed_copies_need_recording(self, legacy: Database, tmp_path: Path) -> None:
        sql = copied(tmp_path)
        (sql / "005_add_lookup_indexes.effect").unlink()

        result = migrate(legacy.settings(pg_sql_dir=str(sql)))

        assert not result.ok
        assert 'cannot use migration "005_add_lookup_indexes": its effect is not recorded' in result.text
        assert not result.changed
