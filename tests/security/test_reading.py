"""A superuser reads tables of others: what PostgreSQL would run for it is found first, and cannot come meanwhile."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pyinfra_pgmigrate.resources import read_sql

from tests.conftest import on_all_versions
from tests.security.vectors import OWN
from tests.support.backups import taken
from tests.support.evil import Evil, evil_role, gains_nothing_by_being_made
from tests.support.folders import written
from tests.support.harness import migrate, rollback, validate
from tests.support.migrations import record
from tests.support.servers import Database, Server

_FOLDER = {
    "baseline": "CREATE TABLE items (id bigint PRIMARY KEY, number integer);\nCREATE UNIQUE INDEX one_number ON items (number);",
    "001_add_note": "-- purpose: notes\n\nALTER TABLE items ADD COLUMN note text;\nDROP INDEX one_number;",
    "002_drop_number": "-- purpose: no numbers\n\nALTER TABLE items DROP COLUMN number;",
    "rollback_001_002": "-- purpose: back\n-- reverts: 001-002\n\nALTER TABLE items ADD COLUMN IF NOT EXISTS number integer;\n"
    "ALTER TABLE items DROP COLUMN IF EXISTS note;\nCREATE UNIQUE INDEX IF NOT EXISTS one_number ON items (number);",
}


def _set(database: Database) -> dict[str, str]:
    """Returns what reading.sql sets, by name."""
    names = ("is_checked", "reading_locks", "reading_check", "reading_locked")
    told = "\n".join(f"\\echo :{name}\n\\echo ##" for name in names)
    script = "SET search_path = pg_catalog, pg_temp;\n" + read_sql("psql/reading") + told
    conninfo = " ".join(f"{name}='{value}'" for name, value in database.server.conninfo.items())
    command = [
        str(database.server.bin_dir / "psql"),
        "-XqAt",
        "-v",
        "ON_ERROR_STOP=1",
        f"{conninfo} dbname={database.name}",
    ]
    ended = subprocess.run(command, input=script, check=True, capture_output=True, text=True)
    return dict(zip(names, (one.strip() for one in ended.stdout.split("##")), strict=False))


@on_all_versions
def test_no_index_comes_while_a_superuser_reads(server: Server) -> None:
    with server.database("empty") as database, evil_role(database, tables=()) as evil:
        evil.plants(where="^$")
        evil.run("CREATE TABLE {evil}.t (i integer)")
        told = _set(database)
        assert told["is_checked"] == "t"
        with (
            closing(server.connect(database.name)) as ours,
            closing(server.connect(database.name, user=evil.name, password=evil.name)) as theirs,
        ):
            ours.execute("BEGIN")
            ours.execute(told["reading_locks"].encode())
            theirs.execute("SET lock_timeout = '100ms'")
            for statement in (
                "CREATE INDEX ON {evil}.t (({evil}.same(1) + i))",
                "CREATE INDEX CONCURRENTLY ON {evil}.t (({evil}.same(1) + i))",
                "CREATE STATISTICS {evil}.s ON ({evil}.same(1) + i), i FROM {evil}.t",
            ):
                with pytest.raises(psycopg.errors.LockNotAvailable):
                    theirs.execute(statement.replace("{evil}", evil.name).encode())
            # Whoever works does not wait.
            theirs.execute(f"INSERT INTO {evil.name}.t VALUES (1)".encode())
            theirs.execute(f"UPDATE {evil.name}.t SET i = 2".encode())
            oid = f"{{{database.value('SELECT %s::regclass::oid', f'{evil.name}.t')}}}"
            for check in ("reading_check", "reading_locked"):
                ours.execute(told[check].replace("TABLES", oid).encode())
            theirs.execute(f"CREATE TABLE {evil.name}.later ()".encode())
            later = database.value("SELECT %s::regclass::oid", f"{evil.name}.later")
            with pytest.raises(psycopg.errors.RaiseException, match="later was made only just now: run again"):
                ours.execute(told["reading_locked"].replace("TABLES", f"{{{later}}}").encode())


def test_rows_that_differ_are_named_without_a_cast_of_others(
    legacy: Database, evil: Evil, kept: Callable[..., dict[str, Any]], folder: Path
) -> None:
    evil.plants(where=f"^{legacy.name}$")
    evil.run(OWN["cast"])
    label = taken(folder, kept(pg_verify="read"))
    evil.run("UPDATE {evil}.t SET m = 'bad'")

    result = validate(kept(pg_backup=label, pg_writes="stopped"))

    assert evil.gained == []
    assert f"{evil.name}.t" in result.text
    assert "its rows are not named" not in result.text


@pytest.mark.parametrize("planned", [False, True])
def test_neither_way_reads_a_table_that_runs_functions_of_others(server: Server, tmp_path: Path, planned: bool) -> None:
    folder = tmp_path / "sql"
    folder.mkdir()
    for name, text in _FOLDER.items():
        (folder / f"{name}.sql").write_text(text + "\n")
    record(folder, server)
    with server.database("empty") as database, evil_role(database, tables=()) as evil:
        database.run(_FOLDER["baseline"])
        database.run("INSERT INTO items VALUES (1, 1), (2, 2)")
        settings = database.settings(pg_sql_dir=str(folder), pg_on_conflict="quarantine")
        evil.plants(where=f"^{database.name}$")
        if planned:
            evil.run_as_superuser(
                "GRANT USAGE ON SCHEMA {evil} TO PUBLIC; CREATE INDEX ON items ((id + {evil}.same(1)))"
            )
        gains_nothing_by_being_made(evil)

        applied = migrate(settings)

        assert evil.gained == []
        if not planned:
            assert applied.ok, applied.text
            evil.run_as_superuser(
                "GRANT USAGE ON SCHEMA {evil} TO PUBLIC; CREATE INDEX ON items ((id + {evil}.same(1)))"
            )
            gains_nothing_by_being_made(evil)
            refused = rollback(settings)
        else:
            refused = applied
        assert evil.gained == []
        assert not refused.ok
        assert f"would run function {evil.name}.same(integer) of role {evil.name}" in refused.text
        assert f"ALTER FUNCTION {evil.name}.same(integer) OWNER TO CURRENT_USER" in refused.text
        # What the message says helps.
        me = server.conninfo["user"]
        database.run(
            f"ALTER FUNCTION {evil.name}.same(integer) OWNER TO {me}; ALTER FUNCTION {evil.name}.grab() OWNER TO {me}"
        )
        done = migrate(settings) if planned else rollback(settings)
        assert done.ok, done.text


@pytest.mark.parametrize(
    "planted",
    [
        "ALTER TABLE items ADD CHECK ({evil}.yes(id::integer))",
        "ALTER TABLE items ADD COLUMN g boolean GENERATED ALWAYS AS ({evil}.yes(id::integer)) STORED",
        "CREATE DOMAIN {evil}.d AS integer CHECK ({evil}.yes(VALUE)); GRANT USAGE ON TYPE {evil}.d TO PUBLIC;"
        "ALTER TABLE items ADD COLUMN d {evil}.d",
        "CREATE DOMAIN {evil}.d AS integer CHECK ({evil}.yes(VALUE)); CREATE TYPE {evil}.pair AS (a {evil}.d[]);"
        "GRANT USAGE ON TYPE {evil}.d, {evil}.pair TO PUBLIC; ALTER TABLE items ADD COLUMN d {evil}.pair",
        "CREATE INDEX ON items ((id + {evil}.same(1)))",
    ],
    ids=["check", "generated column", "domain", "domain in an array in a row", "index"],
)
def test_rows_are_not_put_back_where_writing_runs_functions_of_others(
    server: Server, tmp_path: Path, planted: str
) -> None:
    before = "CREATE TABLE items (id bigint PRIMARY KEY);"
    (tmp_path / "baseline.sql").write_text(f"{before}\n")
    written(tmp_path, server, "ALTER TABLE items ADD COLUMN note text")
    (tmp_path / "rollback_001.sql").write_text(
        "-- purpose: back\n-- reverts: 001-001\n\nALTER TABLE items DROP COLUMN IF EXISTS note;\n"
    )
    with server.database("empty") as database, evil_role(database, tables=()) as evil:
        evil.plants(where=f"^{database.name}$")
        database.run(before)
        settings = database.settings(pg_sql_dir=str(tmp_path), pg_drift_ignore="items")
        assert migrate(settings).ok
        database.run("INSERT INTO items VALUES (1, 'good')")
        assert rollback(settings).ok
        evil.run_as_superuser("GRANT USAGE ON SCHEMA {evil} TO PUBLIC;" + planted)
        gains_nothing_by_being_made(evil)

        refused = migrate(settings)

        assert evil.gained == []
        assert not refused.ok
        assert (
            f"to write to table public.items as superuser {server.conninfo['user']} would run function {evil.name}."
            in refused.text
        )
