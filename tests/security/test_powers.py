"""A superuser among functions of others is told so, and does not try what the application does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from tests.security.traps import gained, role_of
from tests.support.harness import migrate, status, validate
from tests.support.servers import Database

# RESET ROLE undoes the SET ROLE under which a file of compatibility is tried.
_TRIGGER = """
CREATE FUNCTION public.look_up() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RESET ROLE;
    ALTER ROLE mallory SUPERUSER;
    RETURN NEW;
END $$;
"""


@pytest.fixture
def owned(legacy: Database) -> Iterator[psycopg.Connection[Any]]:
    """The application's tables belong to mallory, who has a trigger on one that the application writes to."""
    with role_of(legacy, "mallory") as session:
        for (name,) in legacy.rows("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'"):
            legacy.run(f"ALTER TABLE public.{name} OWNER TO mallory")
        session.execute(_TRIGGER.encode())
        session.execute("CREATE TRIGGER t BEFORE INSERT OR UPDATE ON projects FOR EACH ROW EXECUTE FUNCTION look_up()")
        session.execute(
            "CREATE TRIGGER t BEFORE INSERT OR UPDATE ON project_equipment_groups FOR EACH ROW EXECUTE FUNCTION look_up()"
        )
        yield session


def test_a_superuser_does_not_try_what_the_application_does(
    legacy: Database, kept: Callable[..., dict[str, Any]], owned: psycopg.Connection[Any]
) -> None:
    for verb in (migrate, validate):
        result = verb(kept(pg_compatibility=True))

        assert not result.ok, result.text
        assert any(
            "as superuser postgres" in one and "function public.look_up() of role mallory" in one
            for one in result.refusals
        )
        assert not gained(legacy, "mallory")
    assert legacy.value("SELECT to_regclass('pgmigrate.registry')") is None


def test_the_owner_may(legacy: Database, owned: psycopg.Connection[Any]) -> None:
    legacy.run(f"ALTER DATABASE {legacy.name} OWNER TO mallory")
    as_owner = legacy.settings(pg_user="mallory", pg_password="x", pg_compatibility=True)
    try:
        result = validate(as_owner)

        assert "rights" not in "\n".join(line for line in result.lines if line.startswith("WARN"))
        assert "is a superuser" not in result.text
        assert not any("as superuser" in one for one in result.refusals)
        assert not gained(legacy, "mallory")
    finally:
        legacy.run(f"ALTER DATABASE {legacy.name} OWNER TO {legacy.server.conninfo['user']}")


def test_a_superuser_is_told(legacy: Database, owned: psycopg.Connection[Any]) -> None:
    told = "role postgres is a superuser: what roles without that power wrote can run with it (function public.look_up() of role mallory)"

    assert f"WARN: {told}" in status(legacy.settings()).text
    checked = validate(legacy.settings()).text
    assert "WARN  rights: role postgres" in checked
    assert "docs/security.md" in checked
    assert not gained(legacy, "mallory")


def test_alone_he_is_not(legacy: Database) -> None:
    """Functions of extensions and of superusers are nobody else's."""
    legacy.run("CREATE FUNCTION one() RETURNS integer LANGUAGE sql AS 'SELECT 1'")

    assert "is a superuser" not in status(legacy.settings()).text
    assert "WARN  rights" not in validate(legacy.settings()).text
