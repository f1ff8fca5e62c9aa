"""Drafts of rollback scripts: each runs, and ends at the catalog before the migrations, rows and sequences kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pyinfra_pgmigrate.rollback.drafts import draft

from tests.integration.rounds import Round, Together
from tests.property.snapshot import take
from tests.support.folders import written
from tests.support.harness import migrate, rollback
from tests.support.servers import Server

# What was there before, the migrations, and what is filled in.
STORIES: dict[str, tuple[str, tuple[str, ...], str]] = {
    "a serial column of a table that stays": (
        "CREATE TABLE a (n text);",
        ("ALTER TABLE a ADD COLUMN id serial PRIMARY KEY; CREATE SEQUENCE s; CREATE TABLE b (id bigserial, t int"
         " DEFAULT nextval('s'));",),
        "INSERT INTO a VALUES ('x'), ('y'); INSERT INTO b DEFAULT VALUES;",
    ),
    "tables that reference each other": (
        "CREATE TABLE z (id int PRIMARY KEY);",
        ("CREATE TABLE c (id int PRIMARY KEY, z int REFERENCES z); CREATE TABLE a (id int PRIMARY KEY, c int REFERENCES c);"
         "CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a);", "ALTER TABLE z ADD COLUMN b int REFERENCES b;"),
        "INSERT INTO z VALUES (1); INSERT INTO c VALUES (1, 1); INSERT INTO a VALUES (1, 1); INSERT INTO b VALUES (1, 1);"
        "UPDATE z SET b = 1;",
    ),
    "tables in a circle": (
        "",
        ("CREATE TABLE a (id int PRIMARY KEY, b int); CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a);"
         "ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b;",),
        "INSERT INTO a VALUES (1); INSERT INTO b VALUES (1, 1); UPDATE a SET b = 1;",
    ),
    "a table renamed, with its children": (
        "CREATE TABLE old (id int PRIMARY KEY, n text CHECK (n <> '')); CREATE TABLE child (more int) INHERITS (old);"
        "CREATE VIEW v AS SELECT id FROM old; INSERT INTO old VALUES (1, 'x'); INSERT INTO child VALUES (2, 'y', 3);",
        ("ALTER TABLE old RENAME TO new; ALTER TABLE new RENAME n TO name;", "CREATE TABLE later () INHERITS (new);",
         "ALTER TABLE child RENAME TO kid;"),
        "INSERT INTO later VALUES (4, 'z');",
    ),
    "names that others stand on": (
        "CREATE TYPE kind AS ENUM ('x'); CREATE DOMAIN few AS int; CREATE FUNCTION f(int) RETURNS int LANGUAGE sql IMMUTABLE"
        " AS 'SELECT $1'; CREATE TABLE a (id int PRIMARY KEY, n text, k kind, d few, CONSTRAINT positive CHECK (f(id) > 0));"
        "CREATE TABLE c (a int REFERENCES a); CREATE INDEX i ON a (k, f(d)); CREATE VIEW v AS SELECT id, n FROM a;"
        "CREATE VIEW w AS TABLE v; CREATE MATERIALIZED VIEW m AS TABLE a; CREATE UNIQUE INDEX j ON m (id);"
        "CREATE STATISTICS s ON id, n FROM a; CREATE SCHEMA side; CREATE TABLE moved (id int); CREATE VIEW x AS TABLE moved;"
        "CREATE VIEW y AS TABLE x; INSERT INTO a VALUES (1, 'x', 'x', 1); INSERT INTO c VALUES (1);",
        ("ALTER TABLE a RENAME TO b; ALTER TABLE b RENAME n TO name; ALTER TYPE kind RENAME TO sort;"
         "ALTER DOMAIN few RENAME TO \"M any\"; ALTER FUNCTION f(int) RENAME TO g; ALTER STATISTICS s RENAME TO t;",
         "ALTER TABLE moved SET SCHEMA side; ALTER VIEW v RENAME TO u; ALTER TABLE b RENAME CONSTRAINT positive TO least;"),
        "INSERT INTO b VALUES (2, 'y', 'x', 2); INSERT INTO side.moved VALUES (1);",
    ),
    "a column that goes, and one like it that comes": (
        "CREATE TABLE a (id int PRIMARY KEY, n text NOT NULL DEFAULT 'x', CONSTRAINT short CHECK (n <> 'long'));",
        ("ALTER TABLE a DROP COLUMN n; ALTER TABLE a ADD COLUMN o text NOT NULL DEFAULT 'x',"
         " ADD CONSTRAINT brief CHECK (o <> 'long');", "ALTER TABLE a RENAME o TO p;"),
        "INSERT INTO a VALUES (1, 'y');",
    ),
    "a partition made within the range": (
        "CREATE TABLE p (id int PRIMARY KEY, n int) PARTITION BY RANGE (id);"
        "CREATE TABLE p_1 PARTITION OF p FOR VALUES FROM (0) TO (10); INSERT INTO p VALUES (1, 1);",
        ("CREATE TABLE p_2 PARTITION OF p FOR VALUES FROM (10) TO (20);", "ALTER TABLE p ADD COLUMN more text DEFAULT 'x';"
         "CREATE INDEX ON p (n);", "CREATE TABLE p_3 PARTITION OF p DEFAULT;"),
        "INSERT INTO p VALUES (2, 2, 'y'), (12, 3, 'z'), (99, 4, 'x');",
    ),
    "partitioned tables, attached and detached": (
        "CREATE TABLE p (id int PRIMARY KEY) PARTITION BY LIST (id); CREATE TABLE p_1 PARTITION OF p FOR VALUES IN (1);"
        "CREATE TABLE p_2 (id int PRIMARY KEY); INSERT INTO p VALUES (1); INSERT INTO p_2 VALUES (2);"
        "CREATE VIEW v AS SELECT id FROM p_1; CREATE VIEW w AS SELECT id FROM p_2;",
        ("ALTER TABLE p ATTACH PARTITION p_2 FOR VALUES IN (2);", "ALTER TABLE p DETACH PARTITION p_1;"),
        "",
    ),
    "a parent that got a CHECK": (
        "CREATE TABLE p (id int, n int); CREATE TABLE c () INHERITS (p); CREATE TABLE q (id int) PARTITION BY LIST (id);"
        "CREATE TABLE q_1 PARTITION OF q FOR VALUES IN (1);",
        ("ALTER TABLE p ADD CONSTRAINT positive CHECK (id > 0); ALTER TABLE q ADD CONSTRAINT small CHECK (id < 9);"
         "ALTER TABLE p ALTER n SET NOT NULL; ALTER TABLE p ADD COLUMN m int NOT NULL DEFAULT 1;",),
        "INSERT INTO p VALUES (1, 1); INSERT INTO c VALUES (2, 2, 3); INSERT INTO q VALUES (1);",
    ),
    "what goes comes back": (
        "CREATE TABLE a (id int PRIMARY KEY, n text NOT NULL UNIQUE, m int CHECK (m > 0));"
        "CREATE TABLE b (n text REFERENCES a (n)); CREATE INDEX i ON a (m); CREATE FUNCTION f(int) RETURNS int LANGUAGE sql"
        " IMMUTABLE AS 'SELECT $1'; CREATE VIEW v AS SELECT f(m) FROM a; CREATE VIEW w AS SELECT * FROM v;"
        "CREATE SEQUENCE s START 5; CREATE TYPE t AS ENUM ('x'); COMMENT ON TABLE a IS 'an a';"
        "INSERT INTO a VALUES (1, 'x', 1); INSERT INTO b VALUES ('x');",
        ("ALTER TABLE b DROP CONSTRAINT b_n_fkey; ALTER TABLE a DROP CONSTRAINT a_n_key, DROP CONSTRAINT a_m_check,"
         " ALTER n DROP NOT NULL, ALTER n TYPE varchar(50); DROP INDEX i;", "DROP VIEW w; DROP VIEW v; DROP FUNCTION f(int);"
         "DROP TYPE t; ALTER SEQUENCE s INCREMENT 2; COMMENT ON TABLE a IS 'another'; ALTER TABLE a ALTER m SET DEFAULT 7;",
         "ALTER TABLE a SET (fillfactor = 70); CREATE TABLE g (n text) WITH (toast.autovacuum_enabled = off); COMMENT ON COLUMN a.m IS 'm'; ALTER TABLE a ENABLE ROW LEVEL SECURITY;"),
        "INSERT INTO a (id, n) VALUES (2, 'y');",
    ),
    "what comes back by itself, in its order": (
        "CREATE TABLE z (id int PRIMARY KEY, n text UNIQUE); CREATE TABLE a (n text REFERENCES z (n));"
        "CREATE DOMAIN d AS int CONSTRAINT positive CHECK (VALUE > 0); CREATE TABLE u (d d);"
        "CREATE TABLE p (id int, n int) PARTITION BY LIST (id); CREATE TABLE p_1 PARTITION OF p FOR VALUES IN (1);"
        "CREATE INDEX i ON p (n); INSERT INTO p VALUES (1, 2);",
        (
            "ALTER TABLE a DROP CONSTRAINT a_n_fkey; ALTER TABLE z DROP CONSTRAINT z_n_key; DROP INDEX i;"
            "ALTER DOMAIN d DROP CONSTRAINT positive; ALTER DOMAIN d ADD CONSTRAINT small CHECK (VALUE < 9);",
        ),
        "INSERT INTO z VALUES (1, 'x'); INSERT INTO a VALUES ('x'); INSERT INTO u VALUES (3);",
    ),
    "rights, the first of their objects": (
        "CREATE TABLE a (n int); CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE SEQUENCE s;"
        "CREATE FUNCTION g() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE TYPE t AS ENUM ('x');",
        (
            "GRANT SELECT ON a TO PUBLIC; GRANT UPDATE (n) ON a TO PUBLIC; REVOKE EXECUTE ON FUNCTION f() FROM PUBLIC;"
            "GRANT USAGE ON SEQUENCE s TO PUBLIC; REVOKE USAGE ON TYPE t FROM PUBLIC; COMMENT ON TABLE a IS 'an a';",
            "REVOKE EXECUTE ON FUNCTION g() FROM PUBLIC; GRANT EXECUTE ON FUNCTION g() TO PUBLIC;",
        ),
        "",
    ),
    "a table put in the place of another, and two that changed places": (
        "CREATE TABLE a (id int PRIMARY KEY, n text); INSERT INTO a VALUES (1, 'x'); CREATE TABLE c (id int PRIMARY KEY);"
        "CREATE TABLE d (id int PRIMARY KEY, m int, l text); INSERT INTO c VALUES (5); INSERT INTO d VALUES (6, 6, 'y');",
        ("ALTER TABLE a RENAME TO b; ALTER INDEX a_pkey RENAME TO b_pkey; CREATE TABLE a (id int PRIMARY KEY, n text);",
         "ALTER TABLE c RENAME TO e; ALTER TABLE d RENAME TO c; ALTER TABLE e RENAME TO d;",
         "ALTER TABLE c RENAME m TO k; ALTER TABLE c RENAME l TO m; ALTER TABLE c ADD COLUMN l text;"),
        "INSERT INTO a VALUES (1, 'other'), (2, 'new'); INSERT INTO b VALUES (3, 'old'); UPDATE c SET l = 'kept';",
    ),
    "a table with another name, and more columns": (
        "CREATE TABLE a (id int PRIMARY KEY, n text); INSERT INTO a VALUES (1, 'x'); CREATE TABLE c (n text);"
        "INSERT INTO c VALUES ('y');",
        ("ALTER TABLE a RENAME TO b; ALTER TABLE b ADD COLUMN more text; ALTER TABLE c RENAME TO d;"
         "ALTER TABLE d ADD COLUMN more int;",),
        "UPDATE b SET more = 'kept'; UPDATE d SET more = 1;",
    ),
    "rights on a table whose name another one has before it": (
        "", ("CREATE TABLE a (id int)", "ALTER TABLE a RENAME TO b; CREATE TABLE a (id int); COMMENT ON TABLE b IS 'b'"),
        "GRANT SELECT ON a TO PUBLIC; COMMENT ON TABLE a IS 'a'",
    ),
    "what comes back while more is given by default": (
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE VIEW v AS SELECT 1 AS n;",
        ("DROP FUNCTION f(); DROP VIEW v;", "ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO pg_monitor;"
         "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO pg_monitor;"),
        "",
    ),
    "a default of what has others on it": (
        "CREATE TABLE a (id int PRIMARY KEY, n int CHECK (n > 0)); CREATE VIEW v AS SELECT id, n FROM a;"
        "CREATE POLICY p ON a USING (id > n);",
        ("CREATE SEQUENCE s; CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 5';",
         "ALTER TABLE a ALTER id SET DEFAULT nextval('s'), ALTER n SET DEFAULT f();"),
        "INSERT INTO a DEFAULT VALUES; INSERT INTO a DEFAULT VALUES",
    ),
    "partitions that are detached and attached again": (
        "CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE q PARTITION OF p FOR VALUES FROM (0) TO (9);",
        ("CREATE TABLE r PARTITION OF p FOR VALUES FROM (9) TO (99); ALTER TABLE p DETACH PARTITION r CONCURRENTLY;"
         "ALTER TABLE p ATTACH PARTITION r FOR VALUES FROM (9) TO (99);",
         "ALTER TABLE p DETACH PARTITION q CONCURRENTLY; ALTER TABLE p ATTACH PARTITION q FOR VALUES FROM (0) TO (9);"),
        "INSERT INTO p VALUES (1), (10)",
    ),
    "partitions of a table that only has another name": (
        "CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE q (id int) PARTITION BY RANGE (id);",
        ("CREATE TABLE r PARTITION OF p FOR VALUES FROM (0) TO (9) PARTITION BY RANGE (id); CREATE TABLE s PARTITION OF r DEFAULT;"
         "CREATE TABLE t PARTITION OF p FOR VALUES FROM (9) TO (99);",
         "ALTER TABLE p RENAME TO p_old; ALTER TABLE q RENAME TO p; ALTER TABLE p_old RENAME TO q;",
         "CREATE TABLE u (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE v PARTITION OF u DEFAULT;"),
        "INSERT INTO q VALUES (1), (2), (10); INSERT INTO u VALUES (3)",
    ),
    "rights written out for a table that another takes the place of": (
        "CREATE TABLE a (id int PRIMARY KEY, n text)",
        ("REVOKE SELECT ON a FROM PUBLIC", "ALTER TABLE a RENAME TO b; CREATE TABLE a (id int PRIMARY KEY, n text)"),
        "INSERT INTO a VALUES (1, 'x'); INSERT INTO b VALUES (2, 'y')",
    ),
    "rights on a table and on its columns": (
        "",
        ("CREATE TABLE a (id int PRIMARY KEY, n text)", "GRANT SELECT (id), UPDATE (n) ON a TO pg_monitor",
         "GRANT SELECT ON a TO pg_monitor; COMMENT ON COLUMN a.n IS 'n'"),
        "INSERT INTO a VALUES (1, 'x')",
    ),
    "a comment on the schema": ("", ("COMMENT ON SCHEMA public IS 'another';",), ""),
    "objects of many kinds that need each other": (
        "CREATE SCHEMA side;",
        ("CREATE TYPE mood AS ENUM ('bad'); CREATE DOMAIN moods AS mood[]; CREATE FUNCTION z(moods) RETURNS int LANGUAGE sql"
         " IMMUTABLE AS 'SELECT 1'; CREATE TABLE side.a (id int PRIMARY KEY, m mood, ms moods CHECK (z(ms) = 1));"
         "CREATE FUNCTION a_of(side.a) RETURNS int LANGUAGE sql AS 'SELECT $1.id'; CREATE VIEW v AS SELECT a_of(a) FROM side.a;"
         "CREATE MATERIALIZED VIEW m AS SELECT * FROM v; CREATE INDEX ON m (a_of);",
         "CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
         "CREATE TRIGGER t BEFORE INSERT ON side.a FOR EACH ROW EXECUTE FUNCTION t();"
         "CREATE POLICY p ON side.a USING (z(ms) = 1); CREATE RULE r AS ON DELETE TO side.a DO INSTEAD NOTHING;"
         "CREATE STATISTICS st ON id, m FROM side.a; CREATE SCHEMA other; CREATE TABLE other.b (a side.a);",
         "CREATE AGGREGATE total(int) (sfunc = int4pl, stype = int, initcond = '0'); CREATE COLLATION mine FROM \"C\";"
         "CREATE TABLE c (n text COLLATE mine, t int GENERATED ALWAYS AS (1 + 1) STORED);"),
        "INSERT INTO side.a VALUES (1, 'bad', '{bad}'); INSERT INTO other.b SELECT a FROM side.a; INSERT INTO c VALUES ('x');"
        "REFRESH MATERIALIZED VIEW m;",
    ),
}  # fmt: skip

TODOS = {
    "a column that goes, and one like it that comes": [
        "column {}a.n was dropped: its values are in a backup from before"
    ],
}


# What it does is done to whatever comes after it.
BESIDE = "what comes back while more is given by default"


@pytest.mark.parametrize("names", [STORIES.keys() - {BESIDE}, {BESIDE}], ids=["most", "defaults"])
def test_a_draft_leads_back_and_forth(server: Server, tmp_path: Path, names: set[str]) -> None:
    cases = Together(
        {
            name: Round(migrations, fill, baseline=before)
            for name, (before, migrations, fill) in STORIES.items()
            if name in names
        }
    )

    drafted = cases.draft(cases.write(tmp_path, server), server)

    todos = {
        name: [todo.format(cases.prefix(name)) for todo in TODOS[name]] for name in TODOS.keys() & cases.rounds.keys()
    }
    assert cases.told(drafted.todos) == todos
    with server.database("empty") as database:
        cases.run(database, "baseline")
        first = take(database)
        settings = database.settings(pg_sql_dir=str(tmp_path))
        cases.ok(migrate(settings))
        cases.run(database, "fill")
        filled = take(database)

        cases.ok(rollback(settings))

        assert (
            cases.told(
                replace(take(database), rows={}, sequences={}).differences(replace(first, rows={}, sequences={}))
            )
            == {}
        ), drafted.text
        cases.ok(migrate(settings))
        assert cases.told(take(database).differences(filled)) == {}


@pytest.mark.parametrize(
    ("before", "migration", "todo"),
    [
        ("CREATE TABLE a (n int);", "DROP TABLE a;", "table a was dropped"),
        ("CREATE TABLE a (n int, m int);", "ALTER TABLE a DROP COLUMN m;", "column a.m was dropped: its values"),
        ("CREATE TABLE a (n int);", "INSERT INTO a VALUES (1);", "(INSERT INTO a VALUES (1)) writes rows of a"),
        ("CREATE TABLE a (n int);", "ALTER TABLE a RENAME TO b; DELETE FROM b;", "writes rows of b"),
        ("CREATE TABLE a (n int);", "TRUNCATE a;", "writes rows of a"),
        ("CREATE TABLE a (n int);", "DO $$ BEGIN UPDATE a SET n = 1; END $$;", "writes rows of a"),
        ("CREATE TYPE t AS ENUM ('x'); CREATE TABLE a (n t);", "ALTER TYPE t ADD VALUE 'y';", "type t"),
    ],
)
def test_what_no_catalog_tells_is_said(server: Server, tmp_path: Path, before: str, migration: str, todo: str) -> None:
    (tmp_path / "baseline.sql").write_text(before)
    written(tmp_path, server, migration)
    conninfo = " ".join(f"{key}='{value}'" for key, value in server.conninfo.items())

    drafted = draft(tmp_path, 1, 1, f"{conninfo} dbname=postgres")

    assert any(todo in one for one in drafted.todos), drafted.text
    assert f"-- TODO: {drafted.todos[0]}" in drafted.text
