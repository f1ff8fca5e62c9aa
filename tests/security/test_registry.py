"""The registry is read only where it is ours: whoever plants one has nothing run, and is named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from tests.security.traps import gained, role_of
from tests.support.harness import Result, backup, migrate, rollback, status, validate
from tests.support.servers import Database

_PWN = """
CREATE FUNCTION public.pwn() RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
    ALTER ROLE mallory SUPERUSER;
    RETURN 1;
END $$;
CREATE FUNCTION public.pwn_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    ALTER ROLE mallory SUPERUSER;
    RETURN NEW;
END $$;
"""
# What an ordinary role can plant that may create schemas, or tables in a schema of ours.
_TABLES = """
CREATE TABLE pgmigrate.registry (version integer PRIMARY KEY, installed_at timestamptz, tool_version text);
INSERT INTO pgmigrate.registry VALUES (1, now(), 'x');
"""
PLANTED = {
    "a view": "CREATE SCHEMA pgmigrate; CREATE VIEW pgmigrate.registry AS SELECT pwn() AS version, now() AS installed_at, 'x' AS tool_version",
    "a materialized view": "CREATE SCHEMA pgmigrate; CREATE MATERIALIZED VIEW pgmigrate.registry AS SELECT 1 AS version",
    "a plain table": f"CREATE SCHEMA pgmigrate; {_TABLES}",
    "a trigger": f"CREATE SCHEMA pgmigrate; {_TABLES} CREATE TRIGGER t BEFORE INSERT OR UPDATE ON pgmigrate.registry FOR EACH ROW EXECUTE FUNCTION pwn_row()",
    "a generated column": "CREATE SCHEMA pgmigrate; CREATE TABLE pgmigrate.runs (run_id uuid DEFAULT gen_random_uuid(), version integer DEFAULT pwn())",
    "an empty schema": "CREATE SCHEMA pgmigrate",
}
# What its owner could do to one of ours, were it his.
CHANGED = {
    "a view in it": ("CREATE VIEW pgmigrate.measurements_of_mine AS SELECT pwn()", "view pgmigrate.measurements_of_mine is no plain table"),
    "a rule": ("CREATE RULE r AS ON UPDATE TO pgmigrate.runs DO ALSO SELECT pwn()", "table pgmigrate.runs has a rule"),
    "row security": ("ALTER TABLE pgmigrate.runs ENABLE ROW LEVEL SECURITY", "table pgmigrate.runs has row security"),
    "a trigger": (
        "CREATE TRIGGER t BEFORE INSERT ON pgmigrate.events FOR EACH ROW EXECUTE FUNCTION pwn_row()",
        "table pgmigrate.events has a trigger of somebody else",
    ),
    "a child": ("CREATE TABLE pgmigrate.more () INHERITS (pgmigrate.events)", "table pgmigrate.events inherits"),
    "another owner": ("ALTER TABLE pgmigrate.events OWNER TO mallory", "table pgmigrate.events belongs to role mallory"),
}  # fmt: skip


@pytest.fixture
def mallory(legacy: Database) -> Iterator[psycopg.Connection[Any]]:
    with role_of(legacy, "mallory") as session:
        session.execute(_PWN.encode())
        yield session


def refused(result: Result, what: str) -> None:
    assert not result.ok, result.text
    assert len(result.refusals) == 1, result.text
    assert "its registry cannot be trusted" in result.refusals[0]
    assert what in result.refusals[0]


@pytest.mark.parametrize("how", PLANTED)
def test_a_planted_registry_is_refused_by_name_and_nothing_in_it_runs(
    legacy: Database, kept: Callable[..., dict[str, Any]], mallory: psycopg.Connection[Any], how: str
) -> None:
    legacy.run(f"GRANT CREATE ON DATABASE {legacy.name} TO mallory")
    mallory.execute(PLANTED[how].encode())

    for verb in (status, backup, migrate, rollback, validate) if how == "a view" else (status, migrate):
        refused(verb(kept()), "schema pgmigrate belongs to role mallory")
    assert not gained(legacy, "mallory")

    legacy.run("ALTER SCHEMA pgmigrate RENAME TO pgmigrate_foreign")
    assert migrate(kept(pg_skip_backup=True, pg_target=1)).ok
    assert not gained(legacy, "mallory")


@pytest.mark.parametrize("how", CHANGED)
def test_ours_with_something_of_others_in_it_is_refused(
    applied: Database, mallory_there: psycopg.Connection[Any], how: str
) -> None:
    statement, told = CHANGED[how]
    applied.run(statement)

    refused(status(applied.settings()), told)
    refused(migrate(applied.settings()), told)
    assert not gained(applied, "mallory")


@pytest.fixture
def mallory_there(applied: Database) -> Iterator[psycopg.Connection[Any]]:
    with role_of(applied, "mallory") as session:
        session.execute(_PWN.encode())
        yield session


def test_who_may_have_made_it(legacy: Database) -> None:
    """The owner of the database, a superuser, and a role of which the one that connects is a member."""

    def read(settings: dict[str, Any]) -> bool:
        # A role that may not migrate may look: what it may not do stands below that.
        text = status(settings).text
        return "1 of 6 migrations applied" in text and "no drift" in text

    me = legacy.server.conninfo["user"]
    legacy.run("CREATE ROLE keeper; CREATE ROLE deployer LOGIN PASSWORD 'x' IN ROLE keeper")
    legacy.run(f"ALTER DATABASE {legacy.name} OWNER TO keeper")
    as_deployer = legacy.settings(pg_user="deployer", pg_password="x")
    try:
        assert migrate(legacy.settings(pg_target=1)).ok
        legacy.run(
            "GRANT USAGE ON SCHEMA pgmigrate TO deployer; GRANT SELECT ON ALL TABLES IN SCHEMA pgmigrate TO deployer"
        )
        assert read(as_deployer)
        for (name,) in legacy.rows("SELECT tablename::text FROM pg_tables WHERE schemaname = 'pgmigrate'"):
            legacy.run(f"ALTER TABLE pgmigrate.{name} OWNER TO keeper")
        legacy.run("ALTER SCHEMA pgmigrate OWNER TO keeper")
        assert read(legacy.settings())
        assert read(as_deployer)
        # A superuser is a member of every role, which says nothing.
        legacy.run(f"ALTER DATABASE {legacy.name} OWNER TO {me}")
        assert read(as_deployer)
        refused(status(legacy.settings()), "belongs to role keeper")
    finally:
        legacy.run(f"ALTER DATABASE {legacy.name} OWNER TO {me}; DROP SCHEMA IF EXISTS pgmigrate CASCADE")
        legacy.run("DROP OWNED BY deployer, keeper; DROP ROLE deployer, keeper")
