"""The role that docs/least_privilege.sql makes can do all that the deploys do, and no more than its database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.backups import taken
from tests.support.harness import Result, backup, migrate, restore, rollback, status, validate
from tests.support.owners import give_to
from tests.support.servers import Database


@pytest.fixture
def as_owner(legacy: Database, kept: Callable[..., dict[str, Any]]) -> Iterator[Callable[..., dict[str, Any]]]:
    legacy.run("CREATE ROLE reader LOGIN; CREATE TABLE of_others (id integer); ALTER TABLE of_others OWNER TO reader")
    assert "stays with role reader: table public.of_others" in give_to(legacy, "app")
    legacy.run("ALTER ROLE app PASSWORD 'x'; GRANT SELECT ON of_others TO app")
    try:
        yield lambda **more: kept(pg_user="app", pg_password="x", **more)
    finally:
        legacy.close()
        with legacy.server.connect("postgres") as session:
            session.execute(f"DROP DATABASE IF EXISTS {legacy.name} WITH (FORCE)".encode())
            for (name,) in session.execute("SELECT datname FROM pg_database WHERE datname ~ '_before_'").fetchall():
                session.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())
            session.execute("DROP OWNED BY app, reader")
            session.execute("DROP ROLE app, reader")


def test_it_can_do_all_that_the_deploys_do(
    legacy: Database, as_owner: Callable[..., dict[str, Any]], folder: Path
) -> None:
    def done(result: Result) -> None:
        assert result.ok, result.text

    label = taken(folder, as_owner())
    done(migrate(as_owner(pg_compatibility=True)))
    done(migrate(as_owner()))
    done(status(as_owner()))
    done(validate(as_owner(pg_compatibility=True, pg_measure="always")))
    done(rollback(as_owner()))
    done(migrate(as_owner()))
    done(backup(as_owner()))
    # It ends sessions of ordinary roles, not of a superuser.
    legacy.close()
    done(restore(as_owner(pg_backup=label)))
    done(status(as_owner()))
    powers = legacy.rows(
        "SELECT rolsuper, rolcreaterole, rolreplication, rolbypassrls FROM pg_roles WHERE rolname = 'app'"
    )
    assert powers == [(False, False, False, False)]
