"""Lines say what is there and nothing else: exact, the same on all versions, read back as written, out of reach."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from pyinfra_pgmigrate.catalog import ddl
from pyinfra_pgmigrate.catalog.lines import escaped, is_own, key_of, unescaped
from pyinfra_pgmigrate.catalog.parts import columns_of
from pyinfra_pgmigrate.catalog.queries import catalog_query
from pyinfra_pgmigrate.migrations import effect as effects
from pyinfra_pgmigrate.resources import read_sql

from tests.conftest import ALL_VERSIONS, Machines, on_all_versions
from tests.support.harness import Result, migrate, status
from tests.support.migrations import record
from tests.support.servers import Database, Server


@pytest.fixture
def databases(machines: Machines) -> Iterator[list[Database]]:
    """An empty database of each version."""
    with ExitStack() as stack:
        yield [stack.enter_context(machines.server(version).database("empty")) for version in ALL_VERSIONS]


def shared(database: Database) -> frozenset[str]:
    """Returns the lines that do not belong to one database."""
    return frozenset(line for line in database.catalog().lines if not is_own(line))


# Names and texts that would end a line, or begin one, or be split by Python.
ODD = "".join(map(chr, (10, 13, 9, 11, 12, 0x1C, 0x1D, 0x1E, 0x7F, 0x85, 0x2028, 0x2029, 0x202E, 0xFEFF))) + "\\"
ODD_STRUCTURE = f"""
CREATE TABLE "t{ODD}" ("c{ODD}" text DEFAULT 'd{ODD}', "plain \\" integer, CHECK ("c{ODD}" <> 'e{ODD}'));
CREATE INDEX "i{ODD}" ON "t{ODD}" ("c{ODD}");
CREATE VIEW "v{ODD}" AS SELECT "c{ODD}" FROM "t{ODD}" WHERE "c{ODD}" <> 'w{ODD}';
CREATE FUNCTION "f{ODD}"() RETURNS text LANGUAGE sql AS $$ SELECT 'x{ODD}' $$;
CREATE TYPE "y{ODD}" AS ENUM ('z{ODD}');
COMMENT ON TABLE "t{ODD}" IS 'u
+ table forged{ODD}';
"""


class TestEscapes:
    @on_all_versions
    def test_a_name_or_text_can_neither_end_nor_forge_a_line(self, server: Server) -> None:
        with server.database("empty") as database:
            database.run(ODD_STRUCTURE)
            lines = database.catalog().lines

        assert all(len(line.splitlines()) == 1 and line.isprintable() for line in lines)
        assert {f"table {escaped(name)}" for name in (f'"t{ODD}"',)} <= {key_of(line) for line in lines}
        assert not any(line.startswith("table forged") for line in lines)

    @on_all_versions
    def test_an_effect_reads_back_as_written_and_a_repair_makes_what_was_there(
        self, server: Server, tmp_path: Path
    ) -> None:
        (tmp_path / "001_odd.sql").write_text(f"-- purpose: odd\n-- phase: schema\n\n{ODD_STRUCTURE}", newline="")
        record(tmp_path, server)
        text = (tmp_path / "001_odd.effect").read_bytes().decode()
        effect = effects.parse(text, source="001_odd.effect")
        assert effects.render("001_odd", effect) == text

        with server.database("empty") as database:
            result = migrate(database.settings(pg_sql_dir=str(tmp_path)))
            assert result.ok, result.text
            whole = database.catalog()
            assert effect.patch.plus <= whole.lines
            for kind in ("index", "view", "function"):
                (line,) = [one for one in whole.lines if one.startswith(f"{kind} ")]
                database.run(ddl.joined(ddl.drop(line) or ()))
                assert line not in database.catalog().lines
                made = ddl.joined(ddl.make([line]) or ())
                database.run(made.replace(" CONCURRENTLY", ""))
                assert line in database.catalog().lines

    def test_what_is_escaped_comes_back(self) -> None:
        assert unescaped(escaped(ODD + r"\n\u2028")) == ODD + r"\n\u2028"
        assert escaped("plain ä ☃ text") == "plain ä ☃ text"

    def test_a_database_in_another_encoding_is_read(self, server: Server) -> None:
        server.administer("CREATE DATABASE {} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'", "lines_latin")
        try:
            database = Database(server, "lines_latin")
            database.session.execute("CREATE TABLE \"caf\u00e9\\\" (a text DEFAULT 'x\ny')")
            lines = database.catalog().lines
            database.close()
        finally:
            server.administer("DROP DATABASE {} WITH (FORCE)", "lines_latin")

        assert 'table "caf\u00e9\\\\"' in lines
        assert "column \"caf\u00e9\\\\\".a text default 'x\\ny'::text" in lines


# A definition, and one that reads nearly the same and means something else.
PAIRS = [
    ("CREATE VIEW v AS SELECT a.val FROM a JOIN b USING (id)", "CREATE VIEW v AS SELECT b.val FROM a JOIN b USING (id)"),
    ("CREATE VIEW v AS SELECT 'app'::text AS x", "CREATE VIEW v AS SELECT 'evil'::text AS x"),
    ("CREATE VIEW v AS SELECT 'a   b'::text AS x", "CREATE VIEW v AS SELECT 'a b'::text AS x"),
    ("CREATE VIEW v AS SELECT id FROM a WHERE val <> 'a   b'", "CREATE VIEW v AS SELECT id FROM a WHERE val <> 'a b'"),
    ("CREATE VIEW v AS SELECT id FROM a WHERE val = E'a\\tb'", "CREATE VIEW v AS SELECT id FROM a WHERE val = 'a b'"),
    ("CREATE VIEW v AS SELECT id FROM a ORDER BY val = E'a\\nb'", "CREATE VIEW v AS SELECT id FROM a ORDER BY val = 'a b'"),
    ("CREATE RULE r AS ON INSERT TO a DO ALSO SELECT 'a  b'", "CREATE RULE r AS ON INSERT TO a DO ALSO SELECT 'a b'"),
    ("CREATE VIEW v AS SELECT 'a.b'::text AS x", "CREATE VIEW v AS SELECT 'b'::text AS x"),
    ("CREATE VIEW v AS SELECT f(1) AS x", "CREATE VIEW v AS SELECT other.f(1) AS x"),
    ("CREATE VIEW v AS SELECT id FROM a WHERE EXISTS (SELECT FROM b WHERE b.id = a.id)", "CREATE VIEW v AS SELECT id FROM a WHERE EXISTS (SELECT FROM b WHERE b.id = b.id)"),
    ("CREATE VIEW v AS SELECT id FROM a", "CREATE VIEW v WITH (security_invoker) AS SELECT id FROM a"),
    ("CREATE MATERIALIZED VIEW v AS SELECT id FROM a", "CREATE MATERIALIZED VIEW v AS SELECT id FROM b"),
    ("CREATE RULE r AS ON UPDATE TO a DO INSTEAD UPDATE b SET val = new.val WHERE b.id = old.id", "CREATE RULE r AS ON UPDATE TO a DO INSTEAD UPDATE b SET val = old.val WHERE b.id = new.id"),
    ("CREATE TABLE t (x text CHECK (x <> 'a  b'))", "CREATE TABLE t (x text CHECK (x <> 'a b'))"),
    ("CREATE TABLE t (x text DEFAULT 'a\nb')", "CREATE TABLE t (x text DEFAULT 'a\\nb')"),
    ("CREATE COLLATION c (provider = libc, locale = 'C')", "CREATE COLLATION c (provider = libc, locale = 'POSIX')"),
    ("CREATE COLLATION c (provider = icu, locale = 'de')", "CREATE COLLATION c (provider = icu, locale = 'de', deterministic = false)"),
    ("CREATE TYPE r AS RANGE (subtype = text)", "CREATE TYPE r AS RANGE (subtype = text, collation = \"C\")"),
    ("CREATE TYPE r AS RANGE (subtype = float8)", "CREATE TYPE r AS RANGE (subtype = float8, subtype_diff = float8mi)"),
    ("CREATE TYPE r AS RANGE (subtype = text)", "CREATE TYPE r AS RANGE (subtype = text, subtype_opclass = text_pattern_ops)"),
    ("CREATE DOMAIN d AS text COLLATE \"C\"", "CREATE DOMAIN d AS text COLLATE \"POSIX\""),
    ("CREATE DOMAIN d AS text CHECK (VALUE <> '')", "CREATE DOMAIN d AS text CHECK (VALUE <> ' ')"),
    ("CREATE TYPE t AS (x text COLLATE \"C\")", "CREATE TYPE t AS (x text COLLATE \"POSIX\")"),
    ("CREATE AGGREGATE g (text) (sfunc = textcat, stype = text)", "CREATE AGGREGATE g (text) (sfunc = textcat, stype = text, parallel = safe)"),
    ("CREATE AGGREGATE g (text) (sfunc = textcat, stype = text, combinefunc = textcat)", "CREATE AGGREGATE g (text) (sfunc = textcat, stype = text, finalfunc = upper)"),
    ("CREATE PUBLICATION p FOR TABLES IN SCHEMA other", "CREATE PUBLICATION p"),
    ("CREATE PUBLICATION p FOR TABLE a (id)", "CREATE PUBLICATION p FOR TABLE a (id, val)"),
    ("CREATE OPERATOR === (leftarg = text, rightarg = text, function = texteq)", "CREATE OPERATOR === (leftarg = text, rightarg = text, function = texteq, hashes)"),
    ("CREATE CAST (d2 AS text) WITH INOUT", "CREATE CAST (d2 AS text) WITH INOUT AS IMPLICIT"),
    ("CREATE TEXT SEARCH DICTIONARY x (template = simple, accept = true)", "CREATE TEXT SEARCH DICTIONARY x (template = simple, accept = false)"),
    ("CREATE TEXT SEARCH CONFIGURATION x (copy = simple)", "CREATE TEXT SEARCH CONFIGURATION x (copy = simple); ALTER TEXT SEARCH CONFIGURATION x ALTER MAPPING FOR word WITH english_stem"),
    ("CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w OPTIONS (host 'a')", "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w OPTIONS (host 'b')"),
    ("CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE t (x text OPTIONS (n 'a')) SERVER s", "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE t (x text OPTIONS (n 'b')) SERVER s"),
    ("CREATE FUNCTION h() RETURNS text LANGUAGE sql COST 1 AS 'SELECT 1'", "CREATE FUNCTION h() RETURNS text LANGUAGE sql AS 'SELECT 1'"),
    ("CREATE SEQUENCE q", "CREATE UNLOGGED SEQUENCE q"),
    ("CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY)", "CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY (MAXVALUE 99))"),
    ("CREATE EVENT TRIGGER e ON sql_drop EXECUTE FUNCTION ev()", "CREATE EVENT TRIGGER e ON sql_drop WHEN TAG IN ('DROP TABLE') EXECUTE FUNCTION ev()"),
    ("CREATE STATISTICS s (ndistinct) ON id, val FROM a", "CREATE STATISTICS s (mcv) ON id, val FROM a"),
    ("CREATE OPERATOR CLASS oc FOR TYPE text USING hash AS OPERATOR 1 =, FUNCTION 1 hashtext(text)", "CREATE OPERATOR CLASS oc FOR TYPE text USING hash AS OPERATOR 1 =, FUNCTION 1 hashtext(text), FUNCTION 2 hashtextextended(text, int8)"),
    ("CREATE CONVERSION k FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8", "CREATE DEFAULT CONVERSION k FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8"),
]  # fmt: skip
AROUND = """
CREATE SCHEMA other;
CREATE TABLE a (id integer, val text);
CREATE TABLE b (id integer, val text);
CREATE TYPE d2 AS ENUM ('x');
CREATE FUNCTION f(integer) RETURNS integer LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION other.f(integer) RETURNS integer LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION ev() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN NULL; END $$;
"""


@on_all_versions
def test_what_means_something_else_has_other_lines(server: Server) -> None:
    alike = []
    with server.database("empty") as database:
        database.run(AROUND)
        database.run(read_sql("psql/pinned"))
        database.run("SET search_path = public, pg_temp")
        has_icu = database.value("SELECT count(*) > 0 FROM pg_collation WHERE collname = 'und-x-icu'")
        for one, other in PAIRS:
            if "icu" in one and not has_icu:
                continue
            found = []
            for text in (one, other):
                with database.session.transaction(force_rollback=True):
                    database.run(text)
                    rows = database.session.execute(catalog_query().encode()).fetchall()
                    found.append({line for line, *_ in rows if not is_own(line)})
            if found[0] == found[1]:
                alike.append((one, other))

    assert alike == []


# Many ways to write a view, for the text that is the same on all versions.
VIEWS = [
    "SELECT id, val FROM a", "SELECT x.id, x.val FROM a AS x", "SELECT a.* FROM a", "SELECT a FROM a",
    "SELECT a AS a FROM a AS a", "SELECT id FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.id = a.id)",
    "SELECT id FROM a WHERE id IN (SELECT id FROM b WHERE b.val = a.val)", "SELECT (SELECT max(b.id) FROM b WHERE b.val = a.val) FROM a",
    "SELECT id FROM ONLY a", "SELECT q.id FROM (SELECT id FROM a) AS q", "SELECT n FROM generate_series(1, 5) AS g (n)",
    "SELECT g FROM generate_series(1, 5) AS g", "SELECT id FROM a ORDER BY val DESC LIMIT 5 OFFSET 1",
    "SELECT val, count(*) FROM a GROUP BY val HAVING count(*) > 1 ORDER BY 2", "SELECT id FROM a UNION SELECT id FROM b",
    "SELECT id FROM a UNION ALL (SELECT id FROM b EXCEPT SELECT id FROM a)", "WITH w AS (SELECT id FROM a) SELECT id FROM w",
    "WITH RECURSIVE w(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM w WHERE n < 5) SELECT n FROM w",
    "SELECT row_number() OVER (PARTITION BY val ORDER BY id) FROM a", "SELECT a.id, b.val FROM a LEFT JOIN b USING (id)",
    "SELECT a.id FROM a, LATERAL (SELECT b.id FROM b WHERE b.id = a.id) AS l", "SELECT id FROM a TABLESAMPLE system (50)",
    "SELECT val || ' a.val ( SELECT ' || val AS x FROM a", "SELECT 'it''s   a.val'::text AS \"a.val\" FROM a",
    "SELECT \"Odd Name\".id FROM a AS \"Odd Name\"", "SELECT val FROM other.c", "SELECT c.val FROM other.c WHERE c.val = other.g(c.val)",
    "SELECT CASE WHEN id > 1 THEN val ELSE 'x' END FROM a", "SELECT id::text::varchar(3) FROM a", "SELECT ARRAY(SELECT id FROM a)",
    "SELECT ARRAY[id, 2] FROM a", "SELECT (ROW(1, 2)).*", "VALUES (1, 'a'), (2, 'b')",
    "SELECT DISTINCT ON (val) id, val FROM a ORDER BY val, id", "SELECT coalesce(val, 'x'), nullif(id, 1), greatest(id, 2) FROM a",
    "SELECT extract(year FROM now())", "SELECT val COLLATE \"C\" FROM a ORDER BY val COLLATE \"C\"", "SELECT val ~ 'x' FROM a",
    "SELECT val LIKE 'a%' AND NOT (id BETWEEN 1 AND 2) FROM a", "SELECT id = ANY (ARRAY[1, 2]) FROM a", "SELECT id FROM a FOR UPDATE",
    "SELECT count(*) FILTER (WHERE id > 1) FROM a", "SELECT sum(id) OVER w FROM a WINDOW w AS (ORDER BY id)",
    "SELECT val FROM a GROUP BY GROUPING SETS ((val), ())", "SELECT current_user, session_user, current_date, localtimestamp",
    "SELECT substring(val FROM 1 FOR 2), trim(val), overlay(val PLACING 'x' FROM 1), position('x' IN val) FROM a",
    "SELECT now() AT TIME ZONE 'UTC'", "SELECT id FROM a WHERE val <> E'tab\\there   x'", "SELECT id FROM a WHERE val = E'a\\n  b' AND id > 0", "SELECT E'tab\\there\\nand \\\\'::text AS x",
    "SELECT x.id AS val, x.val AS id FROM a AS x WHERE (x.id, x.val) = (1, 'a')", "SELECT a.id FROM a AS a (id, val)",
    "SELECT z.k FROM a AS z (k, v)", "SELECT id FROM a WHERE val IS DISTINCT FROM 'x' AND val IS NOT NULL",
    "SELECT id FROM a WHERE id > ALL (SELECT id FROM b)", "SELECT id FROM a WHERE (id, val) IN (SELECT id, val FROM b)",
    "SELECT string_agg(DISTINCT val, ', ' ORDER BY val) FROM a", "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY id) FROM a",
    "SELECT t.tableoid::regclass AS k, t.ctid FROM a AS t", "SELECT t.val AS t FROM a AS t WHERE t.id = 1",
    "SELECT u.a FROM (SELECT a FROM a) AS u", "SELECT id FROM a CROSS JOIN (VALUES (1)) AS v (n)", "SELECT NULL::text AS x FROM a",
    "SELECT b.id FROM b WHERE NOT EXISTS (WITH w AS (SELECT 1 FROM a WHERE a.id = b.id) SELECT FROM w)",
    "SELECT (a).val FROM a", "SELECT (f(a)).val FROM a", "SELECT f.val FROM f((SELECT a FROM a LIMIT 1)) AS f", "SELECT val AS \"select\" FROM a",
]  # fmt: skip
VIEWED = """
CREATE SCHEMA other;
CREATE TABLE a (id integer, val text);
CREATE TABLE b (id integer, val text);
CREATE TABLE other.c (val text);
CREATE FUNCTION f(a) RETURNS a LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION other.g(text) RETURNS text LANGUAGE sql AS 'SELECT $1';
"""


def test_a_view_has_the_same_text_on_all_versions_and_makes_the_same_view_again(databases: list[Database]) -> None:
    for database in databases:
        database.run(VIEWED)
        for number, text in enumerate(VIEWS):
            database.run(f"CREATE VIEW v{number:02} AS {text}")
    first, *others = (shared(database) for database in databases)

    for other in others:
        assert other ^ first == set()
    views = {key_of(line): line for line in first if line.startswith("view ")}
    assert len(views) == len(VIEWS)
    for database in databases:
        database.run("".join(f"DROP VIEW v{number:02};" for number in range(len(VIEWS))))
        for line in views.values():
            database.run(ddl.joined(ddl.make([line]) or ()))
        assert shared(database) == first


class TestPassword:
    @on_all_versions
    def test_is_never_printed(self, server: Server) -> None:
        with server.database("empty") as database:
            database.run(
                "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w OPTIONS (passfile 'geheim1')"
            )
            database.run("CREATE USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (\"user\" 'me', password 'geheim2')")
            lines = database.catalog().lines

        assert not any("geheim" in line for line in lines)
        assert (
            "definition foreign_server s user mapping for postgres options (password (hidden), \"user\" 'me')" in lines
        )


SETTERS = [
    "SELECT set_config('search_path', 'elsewhere', false), set_config('TimeZone', 'Asia/Tokyo', false)",
    "SELECT set_config('DateStyle', 'German', false), set_config('quote_all_identifiers', 'on', false),"
    " set_config('extra_float_digits', '-5', false)",
    "SELECT set_config('pgmigrate.allowed', '[\"table smuggled\"]', false), set_config('pgmigrate.before', '{}', false),"
    " set_config('pgmigrate.after', '{}', false)",
    "SELECT set_config('role', 'pg_monitor', false)",
    "SELECT set_config('session_replication_role', 'replica', false), set_config('client_encoding', 'LATIN1', false),"
    " set_config('default_transaction_read_only', 'on', false)",
]


class TestOutOfReach:
    @pytest.mark.parametrize("setter", SETTERS)
    def test_what_a_statement_sets_has_no_effect_on_the_check(
        self, server: Server, tmp_path: Path, setter: str
    ) -> None:
        made = "CREATE TABLE at (a timestamptz DEFAULT '2000-01-01 00:00+00', f float8 DEFAULT 0.1)"
        result, database, context = self._run(server, tmp_path, f"{made}; {setter};")
        try:
            assert result.ok, result.text
            assert (
                "column at.a timestamp with time zone default '2000-01-01 00:00:00+00'::timestamp with time zone"
                in (database.catalog().lines)
            )
            assert "no drift" in status(database.settings(pg_sql_dir=str(tmp_path))).text
        finally:
            context.close()

    @pytest.mark.parametrize(
        "setter",
        [
            "SELECT set_config('pgmigrate.allowed', '[\"table smuggled\"]', false)",
            "DO $$ BEGIN EXECUTE 'RESET ALL'; END $$",
        ],
    )
    def test_nothing_is_smuggled_in(self, server: Server, tmp_path: Path, setter: str) -> None:
        hand = (
            "CREATE FUNCTION also() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN"
            " IF pg_catalog.to_regclass('public.wanted') IS NOT NULL AND pg_catalog.to_regclass('public.smuggled') IS NULL"
            " THEN CREATE TABLE public.smuggled (); END IF; END $$;"
            " CREATE EVENT TRIGGER also ON ddl_command_end EXECUTE FUNCTION also()"
        )
        result, database, context = self._run(server, tmp_path, f"CREATE TABLE wanted (); {setter};", hand)
        try:
            assert not result.ok
            assert "the catalog changed otherwise than its effect says" in result.text
            assert database.value("SELECT to_regclass('wanted') IS NULL")
        finally:
            context.close()

    @staticmethod
    def _run(server: Server, folder: Path, text: str, by_hand: str = "") -> tuple[Result, Database, ExitStack]:
        (folder / "001_set.sql").write_text(f"-- purpose: set\n-- phase: schema\n\n{text}\n")
        (folder / "baseline.sql").write_text("CREATE SCHEMA elsewhere;\n")
        record(folder, server)
        context = ExitStack()
        database = context.enter_context(server.database("empty"))
        database.run(f"CREATE SCHEMA elsewhere; {by_hand}")
        return migrate(database.settings(pg_sql_dir=str(folder))), database, context


def test_columns_that_a_child_has_from_its_parent_are_its_columns_too(server: Server) -> None:
    with server.database("empty") as database:
        database.run(
            "CREATE TABLE up (id bigint GENERATED ALWAYS AS IDENTITY, val text); CREATE TABLE down (more text) INHERITS (up);"
            ' CREATE TABLE "p p" (id integer, at date) PARTITION BY RANGE (at);'
            " CREATE TABLE \"p 1\" PARTITION OF \"p p\" FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');"
            ' ALTER TABLE "p 1" ALTER id SET DEFAULT 5'
        )
        columns = columns_of(database.catalog().lines)

    assert columns["down"] == {"id": "bigint not null", "more": "text", "val": "text"}
    assert columns['"p 1"'] == {"at": "date", "id": "integer default 5"}
