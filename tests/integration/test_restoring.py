"""Restoring a database, or one table of it, from a backup."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import pytest
from pyinfra_pgmigrate.copies.restore_log import differences

from tests.conftest import on_versions
from tests.support.backups import copies, fill_oddly
from tests.support.contents import contents_of
from tests.support.harness import backup, migrate, restore
from tests.support.servers import Database, Server
from tests.support.writers import Writers


class TestRestoring:
    @on_versions(18)
    def test_brings_back_the_moment_of_the_backup(
        self, legacy: Database, kept: Callable[..., dict[str, Any]], server: Server
    ) -> None:
        fill_oddly(legacy)
        before = contents_of(legacy)
        assert migrate(kept()).ok
        legacy.run("DELETE FROM project_roles; DROP TABLE nothing_in_it")
        assert contents_of(legacy) != before
        legacy.close()

        result = restore(kept(pg_backup="latest"))

        assert result.ok, result.text
        assert list(differences(before, contents_of(legacy))) == []
        (old,) = [
            row[0]
            for row in legacy.rows("SELECT datname FROM pg_database WHERE datname LIKE %s", f"{legacy.name}_before_%")
        ]
        with server.connect(old) as connection:
            assert connection.execute("SELECT count(*) FROM pgmigrate.migrations").fetchone() == (6,)
        server.administer("DROP DATABASE {} WITH (FORCE)", old)
        assert copies(server) == []

    def test_ends_sessions_that_are_in_the_way_and_lets_them_come_back_at_once(
        self, legacy: Database, kept: Callable[..., dict[str, Any]], server: Server
    ) -> None:
        backup(kept())
        with Writers(legacy, reconnect=True) as writers:
            result = restore(kept(pg_backup="latest"))
            done = writers.done

        assert result.ok, result.text
        assert writers.done > done or writers.reconnects > 0
        assert writers.longest_s < 5
        self._drop_old(legacy, server)

    @staticmethod
    def _drop_old(legacy: Database, server: Server) -> None:
        legacy.close()
        with server.connect("postgres") as connection:
            rows = connection.execute(
                "SELECT datname FROM pg_database WHERE datname LIKE %s", [f"{legacy.name}_before_%"]
            ).fetchall()
        for (name,) in rows:
            server.administer("DROP DATABASE {} WITH (FORCE)", name)

    def test_no_run_is_at_work_in_what_was_restored(
        self, legacy: Database, kept: Callable[..., dict[str, Any]], server: Server
    ) -> None:
        migrate(legacy.settings(pg_target=1))
        legacy.run(
            "INSERT INTO pgmigrate.runs (run_id, seen_at, operator, controller, inventory_host, os_user, host_name, tool_version)"
            " VALUES (gen_random_uuid(), now() + interval '1 hour', 'a', 'b', 'c', 'd', 'e', 'f')"
        )
        assert backup(kept()).ok
        legacy.close()

        assert restore(kept(pg_backup="latest", pg_run_wait_s=1)).ok

        assert legacy.value("SELECT count(*) FROM pgmigrate.runs WHERE finished_at IS NULL") == 0
        assert legacy.value("SELECT details ->> 'backup' FROM pgmigrate.events WHERE event = 'restored'") is not None
        assert migrate(legacy.settings(pg_run_wait_s=1)).ok
        self._drop_old(legacy, server)

    def test_properties_of_the_database_come_back(
        self, legacy: Database, kept: Callable[..., dict[str, Any]], server: Server
    ) -> None:
        role = f"owner_{secrets.token_hex(3)}"
        legacy.run(f"CREATE ROLE {role}")
        legacy.run(
            f"ALTER DATABASE {legacy.name} SET search_path = public, pg_catalog;"
            f"ALTER DATABASE {legacy.name} SET work_mem = '8MB'; ALTER ROLE {role} IN DATABASE {legacy.name} SET work_mem = '9MB';"
            f"COMMENT ON DATABASE {legacy.name} IS 'ours'; REVOKE CONNECT ON DATABASE {legacy.name} FROM PUBLIC;"
            f"GRANT CONNECT ON DATABASE {legacy.name} TO {role} WITH GRANT OPTION; ALTER DATABASE {legacy.name} CONNECTION LIMIT 77;"
            f"ALTER DATABASE {legacy.name} OWNER TO {role}"
        )
        query = (
            "SELECT datdba::regrole::text, datacl::text, datconnlimit, shobj_description(oid, 'pg_database'),"
            " (SELECT array_agg(setconfig::text || setrole ORDER BY setrole) FROM pg_db_role_setting WHERE setdatabase = d.oid)"
            " FROM pg_database AS d WHERE datname = current_database()"
        )
        before = legacy.rows(query)
        try:
            assert backup(kept()).ok
            legacy.close()

            result = restore(kept(pg_backup="latest"))

            assert result.ok, result.text
            assert _sorted_grants(legacy.rows(query)) == _sorted_grants(before)
        finally:
            self._drop_old(legacy, server)
            legacy.run(f"ALTER DATABASE {legacy.name} OWNER TO postgres; DROP OWNED BY {role}; DROP ROLE {role}")

    def test_needs_the_name_of_the_database_where_group_data_says_so(
        self, legacy: Database, kept: Callable[..., dict[str, Any]], server: Server
    ) -> None:
        backup(kept())
        before = contents_of(legacy)

        for more in ({}, {"pg_confirm": "other"}):
            result = restore(kept(pg_backup="latest", pg_needs_confirm=True, **more))
            assert not result.ok
            assert f"--data pg_confirm={legacy.name}" in result.refusals[0]
        assert contents_of(legacy) == before

        legacy.close()
        assert restore(kept(pg_backup="latest", pg_needs_confirm=True, pg_confirm=legacy.name)).ok
        self._drop_old(legacy, server)

    def test_makes_a_database_that_is_gone(
        self, legacy: Database, kept: Callable[..., dict[str, Any]], server: Server
    ) -> None:
        before = contents_of(legacy)
        backup(kept())
        legacy.close()
        server.administer("DROP DATABASE {}", legacy.name)

        result = restore(kept(pg_backup="latest"))

        assert result.ok, result.text
        assert list(differences(before, contents_of(legacy))) == []

    @pytest.mark.parametrize("label", ["no.such.label", "latest"])
    def test_of_a_backup_that_is_not_there_is_refused(self, kept: Callable[..., dict[str, Any]], label: str) -> None:
        result = restore(kept(pg_backup=label))

        assert not result.ok
        assert f'could not find backup "{label}"' in result.refusals[0]

    def test_without_a_label_is_refused(self, kept: Callable[..., dict[str, Any]]) -> None:
        result = restore(kept())

        assert not result.ok
        assert "--data pg_backup=latest" in result.refusals[0]

    @on_versions(15)
    def test_one_table_comes_into_a_schema_beside(
        self, legacy: Database, kept: Callable[..., dict[str, Any]], server: Server
    ) -> None:
        fill_oddly(legacy)
        backup(kept())
        expected = contents_of(legacy).tables
        legacy.run("DELETE FROM project_roles")

        for table, name in (("project_roles", "public.project_roles"), ('"Other Schema"."Odd ""Names"" here"',) * 2):
            result = restore(kept(pg_backup="latest", pg_table=table))

            assert result.ok, result.text
            side = next(line for line in result.lines if "is in schema" in line).split('"')[-2]
            found = {key: value for key, value in contents_of(legacy).tables.items() if side in key}
            assert list(found.values()) == [expected[name]]
        assert legacy.value("SELECT count(*) FROM project_roles") == 0
        assert copies(server) == []

    def test_a_table_that_is_not_there_is_refused(self, kept: Callable[..., dict[str, Any]]) -> None:
        backup(kept())

        result = restore(kept(pg_backup="latest", pg_table="project_rols"))

        assert not result.ok
        assert "--data pg_table=public.project_roles" in result.refusals[0]


def _sorted_grants(rows: list[tuple[Any, ...]]) -> list[Any]:
    return [(owner, sorted(grants.strip("{}").split(",")), *rest) for owner, grants, *rest in rows]
