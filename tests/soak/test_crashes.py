"""Whatever is killed, and whenever: the next run ends it, and nothing is left. A table of moments and victims."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
import pytest

from tests.acceptance.test_backup import BACKUP, HOME, MIGRATE, RESTORE, ROLLBACK, SLOW
from tests.docker.hosts import RELEASES, DockerHost
from tests.support.cli import Site
from tests.support.kills import wait_until_quiet
from tests.support.migrations import NAMES
from tests.support.servers import Database
from tests.support.waiting import wait_for

pytestmark = pytest.mark.acceptance

SKIP_NOT = ("--data", "pg_skip_backup=false")


@dataclass(frozen=True)
class Moment:
    """Where a run is when something of it is killed.

    + deploy: what runs, with arguments; ready: deploys that run before it
    + lock: statement that keeps it at that moment; empty: it is slow there by itself
    + at: what tells by pg_stat_activity that it has come there; the database of a copy has another name
    """

    deploy: tuple[str, ...]
    at: str
    lock: str = ""
    ready: tuple[tuple[str, ...], ...] = ()


_UNTIL_4 = (MIGRATE, "--data", "pg_target=4")
_WAITS = "wait_event_type = 'Lock'"
MOMENTS = {
    "waits for a lock": Moment(
        (MIGRATE,), f"application_name ~ ' 001_' AND ({_WAITS} OR wait_event = 'PgSleep')", "LOCK TABLE project_roles IN SHARE MODE"
    ),
    "in CONCURRENTLY": Moment(
        (MIGRATE,), f"query ~ '^CREATE INDEX CONCURRENTLY' AND {_WAITS}", "LOCK TABLE project_roles IN ROW EXCLUSIVE MODE", (_UNTIL_4,)
    ),
    "index built and its row blocked": Moment(
        (MIGRATE,), f"query ~ 'WITH steps AS' AND {_WAITS}", "LOCK TABLE pgmigrate.migrations IN SHARE MODE", (_UNTIL_4,)
    ),
    "in a batch": Moment(
        (MIGRATE,),
        f"application_name ~ ' 003_' AND {_WAITS}",
        "SELECT 1 FROM projects FOR UPDATE",
        ((MIGRATE, "--data", "pg_target=2"),),
    ),
    "dump": Moment((MIGRATE, *SKIP_NOT), "application_name ~ ' dump'", "LOCK TABLE held"),
    "restore": Moment((MIGRATE, *SKIP_NOT), "application_name ~ '^pgmigrate .* restore'"),
    "compare": Moment((MIGRATE, *SKIP_NOT), "application_name ~ '^pgmigrate .* compare'"),
    "rehearsal forward": Moment((MIGRATE, *SKIP_NOT), "datname ~ '^pgmigrate_' AND application_name ~ ' 00[1-6]_'"),
    "rehearsal back": Moment((MIGRATE, *SKIP_NOT), "datname ~ '^pgmigrate_' AND application_name ~ ' rollback_variants'"),
    "swap": Moment(
        (RESTORE, "--data", "pg_backup=latest"), "application_name ~ '^pgmigrate .* (swap|restore|compare)'", "", ((BACKUP,),)
    ),
    "cut-over": Moment(
        (ROLLBACK,), f"application_name ~ ' rollback_variants' AND ({_WAITS} OR wait_event = 'PgSleep')",
        "LOCK TABLE project_roles IN SHARE MODE", ((MIGRATE,),),
    ),
}  # fmt: skip
VICTIMS = ("controller", "its group", "shell", "psql", "backend", "pg_terminate_backend", "server")


@contextmanager
def _held(database: Database, lock: str) -> Iterator[None]:
    """Keeps whoever wants it from what a statement locks."""
    session = psycopg.connect(**{**database.server.conninfo, "dbname": database.name})
    if lock:
        session.execute(lock.encode())
    try:
        yield
    finally:
        # Where the server was killed, so was this session.
        session.close()


def _pids(database: Database, at: str) -> list[int]:
    with database.server.connect("postgres") as connection:
        text = f"SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND ({at})"
        return [pid for (pid,) in connection.execute(text.encode()).fetchall()]


def _kill(victim: str, host: DockerHost, begun: subprocess.Popen[str], database: Database, at: str) -> None:
    match victim:
        case "controller":
            os.kill(begun.pid, signal.SIGKILL)
        case "its group":
            os.killpg(begun.pid, signal.SIGKILL)
        case "shell":
            # Not by a sh, which would end itself.
            host.run("bash", "-c", "pkill -9 -x sh; pkill -9 -x dash; true")
        case "psql":
            host.run("sh", "-c", "pkill -9 -x psql; pkill -9 -x pg_restore; pkill -9 -x pg_dump; true")
        case "backend":
            pids = " ".join(map(str, _pids(database, at)))
            host.run("sh", "-c", f"kill -9 {pids} 2>/dev/null; true")
        case "pg_terminate_backend":
            with database.server.connect("postgres") as connection:
                for pid in _pids(database, at):
                    connection.execute("SELECT pg_terminate_backend(%s)", [pid])
        case _:
            host.run("sh", "-c", "pkill -9 -x postgres; true")


def _left(database: Database, host: DockerHost) -> list[str]:
    """Returns what is left of a killed run that nobody needs."""
    with database.server.connect("postgres") as connection:
        found = [
            f"database {name}"
            for (name,) in connection.execute("SELECT datname FROM pg_database WHERE datname ~ '^pgmigrate_'")
        ]
        found += [
            f"role {name}"
            for (name,) in connection.execute("SELECT rolname FROM pg_roles WHERE rolname ~ '^pgmigrate_'")
        ]
        locks = "SELECT 1 FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid) WHERE a.application_name ~ '^pgmigrate '"
        found += ["a lock"] * len(connection.execute(locks.encode()).fetchall())
    found += [
        f"INVALID index {name}"
        for (name,) in database.rows("SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid")
    ]
    found += [f"file /tmp/{name}" for name in host.run("ls", "-A", "/tmp").split()]
    names = host.run("sh", "-c", f"cd {HOME} 2>/dev/null && ls -1A || true").split()
    return found + [f"backup {name}" for name in names if name.endswith(".partial")]


@pytest.mark.parametrize("victim", VICTIMS)
@pytest.mark.parametrize("name", MOMENTS)
@pytest.mark.parametrize("host", RELEASES, ids="pg{}".format, indirect=True)
def test_the_next_run_ends_it_and_nothing_is_left(
    site: Site,
    host: DockerHost,
    stage: Database,
    name: str,
    victim: str,
    record_property: Callable[[str, object], None],
) -> None:
    moment = MOMENTS[name]
    host.run("rm", "-rf", HOME)
    if name in ("restore", "compare", "swap"):
        stage.run(SLOW)
    # What nothing reads but a dump.
    stage.run("CREATE TABLE held ()")
    target = site.docker(host)
    for before in moment.ready:
        ended = site.run("-y", target, *before)
        assert ended.status == 0, ended.output
    with _held(stage, moment.lock):
        begun = site.start("-y", target, *moment.deploy)
        wait_for(
            lambda: begun.poll() is not None or _pids(stage, moment.at),
            what=f"the run at {name}",
            seconds=90,
            every=0.002,
        )
        if begun.poll() is not None:
            pytest.fail(f"it ended before it came there: {begun.communicate()[0]}")
        stage.close()
        _kill(victim, host, begun, stage, moment.at)
        if victim in ("controller", "its group"):
            begun.communicate(timeout=60)
    if victim not in ("controller", "its group"):
        # It may get over it: another try, another way.
        begun.communicate(timeout=300)
    if victim in ("controller", "its group") and name.startswith("rehearsal"):
        # The session of the application that is held open on the copy ends with the copy, or after five minutes.
        wait_for(lambda: not _pids(stage, "application_name LIKE 'pgmigrate %'"), what="the end of its sessions")
    else:
        wait_until_quiet(stage, host)

    # A restore ends whoever is connected.
    stage.close()
    ended = site.run("-y", target, *moment.deploy)

    assert ended.status == 0, ended.output
    if moment.deploy[0] == MIGRATE:
        assert stage.rows("SELECT name FROM pgmigrate.migrations ORDER BY version") == [(one,) for one in NAMES]
        assert (
            stage.rows(
                "SELECT count(*) FROM pgmigrate.events WHERE event = 'applied' GROUP BY name HAVING count(*) > 1"
            )
            == []
        )
    assert _left(stage, host) == []
    record_property("figures", f"{victim} killed, {name}: the next run ended it")
