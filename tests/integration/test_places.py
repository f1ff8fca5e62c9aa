"""Where a database stands in a folder of migrations: what is there is not run, what is not is run whole, or neither."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.folders import written
from tests.support.harness import Result, migrate, status
from tests.support.servers import Database, Server
from tests.support.waiting import wait_for

TRIGGER = """
CREATE TABLE a (id integer, n text);
INSERT INTO a VALUES (1, 'new');
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
CREATE TRIGGER t BEFORE UPDATE ON a FOR EACH ROW EXECUTE FUNCTION f();
"""
UPDATE = "ALTER TABLE a DISABLE TRIGGER t; UPDATE a SET n = 'done'; ALTER TABLE a ENABLE TRIGGER t;"
DRAFTS = (
    "CREATE TABLE note (id integer);",
    "CREATE TABLE draft (id integer); DO $$ BEGIN INSERT INTO note VALUES (42); END $$;",
    "DROP TABLE draft;",
)


@pytest.fixture
def database(server: Server) -> Iterator[Database]:
    with server.database("empty") as database:
        yield database


class TestDataBetween:
    def test_a_trigger_switched_off_and_on_is_run_whole(
        self, database: Database, server: Server, tmp_path: Path
    ) -> None:
        folder = written(tmp_path / "sql", server, TRIGGER, UPDATE)
        settings = database.settings(pg_sql_dir=str(folder))
        assert migrate({**settings, "pg_target": 1}).ok

        result = migrate(settings)

        assert result.ok, result.text
        assert database.rows("SELECT n FROM a") == [("done",)]
        assert not migrate(settings).changed

    def test_it_is_not_known_whether_psql_ran_it(self, database: Database, server: Server, tmp_path: Path) -> None:
        folder = written(tmp_path / "sql", server, TRIGGER, UPDATE)
        settings = database.settings(pg_sql_dir=str(folder))
        database.run(TRIGGER)

        refused = migrate(settings)

        assert not refused.ok
        assert not database.rows("SELECT 1 FROM pg_namespace WHERE nspname = 'pgmigrate'")
        assert 'cannot tell whether migration "002_m" has run' in refused.text
        assert "if it did not: --data pg_applied=1" in refused.text
        assert migrate({**settings, "pg_applied": 1}).ok
        assert database.rows("SELECT n FROM a") == [("done",)]
        assert database.rows("SELECT version, how FROM pgmigrate.migrations ORDER BY 1") == [
            (1, "adopted"),
            (2, "applied"),
        ]

    def test_a_table_that_a_later_one_drops_is_made_on_an_empty_database(
        self, database: Database, server: Server, tmp_path: Path
    ) -> None:
        settings = database.settings(pg_sql_dir=str(written(tmp_path / "sql", server, *DRAFTS)))

        first = migrate({**settings, "pg_target": 1})

        assert first.ok, first.text
        assert first.changed == ["001_m"]
        result = migrate(settings)
        assert result.ok, result.text
        assert database.rows("SELECT id FROM note") == [(42,)]
        assert not migrate(settings).changed
        assert "no drift" in status(settings).text

    def test_what_the_operator_says_is_checked(self, database: Database, server: Server, tmp_path: Path) -> None:
        settings = database.settings(pg_sql_dir=str(written(tmp_path / "sql", server, *DRAFTS)))
        database.run(DRAFTS[0])

        refused = migrate({**settings, "pg_applied": 2})

        assert not refused.ok
        assert "cannot register all migrations up to 002: the database is not as they leave it" in refused.text
        assert "missing: table draft" in refused.text


BUILDS = (
    "CREATE TABLE t (id integer); CREATE TABLE log (what text);",
    """
    INSERT INTO log VALUES ('before');
    CREATE INDEX CONCURRENTLY i ON t (id);
    INSERT INTO log VALUES ('after');
    """,
)


class TestCutOff:
    """A run that ends between an index that is built outside a transaction and its row in the registry."""

    def cut_off(self, database: Database, settings: dict[str, object], *, built: bool) -> Result:
        """Runs the second migration and ends its session while the index is being built, or once it is."""
        with database.server.connect(database.name) as reader, database.server.connect(database.name) as locker:
            # A build waits in its end for whoever has an older snapshot, which READ COMMITTED keeps no longer than a query.
            reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            reader.execute("SELECT * FROM t")

            def end() -> None:
                with database.server.connect(database.name) as looker:
                    one = "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'pgmigrate %002_m'"
                    wait_for(
                        lambda: looker.execute("SELECT 1 FROM pg_class WHERE relname = 'i'").fetchone(),
                        what="the index",
                    )
                    locker.execute("BEGIN")
                    locker.execute("LOCK TABLE pgmigrate.events IN SHARE ROW EXCLUSIVE MODE")
                    if built:
                        reader.execute("ROLLBACK")
                        waiting = f"{one} AND wait_event_type = 'Lock' AND query ~ 'pgmigrate.events'"
                        wait_for(lambda: looker.execute(waiting).fetchone(), what="the row")
                    looker.execute(f"SELECT pg_terminate_backend(pid) FROM ({one}) AS o")
                    locker.execute("ROLLBACK")
                    reader.execute("ROLLBACK")

            ender = threading.Thread(target=end)
            ender.start()
            try:
                return migrate(settings)
            finally:
                ender.join(timeout=30)

    @pytest.mark.parametrize("built", [True, False], ids=["built", "half built"])
    def test_the_next_run_goes_on_exactly_there(
        self, database: Database, server: Server, tmp_path: Path, built: bool
    ) -> None:
        settings = database.settings(pg_sql_dir=str(written(tmp_path / "sql", server, *BUILDS)))
        assert migrate({**settings, "pg_target": 1}).ok

        stopped = self.cut_off(database, settings, built=built)
        result = migrate(settings)

        assert not stopped.ok
        assert result.ok, result.text
        assert database.rows("SELECT what, count(*) FROM log GROUP BY 1 ORDER BY 1") == [("after", 1), ("before", 1)]
        assert database.value("SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass")
        assert database.value("SELECT how FROM pgmigrate.migrations WHERE version = 2") == "resumed"
        assert not migrate(settings).changed
