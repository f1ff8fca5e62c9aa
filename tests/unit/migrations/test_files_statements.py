"""Statements of a file: which a migration may have, and how they are one step or several."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyinfra.operations import postgres
from pyinfra_pgmigrate.migrations.files import Migration, read_folder

from tests.unit.migrations.folders import HEADER, folder, refusal


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("BEGIN;\nSELECT 1;", "line 4: BEGIN is not allowed here"),
        ("SELECT 1;\nROLLBACK;", "line 5: ROLLBACK is not allowed here"),
        ("BEGIN;\nSELECT 1;\nROLLBACK;", "line 4: BEGIN is not allowed here"),
        ("BEGIN;\nSELECT 1;\nCOMMIT AND CHAIN;", "line 4: BEGIN is not allowed here"),
        ("BEGIN;\nSELECT 1;\nCOMMIT;\nBEGIN;\nSELECT 2;\nCOMMIT;", "line 6: COMMIT is not allowed here"),
        ("SELECT 1;\nSAVEPOINT s;", "line 5: SAVEPOINT is not allowed here"),
        (
            "BEGIN;\nCREATE INDEX CONCURRENTLY i ON t (a);\nCOMMIT;",
            "line 5: PostgreSQL does not run it in a transaction",
        ),
        ("BEGIN READ ONLY;\nSELECT 1;\nCOMMIT;", "line 4: a migration's transaction is not to be of this kind"),
        ("SET TRANSACTION SNAPSHOT 'x';\nSELECT 1;", "line 4: a migration's transaction is not to be of this kind"),
        ("SELECT 1;\nSET TRANSACTION ISOLATION LEVEL SERIALIZABLE;", "line 5: SET TRANSACTION is not allowed here"),
        (
            "SELECT 1;\nSET LOCAL TRANSACTION ISOLATION LEVEL SERIALIZABLE;",
            "line 5: SET TRANSACTION is not allowed here",
        ),
        ("SELECT 1;\n\\! rm -rf x", "line 5: backslash commands of psql are not allowed"),
        ("\\copy t from 'x'", "line 4: backslash commands of psql are not allowed"),
        ("SELECT FROM FROM", 'line 4: syntax error at or near "FROM"'),
        ("COPY t FROM STDIN;", "COPY from or to the client is not allowed"),
        ("SET search_path = x;", "settings of the whole session are the runner's"),
        ("SET timezone = 'UTC';", "HINT: Write: SET LOCAL timezone = 'UTC';"),
        ("set session timezone to 'UTC';", "HINT: Write: SET LOCAL timezone to 'UTC';"),
        ("SET TIME ZONE 'UTC';", "HINT: Write: SET LOCAL TIME ZONE 'UTC';"),
        ("SET ROLE app;", "HINT: Write: SET LOCAL ROLE app;"),
        ("SET SESSION AUTHORIZATION app;", "HINT: Write: SET LOCAL SESSION AUTHORIZATION app;"),
        ("RESET ALL;", "settings of the whole session are the runner's"),
        ("SET LOCAL track_counts = off;", "track_counts is not to be changed"),
        ("DO $$ BEGIN SET LOCAL TRACK_COUNTS = off; END $$;", "track_counts is not to be changed"),
        ("SELECT set_config('track_counts', 'off', true);", "track_counts is not to be changed"),
        (
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql SET track_counts = off AS 'SELECT 1';",
            "track_counts is not to be changed",
        ),
        ("DISCARD ALL;", "settings of the whole session are the runner's"),
        ("DEALLOCATE ALL;", "settings of the whole session are the runner's"),
        ("ALTER FUNCTION f() SET search_path FROM CURRENT;", "search_path FROM CURRENT depends on who runs it"),
        (
            "SET LOCAL work_mem = '8MB';\nCREATE FUNCTION f() RETURNS int LANGUAGE sql SET a.b FROM CURRENT RETURN 1;",
            "HINT: Name the value, such as SET a.b = ..., or set it before in this file: SET LOCAL a.b = ...;",
        ),
    ],
)
def test_sql_that_breaks_a_rule_is_refused_with_file_and_line(tmp_path: Path, statement: str, message: str) -> None:
    assert message in refusal(folder(tmp_path, **{"001_a__sql": HEADER + statement}))


SERVER_WIDE = [
    ("CREATE ROLE reader", "postgres.role"),
    ("CREATE USER reader PASSWORD 'x'", "postgres.role"),
    ("CREATE GROUP readers", "postgres.role"),
    ("ALTER ROLE reader LOGIN", "postgres.role"),
    ("ALTER ROLE reader SET work_mem = '1MB'", "postgres.sql"),
    ("ALTER ROLE ALL IN DATABASE app RESET work_mem", "postgres.sql"),
    ("ALTER ROLE reader RENAME TO writer", "postgres.sql"),
    ("ALTER GROUP readers ADD USER reader", "postgres.role"),
    ("DROP USER reader", "postgres.role"),
    ("GRANT readers TO reader", "postgres.sql"),
    ("REVOKE readers FROM reader", "postgres.sql"),
    ("CREATE DATABASE other", "postgres.database"),
    ("ALTER DATABASE app SET timezone = 'UTC'", "postgres.sql"),
    ("ALTER DATABASE app OWNER TO reader", "postgres.sql"),
    ("ALTER DATABASE app RENAME TO other", "postgres.sql"),
    ("ALTER DATABASE app CONNECTION LIMIT 3", "postgres.sql"),
    ("ALTER DATABASE app REFRESH COLLATION VERSION", "postgres.sql"),
    ("DROP DATABASE other", "postgres.database"),
    ("CREATE TABLESPACE fast LOCATION '/fast'", "postgres.sql"),
    ("ALTER TABLESPACE fast SET (random_page_cost = 1)", "postgres.sql"),
    ("ALTER TABLESPACE fast OWNER TO reader", "postgres.sql"),
    ("DROP TABLESPACE fast", "postgres.sql"),
    ("ALTER SYSTEM SET work_mem = '1MB'", "postgres.sql"),
    ("CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p", "postgres.sql"),
    ("CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p WITH (connect)", "postgres.sql"),
    ("ALTER SUBSCRIPTION s ENABLE", "postgres.sql"),
    ("DROP SUBSCRIPTION s", "postgres.sql"),
    ("COMMENT ON ROLE reader IS 'reads'", "postgres.sql"),
    ("COMMENT ON DATABASE app IS 'ours'", "postgres.sql"),
    ("COMMENT ON TABLESPACE fast IS 'fast'", "postgres.sql"),
    ("SECURITY LABEL ON ROLE reader IS 'x'", "postgres.sql"),
    ("GRANT CONNECT ON DATABASE app TO reader", "postgres.sql"),
    ("GRANT CREATE ON TABLESPACE fast TO reader", "postgres.sql"),
    ("GRANT SET ON PARAMETER work_mem TO reader", "postgres.sql"),
    ("REASSIGN OWNED BY reader TO app", "postgres.sql"),
    ("DROP OWNED BY reader", "postgres.sql"),
]

IN_ONE_DATABASE = [
    "GRANT SELECT ON t TO reader",
    "ALTER TABLE t OWNER TO reader",
    "ALTER TABLE t RENAME TO u",
    "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO reader",
    "COMMENT ON TABLE t IS 'x'",
    "COMMENT ON LARGE OBJECT 3 IS 'x'",
    "COMMENT ON SCHEMA s IS 'x'",
    "COMMENT ON COLUMN t.a IS NULL",
    "CREATE SCHEMA s AUTHORIZATION reader",
    "CREATE POLICY p ON t TO reader",
    "CREATE PUBLICATION p FOR ALL TABLES",
    "CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p WITH (connect = false)",
    "CREATE USER MAPPING FOR reader SERVER s",
    "ALTER TABLE ALL IN TABLESPACE fast SET TABLESPACE pg_default",
    "SET CONSTRAINTS ALL DEFERRED",
    "SET LOCAL ROLE reader",
    "SET LOCAL search_path = s",
    "DO $$ BEGIN NULL; END $$",
    "CALL p()",
    "VACUUM t",
    "ANALYZE",
    "REINDEX TABLE t",
    "CLUSTER",
    "CLUSTER t USING i",
    "LOCK TABLE t IN EXCLUSIVE MODE",
    "DEALLOCATE q",
    "CHECKPOINT",
    "NOTIFY c",
    "COPY t FROM '/file'",
    "EXPLAIN SELECT 1",
    "REFRESH MATERIALIZED VIEW m",
    "VALUES (1)",
    "TABLE t",
]


@pytest.mark.parametrize(("statement", "operation"), SERVER_WIDE, ids=[text for text, _ in SERVER_WIDE])
def test_what_belongs_to_the_server_is_refused_with_the_operation_that_does_it(
    tmp_path: Path, statement: str, operation: str
) -> None:
    found = refusal(folder(tmp_path, **{"001_a__sql": f"{HEADER}SELECT 1;\n\n{statement};"}))

    assert "001_a.sql, line 6: what belongs to the whole server is no part of a migration" in found
    assert f"{operation}(...) from pyinfra.operations" in found
    assert callable(getattr(postgres, operation.removeprefix("postgres.")))


@pytest.mark.parametrize("statement", IN_ONE_DATABASE)
def test_what_stays_in_the_database_is_accepted(tmp_path: Path, statement: str) -> None:
    (migration,) = read_folder(folder(tmp_path, **{"001_a__sql": HEADER + statement}))

    assert len(migration.statements) == 1


class TestBlocks:
    """A file that brings its own BEGIN and COMMIT, or the isolation of its transaction."""

    def read(self, tmp_path: Path, text: str) -> Migration:
        (migration,) = read_folder(folder(tmp_path, **{"001_a__sql": HEADER + text}))
        return migration

    @pytest.mark.parametrize(
        ("begin", "end"),
        [
            ("BEGIN", "COMMIT"),
            ("begin work", "end transaction"),
            ("START TRANSACTION", "COMMIT WORK"),
            ("BEGIN READ WRITE, NOT DEFERRABLE", "END"),
        ],
    )
    def test_begin_and_commit_are_as_if_they_were_not_there(self, tmp_path: Path, begin: str, end: str) -> None:
        bare = self.read(tmp_path, "SELECT 1;\nSELECT 2;")

        block = self.read(tmp_path, f"-- why\n{begin};\n-- first\nSELECT 1;\nSELECT 2;\n{end};")

        assert block.checksum == bare.checksum
        assert [one.checksum for one in block.statements] == [one.checksum for one in bare.statements]
        assert [(one.number, one.line) for one in block.statements] == [(1, 7), (2, 8)]
        assert block.transaction_mode == ""

    @pytest.mark.parametrize("text", ["", "-- nothing\n", "BEGIN;\nCOMMIT;", "/* why */", ";"])
    def test_an_empty_migration_is_one_without_statements(self, tmp_path: Path, text: str) -> None:
        migration = self.read(tmp_path, text)

        assert migration.statements == ()
        assert migration.steps([]) == []

    @pytest.mark.parametrize(
        "text",
        [
            "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;\nSELECT 1;\nCREATE INDEX CONCURRENTLY i ON t (a);\nSELECT 2;",
            "set local transaction isolation level repeatable read, read write;\nSELECT 1;",
            "BEGIN ISOLATION LEVEL REPEATABLE READ;\nSELECT 1;\nCOMMIT;",
            "BEGIN;\nSET TRANSACTION ISOLATION LEVEL REPEATABLE READ;\nSELECT 1;\nCOMMIT;",
        ],
    )
    def test_the_isolation_level_is_that_of_the_first_step(self, tmp_path: Path, text: str) -> None:
        migration = self.read(tmp_path, text)

        first, *others = migration.steps([one.number for one in migration.statements])
        assert first[0].text == "SELECT 1"
        assert migration.mode_of(first) == "ISOLATION LEVEL REPEATABLE READ"
        assert [migration.mode_of(step) for step in others] == [""] * len(others)

    def test_the_isolation_level_counts_for_the_checksum(self, tmp_path: Path) -> None:
        found = {
            self.read(tmp_path, text).checksum
            for text in (
                "BEGIN;\nSELECT 1;\nCOMMIT;",
                "BEGIN ISOLATION LEVEL REPEATABLE READ;\nSELECT 1;\nCOMMIT;",
                "BEGIN ISOLATION LEVEL SERIALIZABLE;\nSELECT 1;\nCOMMIT;",
            )
        }

        assert len(found) == 3

    def test_batches_and_a_transaction_of_ones_own_exclude_each_other(self, tmp_path: Path) -> None:
        text = "-- purpose: try\n-- phase: data\n-- batch: keyset\n\nBEGIN;\nSELECT 1;\nCOMMIT;"

        assert 'Found "batch: keyset" and BEGIN' in refusal(folder(tmp_path, **{"001_a__sql": text}))


def test_a_backslash_inside_a_literal_is_no_command(tmp_path: Path) -> None:
    path = folder(tmp_path, **{"001_a__sql": HEADER + "SELECT '\\d', $$ \\! $$;\nSET LOCAL work_mem = '1MB';"})

    assert len(read_folder(path)[0].statements) == 2


def test_statements_are_grouped_into_steps(tmp_path: Path) -> None:
    text = HEADER + "SELECT 1; SELECT 2; CREATE INDEX CONCURRENTLY i ON t (a); DROP INDEX CONCURRENTLY i; SELECT 3;"
    (migration,) = read_folder(folder(tmp_path, **{"001_a__sql": text}))

    steps = [tuple(one.number for one in step) for step in migration.steps([1, 2, 3, 4, 5])]

    assert steps == [(1, 2), (3,), (4,), (5,)]
    assert [tuple(one.number for one in step) for step in migration.steps([2, 5])] == [(2, 5)]
