"""Steps that read of a large catalog what they wrote alone leave in the registry what reading all of it finds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from pyinfra_pgmigrate.execution import script

from tests.conftest import on_all_versions
from tests.integration.test_delta import AROUND, STATEMENTS
from tests.integration.test_fingerprint import is_known
from tests.property.proxy import proxy_to
from tests.support.harness import migrate, status
from tests.support.migrations import record
from tests.support.servers import Database, Server
from tests.support.waiting import wait_for

# What no migration may do, or what leaves nothing.
LEFT_OUT = ("CREATE TEMP TABLE", "DROP TABLE own")


@pytest.fixture(autouse=True)
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has every catalog count as a large one."""
    monkeypatch.setattr(script, "PARTS_FROM", 0)


def write(folder: Path, statements: list[str], server: Server, baseline: str = AROUND) -> Path:
    """Writes and records a migration for each statement."""
    sql = folder / "sql"
    sql.mkdir()
    (sql / "baseline.sql").write_text(baseline)
    for number, statement in enumerate(statements, start=1):
        text = f"-- purpose: statement {number}\n-- phase: schema\n\n{statement};\n"
        (sql / f"{number:03}_one.sql").write_text(text)
    record(sql, server)
    return sql


def taken(server: Server, statements: Iterable[str]) -> Iterator[str]:
    """Yields those of the statements that psql would take, one after the other."""
    with server.database("empty") as database:
        database.run(AROUND)
        for statement in statements:
            with suppress(psycopg.Error):
                database.run(statement)
                yield statement


def kept(database: Database) -> frozenset[str]:
    """Returns the lines that the last run kept."""
    return frozenset(database.value("SELECT lines FROM pgmigrate.catalogs WHERE kind = 'last'"))


@on_all_versions
def test_every_statement_leaves_the_lines_that_are_there(server: Server, tmp_path: Path) -> None:
    statements = list(taken(server, (one for one in STATEMENTS if not one.startswith(LEFT_OUT))))
    sql = write(tmp_path, statements, server)
    with server.database("empty") as database:
        database.run(AROUND)
        settings = database.settings(pg_sql_dir=str(sql), pg_batch_from=2)

        result = migrate(settings)

        assert result.ok, result.text
        assert database.value("SELECT count(*) FROM pgmigrate.migrations") == len(statements)
        assert kept(database) == database.catalog().lines
        assert is_known(database)
        assert not migrate(settings).changed


@pytest.mark.parametrize("at", [1, 2])
def test_what_others_make_meanwhile_is_drift_and_no_part_of_a_step(server: Server, tmp_path: Path, at: int) -> None:
    # Each locks what was there before, and has a transaction of its own.
    statements = ["ALTER TABLE a ADD COLUMN o int", "ALTER TABLE b ADD COLUMN o int", "UPDATE b SET a = 1"]
    statements.insert(at, "DO $$ BEGIN PERFORM pg_sleep(1); END $$")
    sql = write(tmp_path, statements, server)
    sleeping = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'DO $$ BEGIN PERFORM pg_sleep(1)%'"
    with server.database("empty") as database, server.connect(database.name) as other:
        database.run(AROUND)
        settings = database.settings(pg_sql_dir=str(sql), pg_batch_from=2)

        def make() -> None:
            wait_for(lambda: other.execute(sleeping).fetchone() != (0,), what="the run", seconds=30)
            other.execute("CREATE TABLE theirs (id int)")

        with ThreadPoolExecutor(max_workers=1) as pool:
            made = pool.submit(make)
            result = migrate(settings)
            made.result()

        assert result.ok, result.text
        assert database.catalog().lines - kept(database) >= {"table theirs", "column theirs.id integer"}
        assert not is_known(database)
        assert "table theirs" in status(settings).text


def test_a_step_that_writes_rows_alone_reads_nothing(server: Server, tmp_path: Path) -> None:
    sql = write(tmp_path, ["UPDATE b SET a = 1", "INSERT INTO b (a) VALUES (NULL)"], server)
    with server.database("empty") as database, proxy_to(server.conninfo) as proxy:
        database.run(AROUND)
        more = {"pg_host": str(proxy.folder), "pg_port": proxy.port}

        assert migrate(database.settings(pg_sql_dir=str(sql), pg_batch_from=2, **more)).ok

        begun = next(place for place, query in enumerate(proxy.queries) if query.startswith("UPDATE b SET"))
        until = next(place for place, query in enumerate(proxy.queries) if place > begun and query.startswith("COMMIT"))
        reads = [one for one in proxy.queries[begun:until] if one.startswith("EXECUTE pgmigrate_")]
        assert {one.split()[1].split("(")[0] for one in reads} == {
            "pgmigrate_trace",
            "pgmigrate_encode",
            "pgmigrate_written",
        }
