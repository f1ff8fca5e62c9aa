"""The property test itself: what it compares with can differ, its stop is real, and what fails becomes small."""

from __future__ import annotations

import subprocess

import psycopg
import pytest

from tests.support.servers import Server

from .histories import File, History
from .minimal import minimal
from .pen import Sql
from .proxy import proxy_to
from .snapshot import environment, take


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            "ALTER TABLE a ALTER COLUMN n SET STATISTICS 7",
            "+ALTER TABLE ONLY public.a ALTER COLUMN n SET STATISTICS 7;",
        ),
        ("UPDATE a SET n = 'B' WHERE id = 2", "rows of public.a"),
        ("SELECT nextval('s')", "sequence public.s: 1, with psql None"),
        ("REFRESH MATERIALIZED VIEW m", "+public m valid  filled t"),
        ("GRANT SELECT ON a TO PUBLIC", "+GRANT SELECT ON TABLE public.a TO PUBLIC;"),
    ],
)
def test_snapshot_differs_when_anything_does(server: Server, change: str, told: str) -> None:
    made = (
        "CREATE TABLE a (id integer, n text); INSERT INTO a VALUES (1, 'a'), (2, 'b'); CREATE SEQUENCE s; "
        "CREATE MATERIALIZED VIEW m AS SELECT id FROM a WITH NO DATA"
    )
    with server.database("empty") as one, server.database("empty") as other:
        one.run(made)
        other.run(made)

        assert take(one).differences(take(other)) == []

        one.run(change)

        assert told in "\n".join(take(one).differences(take(other)))


def test_way_breaks_before_the_query_that_was_chosen(server: Server) -> None:
    with server.database("empty") as database, proxy_to(server.conninfo) as proxy:
        script = "CREATE TABLE a (id integer);\nBEGIN;\nINSERT INTO a VALUES (1);\nCOMMIT;\n"
        proxy.expect(stop_before=3)
        done = subprocess.run(
            [str(server.bin_dir / "psql"), "-X", "-q", "-d", database.name, "-f", "-"],
            input=script.encode(),
            env={**environment(server), "PGHOST": str(proxy.folder), "PGPORT": str(proxy.port)},
            check=False,
            capture_output=True,
        )

        assert done.returncode == 2
        assert proxy.has_stopped
        assert proxy.queries == ["CREATE TABLE a (id integer);", "BEGIN;", "INSERT INTO a VALUES (1);"]
        assert database.value("SELECT count(*) FROM a") == 0


def test_way_lets_everything_else_through(server: Server) -> None:
    with server.database("empty") as database, proxy_to(server.conninfo) as proxy:
        conninfo = {**server.conninfo, "host": str(proxy.folder), "port": proxy.port, "dbname": database.name}
        with psycopg.connect(**conninfo, autocommit=True) as session:
            assert session.execute("SELECT repeat('x', 1000000)").fetchone() == ("x" * 1000000,)


def test_minimal_history_keeps_only_what_fails() -> None:
    files = [[f"SELECT {number}{place}" for place in range(4)] for number in range(1, 5)]
    history = History(
        tuple(File(number, tuple(map(Sql, texts)), verify="SELECT") for number, texts in enumerate(files, start=1))
    )

    def fails(one: History) -> bool:
        texts = [statement.text for statement in one.statements]
        return "SELECT 12" in texts and "SELECT 31" in texts

    found = minimal(history, fails, budget_s=10)

    assert [[one.text for one in file.statements] for file in found.files] == [["SELECT 12"], ["SELECT 31"]]
    assert [file.verify for file in found.files] == [None, None]
