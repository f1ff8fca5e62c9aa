"""An ordinary role that wants to be more than it is."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.servers import Database

# Tries all that would make its caller's power its own; each for itself, so that one refusal hides nothing.
_GRAB = """
CREATE FUNCTION {evil}.grab() RETURNS void LANGUAGE plpgsql AS $grab$
DECLARE
    statement text;
BEGIN
    IF pg_catalog.current_database() !~ '{where}' THEN
        RETURN;
    END IF;
    FOREACH statement IN ARRAY ARRAY[
        'RESET ROLE',
        'RESET SESSION AUTHORIZATION',
        'ALTER ROLE {evil} SUPERUSER',
        'ALTER ROLE {evil} CREATEROLE CREATEDB',
        'GRANT pg_execute_server_program TO {evil}',
        'CREATE ROLE {evil}_door SUPERUSER',
        $$COPY (SELECT 1) TO '{file}'$$
    ] LOOP
        BEGIN
            EXECUTE statement;
        EXCEPTION
            WHEN OTHERS THEN NULL;
        END;
    END LOOP;
END;
$grab$;
CREATE FUNCTION {evil}.yes(integer) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS
$$ BEGIN PERFORM {evil}.grab(); RETURN true; END $$;
CREATE FUNCTION {evil}.same(integer) RETURNS integer IMMUTABLE LANGUAGE plpgsql AS
$$ BEGIN PERFORM {evil}.grab(); RETURN $1; END $$;
CREATE FUNCTION {evil}.row() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM {evil}.grab(); RETURN COALESCE(NEW, OLD); END $$;
CREATE FUNCTION {evil}.ddl() RETURNS event_trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM {evil}.grab(); END $$;
"""


@dataclass(frozen=True)
class Evil:
    """An ordinary role with a schema of its own in the database.

    + file: that it would have the server write
    """

    name: str
    database: Database
    file: Path

    def run(self, text: str) -> None:
        """Runs SQL as this role; ``{evil}`` is its name and that of its schema."""
        with self.database.server.connect(self.database.name, user=self.name, password=self.name) as connection:
            connection.execute(text.replace("{evil}", self.name).encode())

    def run_as_superuser(self, text: str) -> None:
        """Runs what somebody with power did for it, unsuspecting."""
        self.database.run(text.replace("{evil}", self.name))

    def plants(self, *, where: str) -> None:
        """Makes the functions that grab what they can get.

        + where: pattern of the databases in which they do
        """
        self.run(_GRAB.replace("{where}", where).replace("{file}", str(self.file)))

    @property
    def gained(self) -> list[str]:
        """What it has that it should not have; a superuser looks."""
        with self.database.server.connect("postgres") as connection:
            rows = connection.execute(
                "SELECT rolname || ' is a superuser' FROM pg_roles WHERE rolname LIKE %(name)s AND rolsuper"
                " UNION ALL SELECT rolname || ' may make roles or databases' FROM pg_roles"
                " WHERE rolname LIKE %(name)s AND (rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls)"
                " UNION ALL SELECT 'member of ' || roleid::regrole FROM pg_auth_members"
                " WHERE member::regrole::text LIKE %(name)s"
                " UNION ALL SELECT 'there is ' || rolname FROM pg_roles WHERE rolname = %(door)s",
                {"name": f"{self.name}%", "door": f"{self.name}_door"},
            ).fetchall()
        return [row[0] for row in rows] + ([f"wrote {self.file}"] if self.file.exists() else [])


@contextmanager
def evil_role(
    legacy: Database, *, tables: Sequence[str] = ("project_equipment_groups", "project_roles")
) -> Iterator[Evil]:
    """An ordinary role that may have a schema, and put a trigger on tables of the application."""
    name = f"evil_{secrets.token_hex(3)}"
    legacy.run(
        f"CREATE ROLE {name} LOGIN PASSWORD '{name}'; GRANT CREATE ON DATABASE {legacy.name} TO {name};"
        f"CREATE SCHEMA {name} AUTHORIZATION {name};"
        + "".join(f"GRANT TRIGGER ON {table} TO {name};" for table in tables)
    )
    found = Evil(name, legacy, Path(f"/tmp/{name}"))
    try:
        yield found
    finally:
        found.file.unlink(missing_ok=True)
        before = legacy.rows("SELECT datname FROM pg_database WHERE datname LIKE %s", f"{legacy.name}_before_%")
        for (old,) in before:
            legacy.server.administer("DROP DATABASE {} WITH (FORCE)", old)
        legacy.run(
            f"DROP EVENT TRIGGER IF EXISTS ears; DROP SCHEMA IF EXISTS {name} CASCADE; DROP OWNED BY {name} CASCADE"
        )
        legacy.run(f"DROP ROLE {name}; DROP ROLE IF EXISTS {name}_door")


def gains_nothing_by_being_made(evil: Evil) -> None:
    """Takes back what it gained as a superuser made it, unsuspecting: that is not what is tried."""
    with evil.database.server.connect("postgres") as session:
        session.execute(f"ALTER ROLE {evil.name} NOSUPERUSER NOCREATEROLE NOCREATEDB".encode())
        session.execute(
            f"DROP ROLE IF EXISTS {evil.name}_door; REVOKE pg_execute_server_program FROM {evil.name}".encode()
        )
    evil.file.unlink(missing_ok=True)
    assert evil.gained == []
