"""Migrations that make new things share a transaction, and leave what they would leave one by one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pyinfra_pgmigrate.execution import groups

from tests.conftest import on_all_versions
from tests.integration.recordings import with_role
from tests.support.harness import Result, migrate, rollback, status
from tests.support.migrations import record
from tests.support.servers import Database, Server
from tests.support.waiting import wait_for

# Of every kind that has lines of its own database: owners, rights, comments, definitions.
STATEMENTS = (
    "CREATE TABLE a (id serial PRIMARY KEY, n text)",
    "CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a (id)); COMMENT ON TABLE b IS 'second'",
    "CREATE INDEX a_n ON a (n)",
    "ALTER TABLE b ADD COLUMN n text DEFAULT 'x'; COMMENT ON COLUMN b.n IS 'name'",
    "GRANT SELECT ON a TO PUBLIC",
    "CREATE VIEW v AS SELECT a.id, b.n FROM a JOIN b ON b.a = a.id",
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "INSERT INTO a (n) VALUES ('one'), ('two'); INSERT INTO b (id, a) SELECT id, id FROM a",
    "CREATE TYPE mood AS ENUM ('good'); CREATE TABLE c (id int, m mood)",
    "ALTER TABLE c ADD PRIMARY KEY (id); CREATE SCHEMA other; CREATE TABLE other.d (id int)",
    "ALTER TYPE mood ADD VALUE 'bad'",
    "INSERT INTO c VALUES (1, 'bad')",
    "ALTER TABLE a DROP COLUMN n CASCADE",
    "CREATE TABLE e (LIKE c INCLUDING ALL)",
    "COMMENT ON VIEW v IS 'seen'",
    "CREATE MATERIALIZED VIEW mv AS SELECT id FROM c",
)
KEPT = (
    "SELECT version, name, checksum, statements, phase, how, removed, added FROM pgmigrate.migrations ORDER BY version"
)
EVENTS = "SELECT version, event, statements, removed, added FROM pgmigrate.events ORDER BY version, id"
TOGETHER = "SELECT count(DISTINCT xmin::text) FROM pgmigrate.migrations"


def write(folder: Path, statements: tuple[str, ...], server: Server) -> Path:
    """Writes and records a migration for each text."""
    sql = folder / "sql"
    sql.mkdir()
    for number, statement in enumerate(statements, start=1):
        (sql / f"{number:03}_one.sql").write_text(f"{statement};\n")
    record(sql, server)
    return sql


@pytest.fixture
def empty(server: Server) -> Iterator[Database]:
    """An empty database."""
    with server.database("empty") as database:
        yield database


def run(database: Database, sql: Path, **more: object) -> Result:
    return migrate(database.settings(pg_sql_dir=str(sql), pg_batch_from=2, **more))


@on_all_versions
def test_a_group_leaves_what_its_migrations_leave_one_by_one(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sql = write(tmp_path, STATEMENTS, server)
    with server.database("empty") as together, server.database("empty") as apart:
        first = run(together, sql)
        monkeypatch.setattr(groups, "MOST_STEPS", 1)
        second = run(apart, sql)

        assert first.ok, first.text
        assert second.ok, second.text
        assert "now one by one" not in first.text
        assert (together.value(TOGETHER) < 10, apart.value(TOGETHER)) == (True, len(STATEMENTS))
        assert together.catalog().lines == apart.catalog().lines
        assert together.rows(KEPT) == apart.rows(KEPT)
        assert together.rows(EVENTS) == apart.rows(EVENTS)
        assert together.rows("SELECT * FROM c, b ORDER BY 1, 2, 3") == apart.rows("SELECT * FROM c, b ORDER BY 1, 2, 3")
        for database in (together, apart):
            settings = database.settings(pg_sql_dir=str(sql))
            assert not migrate(settings).changed
            assert "no drift" in status(settings).lines


def test_what_was_there_before_is_locked_by_one_migration_at_a_time(empty: Database, tmp_path: Path) -> None:
    empty.run("CREATE TABLE old (id int)")
    (tmp_path / "sql").mkdir()
    (tmp_path / "sql" / "baseline.sql").write_text("CREATE TABLE old (id int);\n")
    for number, text in enumerate(
        ("ALTER TABLE old ADD n int", "INSERT INTO old VALUES (1)", "ALTER TABLE old ADD m int"), 1
    ):
        (tmp_path / "sql" / f"{number:03}_one.sql").write_text(f"{text};\n")
    record(tmp_path / "sql", empty.server)

    assert run(empty, tmp_path / "sql").ok

    assert empty.value(TOGETHER) == 3


def test_one_that_fails_is_named_and_those_before_it_stay(empty: Database, tmp_path: Path) -> None:
    sql = write(
        tmp_path, ("CREATE TABLE a (id int)", "CREATE TABLE b (id int)", "CREATE TABLE c (id int)"), empty.server
    )
    empty.run("CREATE DOMAIN c AS int")

    failed = run(empty, sql)

    assert 'could not apply migration "003_one": type "c" already exists' in failed.text
    assert empty.rows("SELECT version FROM pgmigrate.migrations ORDER BY 1") == [(1,), (2,)]
    empty.run("DROP DOMAIN c")
    assert run(empty, sql).ok


def test_a_verify_query_is_asked_after_its_own_migration(empty: Database, tmp_path: Path) -> None:
    sql = write(
        tmp_path, ("CREATE TABLE a (id int)", "CREATE TABLE b (id int)", "CREATE TABLE c (id int)"), empty.server
    )
    verify = "SELECT 'b' AS object, 'theirs is there' AS problem WHERE to_regclass('public.theirs') IS NOT NULL"
    (sql / "002_one.verify.sql").write_text(f"{verify};\n")
    empty.run("CREATE TABLE theirs ()")

    failed = run(empty, sql)

    assert "3 migrations, together: " in failed.text
    assert "theirs is there" in failed.text
    assert empty.rows("SELECT version FROM pgmigrate.migrations ORDER BY 1") == [(1,)]
    empty.run("DROP TABLE theirs")
    assert run(empty, sql).ok


def test_what_others_make_meanwhile_has_them_run_one_by_one(empty: Database, tmp_path: Path) -> None:
    statements = ("CREATE TABLE a (id int)", "DO $$ BEGIN PERFORM pg_sleep(1); END $$", "CREATE TABLE b (id int)")
    sql = write(tmp_path, statements, empty.server)
    sleeping = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'DO $$ BEGIN PERFORM pg_sleep(1)%'"
    with empty.server.connect(empty.name) as other, ThreadPoolExecutor(max_workers=1) as pool:

        def make() -> None:
            wait_for(lambda: other.execute(sleeping).fetchone() != (0,), what="the run", seconds=30)
            other.execute("CREATE TABLE theirs (id int)")

        made = pool.submit(make)
        result = run(empty, sql)
        made.result()

    assert result.ok, result.text
    assert "3 migrations, together: + " in result.text
    assert empty.value("SELECT count(*) FROM pgmigrate.migrations") == 3


def test_a_rollback_takes_back_a_part_of_a_group(empty: Database, tmp_path: Path) -> None:
    sql = write(tmp_path, STATEMENTS[:4], empty.server)
    script = "ALTER TABLE b DROP COLUMN n;\nDROP INDEX a_n;\nDROP TABLE b;\n"
    (sql / "rollback_002_004.sql").write_text(f"-- purpose: back\n-- reverts: 002-004\n\n{script}")
    with empty.server.database("empty") as other:
        assert run(other, sql, pg_target=1).ok
        before = other.catalog().lines
    assert run(empty, sql).ok
    assert empty.value(TOGETHER) == 1
    empty.run("INSERT INTO a (n) VALUES ('one'); INSERT INTO b VALUES (7, 1, 'y')")
    after = empty.catalog().lines

    back = rollback(empty.settings(pg_sql_dir=str(sql)))

    assert back.ok, back.text
    assert empty.catalog().lines == before
    assert empty.rows("SELECT version FROM pgmigrate.migrations") == [(1,)]
    # What was kept may be due: then each has a transaction of its own.
    forth = run(empty, sql)
    assert forth.ok, forth.text
    assert empty.catalog().lines == after
    assert empty.rows("SELECT * FROM b") == [(7, 1, "y")]
    assert empty.value(TOGETHER) == 4
    assert "no drift" in status(empty.settings(pg_sql_dir=str(sql))).lines


def test_each_has_the_time_of_its_own_statements(empty: Database, tmp_path: Path) -> None:
    statements = ("CREATE TABLE a (id int)", "SELECT pg_sleep(0.4); CREATE TABLE b (id int)", "CREATE TABLE c (id int)")
    sql = write(tmp_path, statements, empty.server)

    assert run(empty, sql).ok

    assert empty.value(TOGETHER) == 1
    took = empty.rows("SELECT version, duration_ms >= 400 FROM pgmigrate.migrations ORDER BY 1")
    assert took == [(1, False), (2, True), (3, False)]
    each = empty.rows(
        "SELECT e.version, m.value ->> 0, (m.value ->> 1)::int >= 400 FROM pgmigrate.events AS e,"
        " jsonb_array_elements(e.details -> 'milliseconds') AS m ORDER BY 1, 2"
    )
    assert each == [(1, "1", False), (2, "1", True), (2, "2", False), (3, "1", False)]


def test_what_an_event_trigger_sets_has_no_effect_on_the_next(empty: Database, tmp_path: Path) -> None:
    sql = write(tmp_path, ("CREATE TABLE a (id int)", "CREATE TABLE b (id int)"), empty.server)
    with_role(empty.server, "event_other")
    empty.run(
        "GRANT CREATE ON SCHEMA public TO event_other;"
        "CREATE FUNCTION be_other() RETURNS event_trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM set_config('role', 'event_other', false) FROM pg_event_trigger_ddl_commands()"
        " WHERE schema_name = 'public'; END $$;"
        "CREATE EVENT TRIGGER be_other ON ddl_command_end EXECUTE FUNCTION be_other()"
    )

    result = run(empty, sql)

    assert result.ok, result.text
    assert empty.value(TOGETHER) == 1
    owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
    assert empty.rows(owners) == [(empty.server.conninfo["user"],)]


def test_one_that_sets_something_all_the_same_is_run_alone(empty: Database, tmp_path: Path) -> None:
    # The planner computes what is immutable while the table is made.
    makes = (
        "CREATE FUNCTION one() RETURNS int IMMUTABLE LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM set_config('work_mem', '5MB', false); RETURN 1; END $$"
    )
    statements = (makes, "CREATE TABLE a (id int) PARTITION BY RANGE ((id + one()))", "CREATE TABLE b (id int)")
    sql = write(tmp_path, statements, empty.server)

    result = run(empty, sql)

    assert result.ok, result.text
    assert "a statement that set something for the session; now one by one" in result.text
    assert empty.value(TOGETHER) == 3
