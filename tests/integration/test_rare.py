"""What is rare is found as soon as the first of it comes, by whatever it comes."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyinfra_pgmigrate.catalog.queries import catalog_query
from pyinfra_pgmigrate.execution import script
from pyinfra_pgmigrate.resources import read_sql

from tests.conftest import on_all_versions
from tests.integration.recordings import on_newest
from tests.integration.test_fingerprint import is_known
from tests.integration.test_parts import kept, write
from tests.support.harness import migrate, status
from tests.support.servers import Database, Server

# What makes the first of each catalog that rare.sql asks about.
FIRST = {
    "a publication": "CREATE PUBLICATION p",
    "a publication of a table": "CREATE PUBLICATION p FOR TABLE a",
    "a publication of a schema": "CREATE PUBLICATION p FOR TABLES IN SCHEMA public",
    "statistics": "CREATE STATISTICS s ON id, n FROM a",
    "an event trigger": "CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION fires()",
    "a wrapper": "CREATE FOREIGN DATA WRAPPER w",
    "a transform": "CREATE TRANSFORM FOR integer LANGUAGE sql (FROM SQL WITH FUNCTION prsd_lextype(internal))",
    "rights of new tables": "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO PUBLIC",
    "an operator": "CREATE OPERATOR === (FUNCTION = same, LEFTARG = a, RIGHTARG = a)",
    "an operator class": "CREATE OPERATOR CLASS c FOR TYPE a USING hash AS FUNCTION 1 hash_a(a)",
    "an operator family": "CREATE OPERATOR FAMILY f USING btree",
    "a collation": 'CREATE COLLATION c FROM "C"',
    "a conversion": "CREATE CONVERSION c FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8",
    "a configuration": "CREATE TEXT SEARCH CONFIGURATION c (COPY = simple)",
    "a dictionary": "CREATE TEXT SEARCH DICTIONARY d (TEMPLATE = simple)",
    "a parser": "CREATE TEXT SEARCH PARSER p (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype)",
    "a template": "CREATE TEXT SEARCH TEMPLATE t (LEXIZE = dsimple_lexize)",
    "a cast": "CREATE CAST (integer AS a) WITH INOUT",
    "an access method": "CREATE ACCESS METHOD m TYPE TABLE HANDLER heap_tableam_handler",
    "rights on a language": "GRANT USAGE ON LANGUAGE sql TO pg_monitor",
    "by a function": "SELECT makes()",
}
AROUND = """
CREATE TABLE a (id integer, n integer);
CREATE POLICY p ON a;
CREATE RULE r AS ON INSERT TO a DO NOTHING;
CREATE FUNCTION fires() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE FUNCTION same(a, a) RETURNS boolean LANGUAGE sql AS 'SELECT $1 = $2';
CREATE FUNCTION hash_a(a) RETURNS integer IMMUTABLE LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION makes() RETURNS void LANGUAGE plpgsql AS 'BEGIN CREATE COLLATION c FROM "C"; END';
"""


def _has_rare(database: Database) -> bool:
    return bool(database.value(read_sql("catalog/rare")))


def _lines(database: Database, *, has_rare: bool) -> set[str]:
    return {row[0] for row in database.rows(catalog_query(has_rare=has_rare))}


@on_all_versions
def test_the_first_of_each_kind_is_noticed_and_all_lines_are_the_same_before(server: Server) -> None:
    noticed = {}
    for what, statement in FIRST.items():
        with server.database("empty") as database:
            database.run(read_sql("psql/pinned") + AROUND)
            assert not _has_rare(database)
            before = _lines(database, has_rare=True)
            assert _lines(database, has_rare=False) == before

            database.run(statement)

            noticed[what] = _has_rare(database) and _lines(database, has_rare=True) != before

    assert noticed == dict.fromkeys(FIRST, True)


def test_where_something_was_once_it_is_looked_for(server: Server) -> None:
    with server.database("empty") as database:
        database.run("CREATE FOREIGN DATA WRAPPER w; DROP FOREIGN DATA WRAPPER w")
        # Whoever looks now may still see it: a file says no more.
        assert _has_rare(database)


@on_newest
@pytest.mark.parametrize("parts_from", [0, 1_000_000])
@pytest.mark.parametrize("what", ["a publication of a table", "by a function", "rights of new tables", "a cast"])
def test_a_run_that_makes_the_first_keeps_all_lines(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, parts_from: int
) -> None:
    monkeypatch.setattr(script, "PARTS_FROM", parts_from)
    statements = ["CREATE TABLE b (id integer)", "ALTER TABLE a ADD COLUMN more integer", FIRST[what]]
    sql = write(tmp_path, [*statements, "ALTER TABLE a ADD COLUMN last integer"], server, AROUND)
    assert {"+", "touches"} & {line.split(" ")[0] for line in (sql / "003_one.effect").read_text().splitlines()}
    with server.database("empty") as database:
        database.run(AROUND)

        result = migrate(database.settings(pg_sql_dir=str(sql)))

        assert result.ok, result.text
        assert kept(database) == database.catalog().lines
        assert is_known(database)
        assert "no drift" in status(database.settings(pg_sql_dir=str(sql))).text


def test_what_others_made_first_is_drift(server: Server, applied: Database) -> None:
    assert is_known(applied)
    applied.run("CREATE STATISTICS s ON id, project_id FROM project_roles")

    assert "extra    statistics s" in status(applied.settings()).text
