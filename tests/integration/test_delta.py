"""What a statement wrote, read alone, makes the catalog what it is when all of it is read."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import psycopg
import pytest
from psycopg import sql
from pyinfra_pgmigrate.catalog.delta import CatalogReader
from pyinfra_pgmigrate.catalog.queries import TOUCHED, Execute, Query, catalog_query
from pyinfra_pgmigrate.resources import read_sql

from tests.conftest import on_all_versions
from tests.property.delta import Compared, compare
from tests.property.histories import DiscardedError, prepare_server, write_history
from tests.support.explained import rows_handled
from tests.support.servers import Server

HISTORIES = 4

# What is there, and statements whose lines are of other objects than those that they name.
AROUND = """
CREATE SCHEMA other; CREATE TYPE mood AS ENUM ('good'); CREATE DOMAIN amount AS numeric CHECK (VALUE > 0);
CREATE TABLE a (id int PRIMARY KEY, n text, m mood DEFAULT 'good', c amount);
CREATE TABLE b (id serial PRIMARY KEY, a int REFERENCES a (id), a_row a, CHECK (id > 0));
CREATE TABLE child (k int) INHERITS (a); CREATE TABLE grandchild () INHERITS (child);
CREATE TABLE p (id int, n text) PARTITION BY RANGE (id); CREATE TABLE q PARTITION OF p FOR VALUES FROM (0) TO (9);
CREATE INDEX ON p (n); CREATE VIEW v AS SELECT a.id, a.n, b.id AS b FROM a JOIN b ON b.a = a.id;
CREATE VIEW w AS SELECT id FROM v; CREATE MATERIALIZED VIEW mv AS SELECT * FROM a; CREATE INDEX mv_n ON mv (n);
CREATE FUNCTION f(a) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1.n'; CREATE INDEX a_f ON a (upper(n));
CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER t AFTER UPDATE OF n ON a FOR EACH ROW WHEN (NEW.n <> '') EXECUTE FUNCTION t();
CREATE POLICY r ON a USING (n <> ''); CREATE RULE s AS ON DELETE TO b DO INSTEAD NOTHING;
CREATE STATISTICS st ON id, n FROM a; CREATE PUBLICATION pub FOR TABLE a (id), b; COMMENT ON COLUMN a.n IS 'n';
CREATE SEQUENCE free; COMMENT ON CONSTRAINT b_pkey ON b IS 'key'; COMMENT ON POLICY r ON a IS 'rule';
"""
STATEMENTS = [
    "ALTER TABLE a RENAME n TO named", "ALTER TABLE a RENAME TO renamed", "ALTER TABLE renamed RENAME TO a",
    "ALTER TYPE mood RENAME TO moods", "ALTER TYPE moods ADD VALUE 'bad'", "ALTER DOMAIN amount RENAME TO money_of",
    "ALTER DOMAIN money_of ADD CONSTRAINT little CHECK (VALUE < 9)", "ALTER DOMAIN money_of DROP CONSTRAINT little",
    "ALTER TABLE a ALTER id SET DEFAULT 5", "ALTER TABLE a ALTER id DROP DEFAULT", "ALTER TABLE child ALTER id SET DEFAULT 7",
    "ALTER FUNCTION t() RENAME TO trigger_of", "ALTER FUNCTION f(a) SET SCHEMA other", "ALTER SEQUENCE free OWNED BY b.id",
    "ALTER SEQUENCE free OWNED BY NONE", "ALTER TABLE b ALTER id DROP DEFAULT", "DROP SEQUENCE b_id_seq",
    "ALTER TABLE b ALTER id ADD GENERATED ALWAYS AS IDENTITY", "ALTER TABLE b RENAME id TO key", "ALTER TABLE b ALTER key DROP IDENTITY",
    "ALTER TABLE a DISABLE TRIGGER ALL", "ALTER TABLE a ENABLE TRIGGER ALL", "ALTER TABLE b DISABLE TRIGGER ALL",
    "COMMENT ON COLUMN a.named IS NULL", "COMMENT ON CONSTRAINT b_pkey ON b IS NULL", "COMMENT ON POLICY r ON a IS NULL",
    "COMMENT ON TABLE a IS 'a'", "COMMENT ON SCHEMA other IS 'others'", "COMMENT ON TYPE moods IS 'm'", "COMMENT ON INDEX mv_n IS 'i'",
    "ALTER TABLE child NO INHERIT a", "ALTER TABLE child INHERIT a", "ALTER TABLE p DETACH PARTITION q", "DROP INDEX p_n_idx",
    "ALTER TABLE p ATTACH PARTITION q FOR VALUES FROM (0) TO (9)", "DROP TRIGGER t ON a", "DROP POLICY r ON a", "DROP RULE s ON b",
    "ALTER PUBLICATION pub DROP TABLE b", "ALTER PUBLICATION pub RENAME TO published", "DROP STATISTICS st", "DROP INDEX a_f",
    "GRANT SELECT ON a TO PUBLIC", "GRANT SELECT (id) ON a TO PUBLIC", "REVOKE ALL ON a FROM PUBLIC", "ALTER VIEW v RENAME TO seen",
    "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC", "ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM PUBLIC",
    "CREATE OR REPLACE VIEW w AS SELECT id, 1 AS one FROM seen", "ALTER SCHEMA other RENAME TO another", "DROP SCHEMA another CASCADE",
    "CREATE TABLE t1 (LIKE a INCLUDING ALL)", "INSERT INTO t1 (id) VALUES (1)", "DROP TABLE t1", "DROP VIEW seen CASCADE",
    "ALTER TABLE b DROP CONSTRAINT b_a_fkey", "ALTER TABLE a DROP CONSTRAINT a_pkey CASCADE", "DROP TYPE moods CASCADE",
    "CREATE TYPE pair AS (x int, y text)", "ALTER TYPE pair RENAME ATTRIBUTE x TO z", "CREATE TABLE of_pair OF pair", "DROP TYPE pair CASCADE",
    "CREATE OPERATOR === (leftarg = int, rightarg = int, function = int4eq)", "DROP OPERATOR === (int, int)",
    "CREATE CAST (amount AS mood) WITH INOUT", "CREATE TEMP TABLE own (id int)", "DROP TABLE own", "DROP TABLE a CASCADE", "DROP TABLE b, p",
]  # fmt: skip


@on_all_versions
def test_a_statement_has_its_lines_and_those_of_what_names_it(server: Server) -> None:
    found = Compared()
    with server.database("empty") as database:
        database.run(AROUND)

        compare(database.session, STATEMENTS, found)

    assert found.differing == []
    assert found.statements > len(STATEMENTS) * 0.9
    # It is no proof where all was read.
    assert found.wholes < found.statements * 0.2, found


@on_all_versions
def test_statements_of_generated_histories(server: Server) -> None:
    found = Compared()
    with server.connect("postgres") as session:
        prepare_server(session)
    for number in range(HISTORIES):
        compare_history(server, number, found)

    assert found.differing == []
    assert found.statements > HISTORIES


def compare_history(server: Server, number: int, found: Compared) -> None:
    """Compares after each statement of one generated history."""
    with server.database("empty") as database:
        try:
            history, _ = write_history(Random(number), database.session)
        except DiscardedError:
            return
    with server.database("empty") as database:
        compare(database.session, [one.text for one in history.statements], found)


# How many rows of pg_attribute the server counts, and what a statement wrote there: some of it of no locked relation.
BY_HAND = "UPDATE pg_attribute SET attstattarget = 7 WHERE attrelid = 'b'::regclass AND attname = 'a'"
COLUMNS = [
    ("ALTER TABLE a ADD COLUMN m int", 1, {"a"}, True),
    ("ALTER TABLE a ADD COLUMN m int; ALTER TABLE b ADD COLUMN n int", 2, {"a", "b"}, True),
    ("ALTER TABLE a ALTER n SET STATISTICS 5", 1, {"a"}, True),
    (BY_HAND, 1, {"b"}, False),
    (f"ALTER TABLE a ADD COLUMN m int; {BY_HAND}", 2, {"a", "b"}, False),
    # Of another version of the row than the one that is left.
    ("ALTER TABLE a ADD COLUMN m int; ALTER TABLE a ALTER m SET STATISTICS 5", 2, {"a"}, False),
]


@pytest.mark.parametrize(("statements", "count", "written", "is_enough"), COLUMNS)
def test_columns_are_found_by_index_where_those_of_locked_relations_are_all(
    server: Server, statements: str, count: int, written: set[str], is_enough: bool
) -> None:
    names = "SELECT c.relname FROM pg_class AS c WHERE c.relkind = 'r' AND c.oid = ANY (%s)"
    with server.database("empty") as database:
        session = database.session
        database.run(
            "CREATE TABLE a (id int, n text); CREATE TABLE b (id int, a int); SET allow_system_table_mods = on"
        )
        session.execute(f"PREPARE touched ({', '.join(TOUCHED.types)}) AS {TOUCHED.text}".encode())
        session.execute("SET plan_cache_mode = force_generic_plan")
        with session.transaction(force_rollback=True):
            database.run(statements)
            for said, is_scanned in ((count, not is_enough), (count + 1, True), (None, True)):
                run = sql.SQL(
                    "EXECUTE touched (-1, '{{}}', '{{}}', ARRAY['pg_attribute'::regclass], '{{}}', {}, '{{}}', '{{}}')"
                ).format(said)
                objects = session.execute(run).fetchall()[0][3]
                plan = [row[0] for row in session.execute(sql.SQL("EXPLAIN (ANALYZE) {}").format(run))]

                assert {name for (name,) in session.execute(names, [objects])} == written
                assert is_read_whole(plan) == is_scanned, "\n".join(plan)


def is_read_whole(plan: list[str]) -> bool:
    """Tells whether a plan of touched.sql has looked through the columns of all relations."""
    (scan,) = [
        line
        for place, line in enumerate(plan)
        if "on pg_attribute" in line and "((attrelid)::bigint >= 16384)" in plan[place + 1] + plan[place + 2]
    ]
    return "never executed" not in scan


MAKES = """DO $$ BEGIN FOR n IN 1..400 LOOP
    EXECUTE format('CREATE TABLE t_%s (id bigserial PRIMARY KEY, n text DEFAULT 5 CHECK (n <> %L))', n, n); END LOOP; END $$"""


@on_all_versions
def test_what_a_statement_wrote_is_found_beside_many_others(server: Server) -> None:
    handled: list[float] = []
    with server.database("empty") as database:
        database.run(read_sql("psql/pinned"))
        # As it is recorded: planned where there is little.
        database.run(read_sql("migrations/record_planned").replace("SET LOCAL", "SET"))
        reader = CatalogReader(explaining(database.session, handled))
        for number, statement in enumerate(("CREATE TABLE one (n text)", MAKES, "CREATE TABLE t (n text DEFAULT 5)")):
            with database.session.transaction():
                reader.begins()
                if number == 0:
                    reader.after()
                with database.session.transaction():
                    database.run(statement)
                handled.clear()
                reader.after()

        assert len(handled) == 1, "looked twice"
        # Of some 30,000 rows that there are.
        assert handled[0] < 3000
        with database.session.transaction(force_rollback=True):
            reader.begins()
            # What was there is written again where it was, if there is room.
            with database.session.transaction():
                database.run("ALTER TABLE t_7 ADD COLUMN more text; ALTER TABLE t_9 RENAME TO t_0")
            assert "column t_7.more text" in reader.after().patch.plus
            assert reader.catalog.lines == {row[0] for row in database.session.execute(catalog_query().encode())}


def explaining(session: psycopg.Connection[Any], handled: list[float]) -> Execute:
    """Returns what runs queries, and notes how many rows touched.sql has handled each time."""

    def execute(query: Query, values: Sequence[Any]) -> Sequence[Sequence[Any]]:
        name = sql.Identifier(query.name)
        if session.execute("SELECT FROM pg_prepared_statements WHERE name = %s", [query.name]).fetchone() is None:
            types = sql.SQL("({})").format(sql.SQL(", ").join(map(sql.SQL, query.types)))
            heading = sql.SQL("PREPARE {} {} AS {}")
            session.execute(heading.format(name, types if values else sql.SQL(""), sql.SQL(query.text)))
        places = sql.SQL("({})").format(sql.SQL(", ").join(map(sql.Literal, values)))
        run = sql.SQL("EXECUTE {} {}").format(name, places if values else sql.SQL(""))
        if query is TOUCHED:
            ((plan,),) = session.execute(sql.SQL("EXPLAIN (ANALYZE, FORMAT JSON) {}").format(run)).fetchall()
            handled.append(rows_handled(plan[0]["Plan"], few=0))
        return session.execute(run).fetchall()

    return execute


def test_what_a_block_caught_was_never_written(server: Server) -> None:
    failing = """DO $$ BEGIN
        CREATE TABLE kept (id int);
        BEGIN
            CREATE TABLE undone (id int); ALTER TABLE kept ADD COLUMN undone int; PERFORM 1 / 0;
        EXCEPTION WHEN division_by_zero THEN NULL;
        END;
        ALTER TABLE kept ADD COLUMN n int;
    END $$"""
    found = Compared()
    with server.database("empty") as database:
        compare(database.session, [failing, "ALTER TABLE kept ADD COLUMN m int", "DROP TABLE kept"], found)

    assert (found.differing, found.statements) == ([], 3)


def test_it_can_fail(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyinfra_pgmigrate.catalog.delta.CatalogReader._homes_of", lambda *_: ())
    found = Compared()
    with server.database("empty") as database:
        database.run(
            "CREATE TABLE a (id int CONSTRAINT c CHECK (id > 0)); CREATE TABLE b (a int, CONSTRAINT d CHECK (a > 0))"
        )
        # The catalog says nothing of the table, but that its constraint is gone.
        database.run("COMMENT ON TABLE a IS 'a'")
        compare(database.session, ["COMMENT ON TABLE a IS NULL"], found)

    assert "comment table a" in found.differing[0]
