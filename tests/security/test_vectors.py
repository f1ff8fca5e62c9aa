"""Every way that others left to run code of theirs, and every deploy, on the database itself.

As its owner, which is what the inventories connect as, there is nothing to gain in the first place, and everything must
work. As a superuser nothing of it may run by itself either, as long as no statement of the SQL folder writes where it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.security.vectors import CALLED_BY_READING, OTHERS, OWN
from tests.support.backups import taken
from tests.support.evil import Evil, gains_nothing_by_being_made
from tests.support.harness import Result, backup, migrate, restore, rollback, status, validate
from tests.support.owners import give_to
from tests.support.servers import Database

# In "make test"; all of them in "make soak".
_TRIED = ("cast", "own row trigger", "index expression of others", "event trigger of others")
# Fire on what migrations and rollbacks write into tables of the application: those of the SQL folder have the rights of
# the connection, see docs/security.md.
_WRITTEN_TO = {"own row trigger", "own statement trigger", "own constraint trigger", "event trigger of others"}
_ALL = {
    **{f"own {name}" if "trigger" in name else name: (text, "") for name, text in OWN.items()},
    **{f"{name} of others": ("", text) for name, text in OTHERS.items()},
}


def _vectors(names: Iterator[str]) -> list[Any]:
    return [pytest.param(*_ALL[name], id=name, marks=() if name in _TRIED else pytest.mark.soak) for name in names]


@pytest.fixture
def as_owner(
    legacy: Database, evil: Evil, kept: Callable[..., dict[str, Any]]
) -> Iterator[Callable[..., dict[str, Any]]]:
    name = f"owner_of_{legacy.name}"
    give_to(legacy, name)
    legacy.run(f"ALTER ROLE {name} PASSWORD 'x'")
    try:
        yield lambda **more: kept(pg_user=name, pg_password="x", **more)
    finally:
        me = legacy.server.conninfo["user"]
        with legacy.server.connect("postgres") as session:
            beside = "SELECT datname FROM pg_database WHERE datname ~ %s"
            for (database,) in session.execute(beside, [f"^{legacy.name}"]).fetchall():
                session.execute(f'ALTER DATABASE "{database}" OWNER TO {me}'.encode())
                with legacy.server.connect(database) as inside:
                    inside.execute(f"REASSIGN OWNED BY {name} TO {me}; DROP OWNED BY {name}".encode())
            session.execute(f"DROP ROLE {name}".encode())


@pytest.mark.parametrize(("own", "others"), _vectors(iter(_ALL)))
def test_as_the_owner_every_deploy_works_and_nobody_gains_anything(
    legacy: Database, evil: Evil, as_owner: Callable[..., dict[str, Any]], folder: Path, own: str, others: str
) -> None:
    evil.plants(where="")
    evil.run(own or "SELECT 1")
    legacy.run(
        f"GRANT USAGE ON SCHEMA {evil.name} TO PUBLIC; GRANT SELECT ON ALL TABLES IN SCHEMA {evil.name} TO PUBLIC"
    )
    legacy.run("ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO PUBLIC")
    # Before it: whoever makes an event trigger as a superuser is the first whom it hears.
    evil.run_as_superuser(others)
    gains_nothing_by_being_made(evil)

    def done(result: Result) -> None:
        assert evil.gained == []
        assert result.ok, result.text

    done(status(as_owner()))
    if "ROW LEVEL SECURITY" in own:
        # A backup would lack the rows that a policy hides from the owner of the database: none is taken.
        refused = backup(as_owner(pg_verify="read"))
        assert evil.gained == []
        assert not refused.ok
        assert "row-level security policy" in refused.text
        done(migrate(as_owner(pg_skip_backup=True)))
        done(validate(as_owner(pg_compatibility=True)))
        done(rollback(as_owner(pg_skip_backup=True)))
        return
    label = taken(folder, as_owner(pg_verify="read"))
    done(migrate(as_owner(pg_verify="read", pg_rehearse="off")))
    done(validate(as_owner(pg_compatibility=True)))
    done(rollback(as_owner(pg_verify="read")))
    done(backup(as_owner(pg_verify="read")))
    legacy.close()
    if own:
        done(restore(as_owner(pg_backup=label)))


@pytest.mark.parametrize(("own", "others"), _vectors(one for one in _ALL if one not in _WRITTEN_TO))
def test_as_a_superuser_nothing_of_it_runs_by_itself(
    legacy: Database, evil: Evil, kept: Callable[..., dict[str, Any]], folder: Path, own: str, others: str
) -> None:
    evil.run("SELECT 1")
    evil.plants(where=f"^{legacy.name}$")
    evil.run(own or "SELECT 1")
    evil.run_as_superuser(others)
    gains_nothing_by_being_made(evil)
    how: dict[str, Any] = {"pg_verify": "read", "pg_rehearse": "off"}

    def done(result: Result) -> None:
        assert evil.gained == []
        assert result.ok, result.text

    if CALLED_BY_READING.search(own + others):
        # None runs, and what would is named.
        for refused in (backup(kept(**how)), migrate(kept(**how))):
            assert evil.gained == []
            assert not refused.ok
            assert re.search(rf"would run function {evil.name}\.\w+\(integer\) of role {evil.name}", refused.text)
            assert "Connect as the owner of the database (pg_user)" in refused.text
        how = {"pg_skip_backup": True}
    else:
        done(backup(kept(**how)))
    for verb in (status, migrate, status, validate, rollback):
        done(verb(kept(**how)))
