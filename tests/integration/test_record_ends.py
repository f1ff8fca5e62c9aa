"""However a recording ends, its scratch database goes, and no other."""

from __future__ import annotations

import signal
from pathlib import Path

import psycopg
import pytest
from pyinfra_pgmigrate.migrations.record import record_folder

from tests.integration.recordings import (
    HEADER,
    conninfo,
    recorded,
    recorder_on,
    recording,
    refusal,
    scratch_databases,
    written,
)
from tests.support.servers import Server

pytestmark = pytest.mark.usefixtures("nothing_left")


class TestEnds:
    """However a recording ends, its database goes."""

    BASELINE = """CREATE TABLE a (id integer); INSERT INTO a VALUES (1);
        CREATE FUNCTION slow(integer) RETURNS integer IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(600); RETURN $1; END $$;"""

    @pytest.mark.parametrize(
        ("number", "statement"),
        [
            (signal.SIGINT, "SELECT pg_sleep(600)"),
            (signal.SIGTERM, "CREATE INDEX CONCURRENTLY i ON a (slow(id))"),
            (signal.SIGHUP, "SELECT pg_sleep(600)"),
        ],
    )
    def test_it_is_dropped_when_the_program_is_stopped(
        self, server: Server, tmp_path: Path, number: int, statement: str
    ) -> None:
        with recording(server, written(tmp_path, statement, baseline=self.BASELINE)) as process:
            assert len(scratch_databases(server)) == 1
            process.send_signal(number)
            output, _ = process.communicate(timeout=60)

            assert process.returncode == 128 + number
            assert "Traceback" not in output
            assert scratch_databases(server) == []

    def test_it_is_dropped_with_its_sessions_after_an_error(self, server: Server, tmp_path: Path) -> None:
        text = (
            "CREATE SUBSCRIPTION sub CONNECTION 'dbname=nowhere' PUBLICATION pub WITH (connect = false);\nSELECT 1 / 0;"
        )

        assert "division by zero" in refusal(server, written(tmp_path, text))
        assert scratch_databases(server) == []

    def test_one_that_a_killed_run_left_is_dropped_by_the_next(self, server: Server, tmp_path: Path) -> None:
        folder = written(tmp_path, "SELECT pg_sleep(600)")
        with recording(server, folder) as process:
            process.kill()
            process.communicate(timeout=60)
        (name,) = scratch_databases(server)
        told: list[str] = []
        (folder / "001_m.sql").write_text(HEADER)

        # It is still in use: its last statement does not know that nobody waits for it.
        record_folder(folder, conninfo(server), tell=told.append)
        assert scratch_databases(server) == [name]
        with server.connect("postgres") as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s", [name]
            )
        # It is young: whoever makes one needs a moment to connect to it.
        record_folder(folder, conninfo(server), tell=told.append)
        assert scratch_databases(server) == [name]
        old = f"pgmigrate_scratch_{int(name.split('_')[2]) - 600}_{name.split('_')[3]}"
        server.administer("ALTER DATABASE {} RENAME TO {}", name, old)
        assert told == []

        record_folder(folder, conninfo(server), tell=told.append)

        with server.connect("postgres") as connection:
            there = connection.execute("SELECT * FROM pg_stat_activity WHERE datname = %s", [old]).fetchall()
        assert told == [f"dropped {old}, which an earlier recording left"], there
        assert scratch_databases(server) == []

    def test_whoever_looks_into_it_does_not_keep_it(self, server: Server, tmp_path: Path) -> None:
        with recorder_on(server, tmp_path) as it:
            other = psycopg.connect(it.conninfo)
            other.execute("CREATE TABLE a (id integer)")

        assert scratch_databases(server) == []
        other.close()

    def test_a_database_of_somebody_else_stays(self, server: Server, tmp_path: Path) -> None:
        name = "pgmigrate_scratch_of_mine"
        server.administer("CREATE DATABASE {}", name)
        try:
            recorded(server, written(tmp_path, "SELECT 1"))

            assert scratch_databases(server) == [name]
        finally:
            server.administer("DROP DATABASE {}", name)
