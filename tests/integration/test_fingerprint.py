"""The fingerprint of a catalog: the same as long as its lines are, and another one as soon as they may not be."""

from __future__ import annotations

import re
import subprocess

import pytest
from psycopg.conninfo import make_conninfo
from pyinfra_pgmigrate.planning.database import DatabaseSession
from pyinfra_pgmigrate.registry.look import look as question
from pyinfra_pgmigrate.registry.model import Observed
from pyinfra_pgmigrate.resources import read_sql

from tests.conftest import on_all_versions
from tests.support.contents import RUN
from tests.support.harness import engine_of, migrate, status
from tests.support.servers import Database, Server

# Columns of pg_class of which no line tells, and which change with the rows of a relation or their place.
LEFT_OUT = {
    "relfilenode",
    "relpages",
    "reltuples",
    "relallvisible",
    "relallfrozen",
    "reltoastrelid",
    "relhasindex",
    "relhasrules",
    "relhastriggers",
    "relhassubclass",
    "relrewrite",
    "relfrozenxid",
    "relminmxid",
}
# Work after which a look is as quick as before.
UNSEEN = (
    "ANALYZE",
    "VACUUM",
    "VACUUM FREEZE",
    "VACUUM FREEZE pg_catalog.pg_class; VACUUM FREEZE pg_catalog.pg_attribute; VACUUM FREEZE pg_catalog.pg_proc",
    "INSERT INTO customers (name) VALUES ('x')",
    "TRUNCATE project_event_equipment",
    "REINDEX INDEX idx_projects_owner",
    "SELECT nextval(pg_get_serial_sequence('customers', 'id')) WHERE false",
    "CREATE TABLE passing (id bigint PRIMARY KEY); DROP TABLE passing",
    "CREATE TEMPORARY TABLE aside (id integer); DROP TABLE aside",
    "CHECKPOINT",
)
# Work that leaves the lines as they are and the catalog not.
SEEN = (
    "VACUUM FULL pg_catalog.pg_attribute",
    "ALTER TABLE customers RENAME TO clients; ALTER TABLE clients RENAME TO customers",
    "ALTER TABLE customers ADD COLUMN passing text; ALTER TABLE customers DROP COLUMN passing",
)


def is_known(database: Database) -> bool:
    """Returns whether a look takes the lines that the last run kept."""
    ended = subprocess.run(
        [
            str(database.server.bin_dir / "psql"),
            "-XqAt",
            "-d",
            make_conninfo(**database.server.conninfo, dbname=database.name),
        ],
        input=question(RUN, "public").script + "\\o\n\\echo known :is_same\n",
        capture_output=True,
        text=True,
        check=True,
    )
    return "known t" in ended.stdout.splitlines()


def look(engine: DatabaseSession) -> Observed:
    """Returns what an engine sees."""
    seen = engine.look()
    assert isinstance(seen, Observed), seen
    return seen


def run_each(database: Database, text: str) -> None:
    """Runs statements, a transaction each."""
    for statement in text.split("; "):
        database.run(statement)


@on_all_versions
def test_work_that_changes_no_line(applied: Database) -> None:
    assert is_known(applied)
    for text in UNSEEN:
        run_each(applied, text)
        assert is_known(applied), text


@on_all_versions
@pytest.mark.parametrize("text", SEEN)
def test_a_catalog_that_was_written_anew_is_read_anew(applied: Database, text: str) -> None:
    lines = applied.catalog().lines
    run_each(applied, text)

    assert not is_known(applied)
    with engine_of(applied.settings()) as engine:
        assert look(engine).catalog.lines == lines
    assert "no drift" in status(applied.settings()).text


@on_all_versions
def test_every_catalog_that_the_lines_are_read_from_is_in_it(server: Server) -> None:
    read = set(re.findall(r"(?:FROM|JOIN) pg_catalog\.(pg_[a-z_]+)(?! ?\()", read_sql("catalog/catalog")))
    counted = set(re.findall(r"FROM pg_catalog\.(pg_[a-z_]+)", read_sql("catalog/fingerprint")))
    assert len(read) > 25
    assert read - counted == set()

    with server.database("empty") as database:
        columns = {
            row[0]
            for row in database.rows(
                "SELECT attname FROM pg_attribute WHERE attrelid = 'pg_class'::regclass AND attnum > 0"
            )
        }
    assert columns - set(re.findall(r"c\.(rel[a-z]+|oid)", read_sql("catalog/fingerprint"))) - LEFT_OUT == set()


def test_only_the_last_step_of_a_run_leaves_one(server: Server) -> None:
    with server.database("legacy") as database:
        assert migrate(database.settings(pg_target=2)).ok
        kept = database.value("SELECT fingerprint FROM pgmigrate.catalogs WHERE kind = 'last'")
        assert is_known(database)

        assert migrate(database.settings()).ok

        assert is_known(database)
        assert database.value("SELECT fingerprint FROM pgmigrate.catalogs WHERE kind = 'last'") != kept
        assert database.value("SELECT fingerprint FROM pgmigrate.catalogs WHERE kind = 'first'") is None


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE pgmigrate.catalogs SET lines = '{}' WHERE kind = 'last'",
        "UPDATE pgmigrate.catalogs SET lines = lines[2:] WHERE kind = 'last'",
        "UPDATE pgmigrate.catalogs SET fingerprint = NULL WHERE kind = 'last'",
        "UPDATE pgmigrate.catalogs SET fingerprint = 'x' WHERE kind = 'last'",
        "DELETE FROM pgmigrate.catalogs WHERE kind = 'last'",
    ],
)
def test_a_registry_that_somebody_wrote_in_is_not_believed(applied: Database, edit: str) -> None:
    lines = applied.catalog().lines
    applied.run(edit)

    assert not is_known(applied)
    with engine_of(applied.settings()) as engine:
        assert look(engine).catalog.lines == lines


@pytest.mark.parametrize(
    "setting",
    [
        "TimeZone = 'Asia/Tokyo'",
        "DateStyle = 'German'",
        "IntervalStyle = 'iso_8601'",
        "bytea_output = 'escape'",
        "extra_float_digits = -3",
        "quote_all_identifiers = on",
        "jit = on",
    ],
)
def test_a_setting_of_the_database_changes_nothing_that_is_printed(applied: Database, setting: str) -> None:
    applied.run(
        "ALTER TABLE customers ADD since timestamptz DEFAULT '2000-01-01 00:00+00', ADD share float8 DEFAULT 0.1"
    )
    applied.run("ALTER TABLE customers ADD every interval DEFAULT '1 day 2 hours', ADD mark bytea DEFAULT '\\x00ff'")
    before = applied.catalog().lines, applied.fingerprint()

    applied.run(f"ALTER DATABASE {applied.name} SET {setting}")

    assert (applied.catalog().lines, applied.fingerprint()) == before


def test_a_role_with_something_here_that_is_called_otherwise_is_in_it(server: Server) -> None:
    server.administer("CREATE ROLE {}", "fingerprint_one")
    try:
        with server.database("legacy") as database:
            database.run("GRANT SELECT ON customers TO fingerprint_one")
            assert migrate(database.settings()).ok
            server.administer("CREATE ROLE {}", "fingerprint_two")
            server.administer("DROP ROLE {}", "fingerprint_two")
            assert is_known(database)

            server.administer("ALTER ROLE {} RENAME TO {}", "fingerprint_one", "fingerprint_two")

            assert not is_known(database)
            server.administer("ALTER ROLE {} RENAME TO {}", "fingerprint_two", "fingerprint_one")
            assert is_known(database)
    finally:
        server.administer("DROP ROLE {}", "fingerprint_one")
