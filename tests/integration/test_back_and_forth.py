"""Back and forth: rows of tables and columns that a rollback takes away come again on the way forward."""

from __future__ import annotations

from pathlib import Path

from tests.integration.rounds import Round, Together, ok, still_kept, there_and_back
from tests.support.harness import migrate, rollback
from tests.support.servers import Server

TABLES = {
    "in a circle": Round(
        (
            "CREATE TABLE a (id int PRIMARY KEY, b int); CREATE TABLE b (id int PRIMARY KEY, a int NOT NULL REFERENCES a);"
            "ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b;",
            "CREATE TABLE c (id int PRIMARY KEY, c int REFERENCES c ON DELETE CASCADE, a int REFERENCES a, b int REFERENCES b);",
        ),
        "INSERT INTO a VALUES (1), (2); INSERT INTO b VALUES (1, 2), (2, 1); UPDATE a SET b = id;"
        "INSERT INTO c VALUES (1, 2, 1, NULL), (2, 3, NULL, 2), (3, 1, 2, 2);",
        "ALTER TABLE a DROP CONSTRAINT a_b_fkey; DROP TABLE c; DROP TABLE b; DROP TABLE a;",
    ),
    "partitions": Round(
        (
            "CREATE TABLE p (id int, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);"
            "CREATE TABLE p_1 PARTITION OF p FOR VALUES FROM ('2026-01-01') TO ('2026-02-01') PARTITION BY LIST (id);"
            "CREATE TABLE p_1_1 PARTITION OF p_1 FOR VALUES IN (1); CREATE TABLE p_1_2 PARTITION OF p_1 DEFAULT;",
            "CREATE TABLE p_2 (at date NOT NULL, id int NOT NULL, PRIMARY KEY (id, at));"
            "ALTER TABLE p ATTACH PARTITION p_2 DEFAULT;"
            "CREATE TABLE a (id int, at date, FOREIGN KEY (id, at) REFERENCES p);",
        ),
        "INSERT INTO p SELECT g % 3, date '2025-12-20' + g FROM generate_series(1, 60) AS g; INSERT INTO a SELECT * FROM p;",
        "DROP TABLE a; DROP TABLE p;",
    ),
    "partition of one that stays": Round(
        ("CREATE TABLE p_2 PARTITION OF p FOR VALUES IN (2); ALTER TABLE p ADD COLUMN more text DEFAULT 'm';",),
        "INSERT INTO p VALUES (1, 'a', 'x'), (2, 'b', 'y'), (2, 'c', 'm');",
        "ALTER TABLE p DROP COLUMN more; DROP TABLE p_2;",
        baseline="CREATE TABLE p (id int, n text, UNIQUE (id, n)) PARTITION BY LIST (id);"
        "CREATE TABLE p_1 PARTITION OF p FOR VALUES IN (1); ALTER TABLE p ALTER n SET NOT NULL, ALTER id SET NOT NULL;",
    ),
    "children": Round(
        (
            "CREATE TABLE p (id int PRIMARY KEY, n text); CREATE TABLE c (more int) INHERITS (p); CREATE TABLE d () INHERITS (c);",
            "ALTER TABLE p ADD COLUMN late text DEFAULT 'x';",
        ),
        "INSERT INTO p VALUES (1, 'p', 'y'); INSERT INTO c VALUES (1, 'c', 7); INSERT INTO c VALUES (1, 'c', 7);"
        "INSERT INTO d VALUES (3, 'd');",
        "DROP TABLE d; DROP TABLE c; DROP TABLE p;",
    ),
    "a column of a parent that stays": Round(
        ("ALTER TABLE p ADD COLUMN late text DEFAULT 'x';",),
        "INSERT INTO p VALUES (1, 'y'); INSERT INTO c VALUES (1, 7, 'z'), (2, 8, 'x'), (2, 8, NULL);",
        "ALTER TABLE p DROP COLUMN late;",
        baseline="CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (more int) INHERITS (p);",
    ),
    "columns without a key": Round(
        ("ALTER TABLE a ADD COLUMN late text DEFAULT 'x', ADD COLUMN later point;",),
        "INSERT INTO a VALUES (1, '{}', 'p', NULL), (1, '{}', 'q', '(1,2)'), (1, '{}', 'q', NULL), (NULL, NULL, NULL, NULL), (2, NULL, 'x', NULL);",
        "ALTER TABLE a DROP COLUMN late, DROP COLUMN later;",
        baseline="CREATE TABLE a (id int, j json);",
    ),
    "columns that fill themselves": Round(
        (
            "ALTER TABLE a ADD COLUMN number int GENERATED ALWAYS AS IDENTITY, ADD COLUMN double int"
            " GENERATED ALWAYS AS (id * 2) STORED, ADD COLUMN data jsonb NOT NULL DEFAULT '{}'::jsonb,"
            " ADD COLUMN text json DEFAULT '{}'::json;",
        ),
        "INSERT INTO a (id) VALUES (9), (5); INSERT INTO a (id, data, text) VALUES (3, '[1]', '[2]');",
        "ALTER TABLE a DROP COLUMN number, DROP COLUMN double, DROP COLUMN data, DROP COLUMN text;",
        baseline="CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1), (2);",
    ),
    "columns that are part of the key": Round(
        (
            "ALTER TABLE a ADD COLUMN tenant int NOT NULL DEFAULT 1; ALTER TABLE a DROP CONSTRAINT a_pkey;"
            "ALTER TABLE a ADD PRIMARY KEY (tenant, id);",
        ),
        "INSERT INTO a VALUES (1, 'x', 7), (2, 'y', 8), (3, 'z', 1);",
        "ALTER TABLE a DROP CONSTRAINT a_pkey; ALTER TABLE a DROP COLUMN tenant; ALTER TABLE a ADD PRIMARY KEY (id);",
        baseline="CREATE TABLE a (id int PRIMARY KEY, n text);",
    ),
    "no columns at all": Round(
        ("CREATE TABLE a (); CREATE TABLE b (g int GENERATED ALWAYS AS (1) STORED);",),
        "INSERT INTO a DEFAULT VALUES; INSERT INTO a DEFAULT VALUES; INSERT INTO b DEFAULT VALUES;",
        "DROP TABLE a, b;",
    ),
    "rules, triggers and policies of their own": Round(
        (
            "CREATE TABLE a (id int PRIMARY KEY, n text); CREATE TABLE log (n text);"
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.n := 'changed'; RETURN NEW; END; $$;"
            "CREATE TRIGGER t BEFORE INSERT OR UPDATE ON a FOR EACH ROW EXECUTE FUNCTION f();"
            "ALTER TABLE a ENABLE ALWAYS TRIGGER t;"
            "CREATE RULE r AS ON INSERT TO a DO ALSO INSERT INTO log VALUES (NEW.n);"
            "CREATE RULE s AS ON INSERT TO log DO INSTEAD NOTHING; ALTER TABLE a ENABLE ROW LEVEL SECURITY;"
            "ALTER TABLE a FORCE ROW LEVEL SECURITY;",
        ),
        "ALTER TABLE log DISABLE RULE s; INSERT INTO a VALUES (1, 'x'), (2, 'y'); ALTER TABLE log ENABLE RULE s;",
        "DROP TABLE a; DROP FUNCTION f(); DROP TABLE log;",
    ),
    "rows that the migrations write themselves": Round(
        (
            "CREATE TABLE a (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n text UNIQUE); INSERT INTO a (n) VALUES ('seed');",
            "CREATE TABLE b (a int REFERENCES a, n text); INSERT INTO a (n) VALUES ('second'); INSERT INTO b SELECT id, n FROM a;",
            "CREATE TABLE c AS SELECT * FROM a; UPDATE a SET n = n || '!';",
        ),
        "UPDATE a SET n = 'first' WHERE id = 1; INSERT INTO a (n) VALUES ('seed!'); INSERT INTO b VALUES (3, 'x'), (3, 'x');",
        "DROP TABLE c, b, a;",
        after="INSERT INTO a (n) VALUES ('y');",
    ),
    "the same rows in a parent and its child": Round(
        (
            # So many, and not in their order, that equal rows of both are mixed when they are counted.
            "CREATE TABLE a (n int, m text); CREATE TABLE b () INHERITS (a); INSERT INTO a SELECT g, 'x' FROM generate_series(9, 1, -1) AS g;"
            "INSERT INTO b SELECT 0, 'x' FROM generate_series(1, 30); INSERT INTO a VALUES (0, 'x'), (7, NULL), (3, 'y');"
            "INSERT INTO b SELECT g % 5, 'x' FROM generate_series(1, 30) AS g;",
            "CREATE TABLE c (id int PRIMARY KEY); CREATE TABLE d (PRIMARY KEY (id)) INHERITS (c);"
            "ALTER TABLE c ADD COLUMN n text DEFAULT 'x';",
        ),
        "INSERT INTO b VALUES (0, 'x'), (2, 'z');"
        "INSERT INTO c VALUES (1, 'of c'), (2, 'x'); INSERT INTO d VALUES (1, 'of d'), (2, 'of d');",
        "DROP TABLE d, c, b, a;",
    ),
    "the same keys in a parent and its child": Round(
        ("ALTER TABLE c ADD COLUMN n text DEFAULT 'x'; ALTER TABLE e ADD COLUMN n text DEFAULT 'x';",),
        "UPDATE ONLY c SET n = 'of c'; UPDATE d SET n = 'of d'; UPDATE ONLY e SET n = 'of e'; UPDATE f SET n = 'of f' WHERE id = 1;"
        "UPDATE f SET n = NULL WHERE id = 2;",
        "ALTER TABLE c DROP COLUMN n; ALTER TABLE e DROP COLUMN n;",
        baseline="CREATE TABLE c (id int PRIMARY KEY); CREATE TABLE d (PRIMARY KEY (id)) INHERITS (c);"
        "INSERT INTO c VALUES (1), (2); INSERT INTO d VALUES (1), (2);"
        "CREATE TABLE e (id int); CREATE TABLE f () INHERITS (e); INSERT INTO e VALUES (1), (2); INSERT INTO f VALUES (1), (2);",
    ),
    "constraints that came and went": Round(
        (
            "CREATE TABLE a (id int PRIMARY KEY, n int NOT NULL CHECK (n > 0) UNIQUE);",
            "ALTER TABLE a DROP CONSTRAINT a_n_check, DROP CONSTRAINT a_n_key, ALTER n DROP NOT NULL, ALTER n TYPE bigint;",
        ),
        "INSERT INTO a VALUES (1, -1), (2, -1), (3, NULL), (4, 9000000000);",
        "DROP TABLE a;",
    ),
    "columns that came, were renamed and went": Round(
        (
            "CREATE TABLE a (id int PRIMARY KEY, n text, gone int NOT NULL);",
            "ALTER TABLE a RENAME n TO name; ALTER TABLE a DROP COLUMN gone; ALTER TABLE a ADD COLUMN more text NOT NULL DEFAULT '';",
        ),
        "INSERT INTO a VALUES (1, 'x', 'y');",
        "DROP TABLE a;",
    ),
    "values that a migration sets": Round(
        ("ALTER TABLE a ADD COLUMN n int DEFAULT 7;", "UPDATE a SET n = 8;"),
        "INSERT INTO a (id) VALUES (3); UPDATE a SET n = NULL WHERE id = 1;",
        "ALTER TABLE a DROP COLUMN n;",
        baseline="CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1), (2);",
    ),
    "defaults that came and went": Round(
        (
            "ALTER TABLE a ADD COLUMN n float8 DEFAULT 'NaN', ADD COLUMN m int, ADD COLUMN o text DEFAULT 'x';"
            "ALTER TABLE a ADD COLUMN p int DEFAULT 7, ALTER COLUMN p SET DEFAULT 8;",
            "ALTER TABLE a ALTER n DROP DEFAULT, ALTER m SET DEFAULT 5; ALTER TABLE a ALTER o SET DEFAULT 'y';"
            "ALTER TABLE a RENAME o TO old; ALTER TABLE a ADD COLUMN o int; ALTER TABLE a DROP COLUMN o;"
            "ALTER TABLE a ADD COLUMN o int;",
        ),
        "INSERT INTO a (id) VALUES (3); INSERT INTO a VALUES (4, 1, 1, 'x', 1, 1); UPDATE a SET n = NULL WHERE id = 1;",
        "ALTER TABLE a DROP COLUMN n, DROP COLUMN m, DROP COLUMN old, DROP COLUMN p, DROP COLUMN o;",
        baseline="CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1), (2);",
    ),
    "the default of a domain": Round(
        ("CREATE DOMAIN d AS int DEFAULT 3; ALTER TABLE a ADD COLUMN n d;",),
        "INSERT INTO a VALUES (2, NULL), (3, 3), (4, 4);",
        "ALTER TABLE a DROP COLUMN n; DROP DOMAIN d;",
        baseline="CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1);",
    ),
    "what one step makes and another takes away": Round(
        (
            "CREATE TABLE a (id int PRIMARY KEY, n text); CREATE INDEX CONCURRENTLY i ON a (n);"
            "ALTER TABLE a RENAME n TO name; DROP INDEX CONCURRENTLY i; ALTER TABLE a ALTER name SET NOT NULL;",
        ),
        "INSERT INTO a VALUES (1, 'x');",
        "DROP TABLE a;",
    ),
    "materialized view": Round(
        (
            "CREATE TABLE a (n int); CREATE MATERIALIZED VIEW m AS SELECT sum(n) FROM a; CREATE MATERIALIZED VIEW o AS TABLE m;",
        ),
        "INSERT INTO a VALUES (1), (2); REFRESH MATERIALIZED VIEW m; REFRESH MATERIALIZED VIEW o;",
        "DROP MATERIALIZED VIEW o; DROP MATERIALIZED VIEW m; DROP TABLE a;",
    ),
}


def test_rows_of_tables_and_columns_that_go_come_back(server: Server, tmp_path: Path) -> None:
    there_and_back(Together(TABLES), server, tmp_path)


def test_what_a_migration_writes_stays_where_what_was_there_before_cannot_come_back(
    server: Server, tmp_path: Path
) -> None:
    one = Round(
        (
            "CREATE TABLE variant (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, project int REFERENCES project,"
            " owner int REFERENCES owner, name text, UNIQUE (project, name));",
            "INSERT INTO variant (project, name) SELECT id, 'default' FROM project ORDER BY id;",
        ),
        "UPDATE variant SET owner = project; INSERT INTO variant (project, owner, name) VALUES (1, 1, 'trio');",
        "DROP TABLE variant;",
        baseline="CREATE TABLE owner (id int PRIMARY KEY); CREATE TABLE project (id int PRIMARY KEY);"
        "INSERT INTO owner VALUES (1), (2); INSERT INTO project VALUES (1), (2);",
    )
    sql = one.write(tmp_path, server)
    with server.database("empty") as database:
        database.run(one.baseline)
        settings = database.settings(pg_sql_dir=str(sql))
        ok(migrate(settings))
        database.run(one.fill)
        ok(rollback(settings))
        # An owner is gone, and there is one project more.
        database.run("DELETE FROM owner WHERE id = 1; INSERT INTO project VALUES (3);")

        result = migrate(settings)

        ok(result)
        assert "1: what it belongs to is gone, or its key is taken" in result.text
        assert database.rows("SELECT project, owner, name FROM variant ORDER BY project, name") == [
            (1, None, "default"), (2, 2, "default"), (3, None, "default"),
        ]  # fmt: skip
        database.run("INSERT INTO variant (project, name) VALUES (3, 'band');")


def test_what_only_had_another_name_keeps_what_happened_meanwhile(server: Server, tmp_path: Path) -> None:
    one = Round(
        ("ALTER TABLE a RENAME n TO name; ALTER TABLE b RENAME TO c;",),
        "INSERT INTO a VALUES (1, 'x'), (2, 'y'); INSERT INTO c VALUES (1), (2);",
        "ALTER TABLE a RENAME name TO n; ALTER TABLE c RENAME TO b;",
        baseline="CREATE TABLE a (id int PRIMARY KEY, n text UNIQUE); CREATE TABLE b (id int PRIMARY KEY);",
    )
    sql = one.write(tmp_path, server)
    with server.database("empty") as database:
        database.run(one.baseline)
        settings = database.settings(pg_sql_dir=str(sql))
        ok(migrate(settings))
        database.run(one.fill)
        ok(rollback(settings))
        assert still_kept(database) == []
        database.run("UPDATE a SET n = 'z' WHERE id = 1; DELETE FROM b WHERE id = 2;")

        ok(migrate(settings))

        assert database.rows("SELECT name FROM a ORDER BY id") == [("z",), ("y",)]
        assert database.rows("SELECT id FROM c") == [(1,)]
