"""Steps that read of a large catalog what they wrote alone leave in the registry what reading all of it finds."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from pyinfra_pgmigrate.execution import script
from pyinfra_pgmigrate.psql.script import items, joined, settings_of
from pyinfra_pgmigrate.resources import read_sql

from tests.bench.migrations import conninfo
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
    monkeypatch.setattr(script, "NEAR_FROM", 0)


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
    check_statements(server, tmp_path)


def test_every_statement_does_of_few_lines(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script, "NEAR_FROM", 1_000_000)
    check_statements(server, tmp_path)


def test_every_statement_does_where_the_server_counts_no_rows(server: Server, tmp_path: Path) -> None:
    check_statements(server, tmp_path, "ALTER DATABASE {} SET track_counts = off")


def check_statements(server: Server, tmp_path: Path, more: str = "SELECT") -> None:
    """Checks what the registry holds after migrations of one statement each."""
    statements = list(taken(server, (one for one in STATEMENTS if not one.startswith(LEFT_OUT))))
    sql = write(tmp_path, statements, server)
    with server.database("empty") as database:
        database.run(AROUND)
        database.run(more.format(database.name))
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
            # Of nothing with nothing.
            "pgmigrate_compare",
        }


def test_under_the_lock_nothing_is_read_or_written_but_what_the_step_changed(server: Server, tmp_path: Path) -> None:
    sql = write(tmp_path, ["ALTER TABLE b ADD COLUMN o int"], server)
    with server.database("empty") as database, proxy_to(server.conninfo) as proxy:
        database.run(AROUND)
        more = {"pg_host": str(proxy.folder), "pg_port": proxy.port}

        assert migrate(database.settings(pg_sql_dir=str(sql), **more)).ok

        begun = next(place for place, query in enumerate(proxy.queries) if query.startswith("ALTER TABLE b"))
        until = next(place for place, query in enumerate(proxy.queries) if place > begun and query.startswith("COMMIT"))
        held, after = proxy.queries[begun:until], proxy.queries[until:]
        prepared = [one.split()[1].split("(")[0] for one in held if one.startswith("EXECUTE pgmigrate_")]
        # Neither all lines, nor those of anything else than table b and what depends on it.
        assert "pgmigrate_part" in prepared
        assert not {"pgmigrate_read", "pgmigrate_joined"} & set(prepared)
        assert not any("INSERT INTO pgmigrate.catalogs" in one or "_before')::text[]" in one for one in held)
        assert any(one.startswith("EXECUTE pgmigrate_joined") for one in after)
        assert kept(database) == database.catalog().lines


class TestCutOff:
    """A run whose psql was gone after COMMIT, before it had written all lines."""

    @staticmethod
    def cut_off(database: Database) -> None:
        """Makes the registry what it is then: the lines of before, and what the step changed."""
        database.run(
            "UPDATE pgmigrate.catalogs SET fingerprint = NULL,"
            " lines = ARRAY(SELECT l FROM unnest(lines || ARRAY['column b.gone integer']) AS l"
            " WHERE l <> 'column b.o integer' ORDER BY l COLLATE \"C\"),"
            " removed = ARRAY['column b.gone integer'], added = ARRAY['column b.o integer'] WHERE kind = 'last'"
        )

    def test_it_is_no_drift(self, server: Server, tmp_path: Path) -> None:
        sql = write(tmp_path, ["ALTER TABLE b ADD COLUMN o int"], server)
        with server.database("empty") as database:
            database.run(AROUND)
            settings = database.settings(pg_sql_dir=str(sql))
            assert migrate(settings).ok
            self.cut_off(database)

            found = status(settings)

            assert "no drift" in found.lines, found.text
            database.run("ALTER TABLE b DROP COLUMN o")
            assert "column b.o integer" in status(settings).text

    @pytest.mark.parametrize("parts_from", [0, 10_000])
    def test_the_next_run_has_all_lines_again(
        self, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parts_from: int
    ) -> None:
        monkeypatch.setattr(script, "PARTS_FROM", parts_from)
        sql = write(tmp_path, ["ALTER TABLE b ADD COLUMN o int", "ALTER TABLE a ADD COLUMN o int"], server)
        with server.database("empty") as database:
            database.run(AROUND)
            assert migrate(database.settings(pg_sql_dir=str(sql), pg_target=1)).ok
            self.cut_off(database)

            result = migrate(database.settings(pg_sql_dir=str(sql)))

            assert result.ok, result.text
            assert kept(database) == database.catalog().lines
            assert database.rows("SELECT removed, added FROM pgmigrate.catalogs WHERE kind = 'last'") == [([], [])]
            assert database.value("SELECT drift FROM pgmigrate.runs ORDER BY started_at DESC LIMIT 1") == []


@pytest.mark.parametrize(
    ("minus", "plus", "part", "home", "expected"),
    [
        ([], ["x"], ("", ""), 9, [[], [], [], []]),
        ([], ["x"], ("", ""), 5, [["+ x"], [], [], []]),
        (["x"], [], ("", ""), 9, [["- x"], [], [], []]),
        (["x"], [], ("x", ""), 5, [[], ["x"], [], []]),
        ([], [], ("x", ""), 9, [[], [], [], []]),
        ([], [], ("x", ""), 5, [[], ["x"], [], ["- x"]]),
        ([], [], ("", "x"), 9, [[], [], [], []]),
        ([], [], ("", "x"), 5, [[], [], ["x"], ["+ x"]]),
    ],
)
def test_what_another_object_says_too_is_neither_gone_nor_come(
    server: Server, minus: list[str], plus: list[str], part: tuple[str, str], home: int, expected: list[list[str]]
) -> None:
    values = {
        "compared_before": "own.part_before", "compared_after": "own.part_after", "before": "own.before",
        "reads_parts": "true", "part": "{5,0}", "allowed": "[]", "removes": "[]", "objects": "[]",
        "minus": items(minus), "plus": items(plus),
    }  # fmt: skip
    known = {"own.before": "{x}", "own.before_homes": f"{{{home}}}"}
    known |= {"own.part_before": f"{{{part[0]}}}", "own.part_after": f"{{{part[1]}}}"}
    parts = [settings_of(values), *(f"SELECT set_config('{name}', '{value}', false);" for name, value in known.items())]
    told = (
        "SELECT 'told ' || json_build_array("
        ":'lacking'::json, :'removed'::text[], :'added'::text[], :'foreign_lines'::json);"
    )
    with server.database("empty") as database:
        command = [str(server.bin_dir / "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", conninfo(database)]
        text = joined([read_sql("execution/compare_prepare"), *parts, read_sql("execution/step_compare"), told])
        ran = subprocess.run(command, input=text, capture_output=True, text=True, check=True)

    assert json.loads(ran.stdout.split("told ")[1]) == expected
