"""Migrations that do what the role of a copy may not: rehearsed but for that, or refused with a way out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.security.others import others_own
from tests.security.vectors import OTHERS, OWN
from tests.support.backups import copies, copy_roles
from tests.support.evil import Evil
from tests.support.harness import migrate
from tests.support.migrations import copied, record
from tests.support.servers import Database, Server


class TestMigrations:
    """What migrations do that the role of a copy may not."""

    def _folder(self, tmp_path: Path, server: Server, text: str) -> str:
        sql = copied(tmp_path)
        (sql / "007_more.sql").write_text(f"-- purpose: more\n-- phase: schema\n\n{text}\n")
        record(sql, server)
        return str(sql)

    def test_that_give_to_other_roles_are_rehearsed_but_for_that(
        self, legacy: Database, kept: Callable[..., dict[str, Any]], tmp_path: Path, server: Server
    ) -> None:
        with others_own(legacy) as role:
            sql = self._folder(
                tmp_path,
                server,
                f"CREATE TABLE more (id integer); ALTER TABLE more OWNER TO {role}; GRANT SELECT ON more TO {role}_2;"
                f"ALTER DEFAULT PRIVILEGES FOR ROLE {role} GRANT SELECT ON TABLES TO {role}_2;",
            )

            result = migrate(kept(pg_sql_dir=sql))

            assert result.ok, result.text
            note = f"note: 007_more: not rehearsed, as a copy has one role only: ALTER TABLE more OWNER TO {role}"
            assert note in result.text
            assert legacy.value("SELECT relowner::regrole::text FROM pg_class WHERE relname = 'more'") == role
            assert copy_roles(server) == []

    def test_that_need_a_superuser_are_refused_with_two_ways_out(
        self, legacy: Database, kept: Callable[..., dict[str, Any]], tmp_path: Path, server: Server
    ) -> None:
        sql = self._folder(
            tmp_path,
            server,
            "CREATE FUNCTION hears() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';"
            "CREATE EVENT TRIGGER hears ON sql_drop EXECUTE FUNCTION hears();",
        )

        refused = migrate(kept(pg_sql_dir=sql))
        allowed = migrate(kept(pg_sql_dir=sql, pg_copy_role="connection"))

        assert not refused.ok
        assert "--data pg_copy_role=connection; or without a rehearsal: --data pg_rehearse=off" in refused.refusals[0]
        assert legacy.value("SELECT count(*) FROM pg_proc WHERE proname = 'hears'") == 1
        assert allowed.ok, allowed.text
        assert copies(server) == copy_roles(server) == []

    def test_that_change_a_publication_are_rehearsed(
        self, legacy: Database, kept: Callable[..., dict[str, Any]], tmp_path: Path, server: Server
    ) -> None:
        sql = self._folder(tmp_path, server, "CREATE TABLE more (id integer PRIMARY KEY);")
        legacy.run("CREATE PUBLICATION one FOR TABLE customers")
        migrate(legacy.settings(pg_sql_dir=sql))
        (tmp_path / "sql" / "008_published.sql").write_text(
            "-- purpose: more\n-- phase: schema\n\nALTER TABLE more ADD COLUMN n integer;\n"
        )
        record(tmp_path / "sql", server)

        assert migrate(kept(pg_sql_dir=sql)).ok

    def test_are_rehearsed_on_the_structure_alone_as_that_role(
        self, evil: Evil, kept: Callable[..., dict[str, Any]], server: Server
    ) -> None:
        evil.plants(where="^pgmigrate_copy_")
        evil.run(OWN["row trigger"])
        evil.run(OWN["materialized view"])
        evil.run_as_superuser(OTHERS["event trigger"])

        result = migrate(kept(pg_skip_backup=True, pg_rehearse="schema"))

        assert evil.gained == []
        assert result.ok, result.text
        assert copies(server) == copy_roles(server) == []
