"""Copies on servers where the connection is no superuser, speaks another language, or no other role may log in."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import Machines, on_docker, on_versions
from tests.docker.hosts import DockerHost
from tests.security.others import others_own
from tests.security.vectors import OWN
from tests.support.backups import copies, copy_roles, labels, manifest
from tests.support.evil import Evil
from tests.support.harness import backup, migrate, restore
from tests.support.servers import Database, Server

UNFOUND = {
    "index": (
        "CREATE TABLE factors (f integer);"
        "CREATE FUNCTION scaled(integer) RETURNS integer IMMUTABLE LANGUAGE plpgsql AS"
        " 'BEGIN RETURN (SELECT $1 * max(f) FROM factors); END';"
        "CREATE INDEX ON customers (scaled(length(name)));",
        "scaled(integer)",
    ),
    "check": (
        "CREATE FUNCTION inner_one(integer) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT $1 > 0';"
        "CREATE FUNCTION outer_one(integer) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS"
        " 'BEGIN RETURN inner_one($1); END';"
        "CREATE TABLE checked (i integer CHECK (outer_one(i))); INSERT INTO checked VALUES (1);",
        "outer_one(integer)",
    ),
    "generated column": (
        "CREATE TYPE mood AS ENUM ('1');"
        'CREATE FUNCTION "Odd one"(integer) RETURNS text IMMUTABLE LANGUAGE plpgsql AS'
        " 'BEGIN RETURN $1::text::mood; END';"
        'CREATE TABLE made (i integer, m text GENERATED ALWAYS AS ("Odd one"(i)) STORED); INSERT INTO made VALUES (1);',
        '"Odd one"(integer)',
    ),
}


class TestConnections:
    """Connections that are no superuser's."""

    @on_versions(15, 18)
    def test_the_power_to_make_roles_is_nobodys_either(
        self, evil: Evil, kept: Callable[..., dict[str, Any]], folder: Path, server: Server
    ) -> None:
        maker = f"maker_{secrets.token_hex(3)}"
        database = evil.database
        database.run(
            f"CREATE ROLE {maker} LOGIN CREATEDB CREATEROLE PASSWORD '{maker}'; GRANT pg_read_all_data TO {maker}"
        )
        database.run(f"ALTER ROLE {maker} BYPASSRLS; GRANT {maker} TO CURRENT_USER")
        evil.plants(where="^pgmigrate_copy_")
        evil.run(OWN["check"])
        try:
            result = backup(kept(pg_user=maker, pg_password=maker))

            assert evil.gained == []
            assert result.ok, result.text
            (label,) = labels(folder)
            assert manifest(folder, label)["verification"]["how"] == "restore"
            assert copies(server) == copy_roles(server) == []
        finally:
            database.run(f"DROP OWNED BY {maker}; DROP ROLE {maker}")

    @on_docker
    @pytest.mark.parametrize("language", ["en", "de"])
    def test_objects_of_other_roles_and_event_triggers_are_notes(
        self,
        legacy: Database,
        kept: Callable[..., dict[str, Any]],
        folder: Path,
        server: Server,
        machines: Machines,
        language: str,
    ) -> None:
        """As on managed servers: the owner of the database, without superuser."""
        owner = f"owner_{secrets.token_hex(3)}"
        with others_own(legacy) as role, speaking(language, machines.host(17), server):
            legacy.run(
                f"CREATE ROLE {owner} LOGIN CREATEDB BYPASSRLS PASSWORD '{owner}'; GRANT pg_read_all_data TO {owner}"
            )
            legacy.run(f"ALTER DATABASE {legacy.name} OWNER TO {owner}; GRANT SELECT ON LARGE OBJECT 4711 TO {owner}")
            settings = kept(pg_user=owner, pg_password=owner)
            try:
                result = backup(settings)

                assert result.ok, result.text
                (label,) = labels(folder)
                verification = manifest(folder, label)["verification"]
                assert verification["how"] == "restore"
                notes = "\n".join(verification["notes"])
                assert f"owner {role} was not set on the copy and not compared, of theirs, " in notes
                assert "event trigger was not made on the copy and not compared: ears: " in notes
                assert "publication was not made on the copy and not compared: all_of_it: " in notes
                assert ("Berechtigung" in notes) == (language == "de"), notes
                legacy.close()
                restored = restore({**settings, "pg_backup": label})
                assert restored.ok, restored.text
            finally:
                legacy.close()
                for (old,) in legacy.rows(
                    "SELECT datname FROM pg_database WHERE datname LIKE %s", f"{legacy.name}_before_%"
                ):
                    # It keeps what the role has in it.
                    server.administer("DROP DATABASE {} WITH (FORCE)", old)
                legacy.run(f"ALTER DATABASE {legacy.name} OWNER TO postgres")
                legacy.run(f"REASSIGN OWNED BY {owner} TO postgres; DROP OWNED BY {owner}; DROP ROLE {owner}")

    @on_docker
    def test_a_server_that_speaks_another_language_is_understood(
        self,
        legacy: Database,
        kept: Callable[..., dict[str, Any]],
        folder: Path,
        server: Server,
        machines: Machines,
    ) -> None:
        legacy.run(UNFOUND["generated column"][0])
        with speaking("de", machines.host(17), server):
            refused = backup(kept())
            legacy.run("DROP TABLE made")
            migrated = migrate(kept())

        assert 'ALTER FUNCTION "Odd one"(integer) SET search_path' in refused.refusals[0], refused.text
        assert migrated.ok, migrated.text


@contextmanager
def speaking(language: str, host: DockerHost, server: Server) -> Iterator[None]:
    """Lets a server answer in a language."""
    if language == "en":
        yield
        return
    host.run("localedef", "--no-archive", "-i", "de_DE", "-f", "UTF-8", "de_DE.UTF-8")
    try:
        server.administer("ALTER SYSTEM SET lc_messages = 'de_DE.UTF-8'")
        server.administer("SELECT pg_reload_conf()")
        yield
    finally:
        server.administer("ALTER SYSTEM RESET lc_messages")
        server.administer("SELECT pg_reload_conf()")


@contextmanager
def only_postgres(host: DockerHost, server: Server) -> Iterator[None]:
    """Lets nobody but the superuser log in."""
    path = "/srv/postgresql/pg_hba.conf"
    kept = host.run("cat", path)
    try:
        host.write(path, "local all postgres peer\nhost all postgres all scram-sha-256\n")
        server.administer("SELECT pg_reload_conf()")
        yield
    finally:
        host.write(path, kept)
        server.administer("SELECT pg_reload_conf()")


@on_docker
def test_where_no_such_role_may_log_in_a_backup_is_read_and_nothing_is_migrated(
    legacy: Database, kept: Callable[..., dict[str, Any]], folder: Path, server: Server, machines: Machines
) -> None:
    with only_postgres(machines.host(17), server):
        backed = backup(kept())
        migrated = migrate(kept())
        allowed = migrate(kept(pg_copy_role="connection"))

    assert backed.ok, backed.text
    assert "note: verified by reading alone: could not log in to a copy" in backed.text
    first = manifest(folder, labels(folder)[0])["verification"]
    assert first["how"] == "read"
    assert "pg_hba.conf" in first["notes"][0]
    assert not migrated.ok
    assert "--data pg_copy_role=connection" in migrated.refusals[0]
    assert allowed.ok, allowed.text
    assert copies(server) == copy_roles(server) == []


# Since 17 an index over such a function cannot be made any more; an upgraded database may have one.
@on_versions(15)
@pytest.mark.parametrize(("text", "function"), UNFOUND.values(), ids=UNFOUND)
def test_a_function_that_nobody_can_restore_is_named_with_its_cure(
    legacy: Database, kept: Callable[..., dict[str, Any]], text: str, function: str
) -> None:
    if "CREATE INDEX" in text and legacy.server.version >= 17:
        with pytest.raises(psycopg.errors.UndefinedTable):
            legacy.run(text)
        return
    legacy.run(text)

    refused = backup(kept())

    assert not refused.ok
    cure = f"ALTER FUNCTION {function} SET search_path = public, pg_temp"
    (refusal,) = refused.refusals
    assert f"function {function} does not name the schemas of what it uses" in refusal
    assert f"HINT: On the database: {cure}; then take another backup" in refusal
    legacy.run(cure)
    assert backup(kept()).ok
