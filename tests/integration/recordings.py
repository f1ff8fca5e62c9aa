"""Migrations that tests write into a folder and record on a server."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pyinfra_pgmigrate.errors import Kind, PgMigrateError
from pyinfra_pgmigrate.migrations.effect import Effect, parse
from pyinfra_pgmigrate.migrations.files import Migration
from pyinfra_pgmigrate.migrations.record import Recorder, record_folder, recorder

from tests.conftest import on_versions
from tests.support.cli import PGMIGRATE
from tests.support.servers import Server
from tests.support.waiting import wait_for

HEADER = "-- purpose: try\n-- phase: contract\n\n"
IN_BATCHES = "-- purpose: try\n-- phase: data\n-- batch: keyset\n\n"
SCRATCH = "SELECT datname FROM pg_database WHERE datname LIKE 'pgmigrate_scratch_%' ORDER BY 1"

# Both in each run where what the server prints counts; the others on the newest, and on all in "make soak".
on_oldest_and_newest = on_versions(15, 18)
on_newest = on_versions(18)


def written(folder: Path, *migrations: str, baseline: str = "") -> Path:
    """Writes migrations 1, 2, ... and a baseline into a folder."""
    if baseline:
        (folder / "baseline.sql").write_text(baseline)
    for number, text in enumerate(migrations, start=1):
        (folder / f"{number:03}_m.sql").write_text(text if text.startswith("-- purpose") else HEADER + text)
    return folder


def conninfo(server: Server, **more: Any) -> str:
    return psycopg.conninfo.make_conninfo(**{**server.conninfo, "dbname": "postgres", **more})


def recorded(server: Server, folder: Path) -> list[Effect]:
    """Records a folder, writes its effect files and returns them."""
    effects = []
    for name, text in record_folder(folder, conninfo(server)).items():
        (folder / name).write_text(text)
        effects.append(parse(text, source=name))
    return effects


def refusal(server: Server, folder: Path) -> str:
    with pytest.raises(PgMigrateError) as caught:
        record_folder(folder, conninfo(server))
    assert caught.value.refusal.kind is Kind.FILE
    return str(caught.value)


@contextmanager
def recorder_on(server: Server, folder: Path) -> Iterator[Recorder]:
    """Gives a recorder that has run the baseline of a folder."""
    with recorder(conninfo(server), tell=print) as found:
        found.run_baseline(folder)
        yield found


def refused_by(recorder: Recorder, migration: Migration) -> str:
    with pytest.raises(PgMigrateError) as caught:
        recorder.record(migration, base="")
    return str(caught.value)


def lines(effect: Effect) -> list[str]:
    return effect.patch.render()


def scratch_databases(server: Server) -> list[str]:
    with server.connect("postgres") as connection:
        return [name for (name,) in connection.execute(SCRATCH)]


@contextmanager
def recording(server: Server, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Starts the command, waits until it is asleep in a statement, and ends it at the latest here."""
    # Tests may run in the background, where a shell ignores the signals of a terminal; whoever types it does not.
    command = ["env", "--default-signal=HUP,INT", str(PGMIGRATE), "record", str(folder), "--server", conninfo(server)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as process:
        try:
            wait_for(lambda: sleepers(server), what="a statement at work", seconds=60)
            yield process
        finally:
            process.kill()


def sleepers(server: Server) -> list[tuple[Any, ...]]:
    with server.connect("postgres") as connection:
        return connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname LIKE 'pgmigrate_scratch_%' AND wait_event = 'PgSleep'"
        ).fetchall()


def with_role(server: Server, name: str, options: str = "") -> None:
    """Makes a role on the server of the test, where it is not there yet."""
    with server.connect("postgres") as connection:
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchall():
            connection.execute(f"CREATE ROLE {name} {options}".encode())
