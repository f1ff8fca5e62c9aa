from __future__ import annotations

from pathlib import Path

import pytest
from pyinfra.operations import postgres
from pyinfra_pgmigrate.errors import Kind, PgMigrateError
from pyinfra_pgmigrate.migrations.files import (
    BaselineNames,
    Migration,
    baseline_checksum,
    load_folder,
    read_folder,
    read_names,
)
from pyinfra_pgmigrate.migrations.header import parse_header
from pyinfra_pgmigrate.sqltext.parser import checksum_of

from tests.support.migrations import copied

HEADER = "-- purpose: try\n-- phase: schema\n\n"


def folder(tmp_path: Path, **files: str) -> Path:
    for name, text in files.items():
        (tmp_path / name.replace("__", ".")).write_text(text)
    return tmp_path


def refusal(tmp_path: Path) -> str:
    with pytest.raises(PgMigrateError) as caught:
        read_folder(tmp_path)
    assert caught.value.refusal.kind is Kind.FILE
    return str(caught.value)


def test_migrations_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    path = folder(tmp_path, **{"10_b__sql": HEADER + "SELECT 1", "9_a__sql": HEADER + "SELECT 1", "baseline__sql": "x"})

    assert [migration.name for migration in read_folder(path)] == ["9_a", "10_b"]


def test_a_header_goes_on_over_several_lines() -> None:
    text = "-- purpose: first\n--     and more\n-- phase: schema\n\n-- a comment: no key\nSELECT 1"

    assert parse_header(text, source="x") == {"purpose": "first and more", "phase": "schema"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("-- purpose: a\n-- purpose: b\n", "line 2\nDETAIL: Found the key \"purpose\" a second time"),
        ("-- purpose: a\n-- colour: red\n-- phase: schema\n", 'line 2\nDETAIL: Found the key "colour"'),
        ("-- purpose: a\n-- phase: later\n", 'line 2\nDETAIL: Found phase "later"; expected one of preparation,'),
        ("-- purpose: a\n-- just a remark\n", 'line 2\nDETAIL: Found "-- just a remark"'),
        ("-- remark\n-- pupose: a\n", 'line 2\nDETAIL: Found the key "pupose"; expected "purpose", or no header at all.'),
        ("-- purpose: a\n-- phase: schema\n-- from: nothing\n", 'Found from "nothing"; expected "TOOL KEY"'),
        ("-- purpose: a\n-- phase: schema\n-- safe: rewrite\n", 'Found safe "rewrite"; expected "<rule> because <reason>"'),
        ("-- purpose: a\n-- phase: data\n-- repeatable: yes\n", 'line 3\nDETAIL: Found repeatable "yes"; expected one of true, false'),
        ("-- purpose: a\n-- phase: data\n-- data: converge\n", 'Found "data: converge" and no verify file'),
    ],
)  # fmt: skip
def test_a_wrong_header_is_refused_with_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    found = refusal(folder(tmp_path, **{"001_a__sql": text + "\nSELECT 1"}))

    assert "001_a.sql" in found
    assert message in found


@pytest.mark.parametrize(
    ("header", "purpose", "phase"),
    [
        ("", "add x", "schema"),
        ("-- phase: contract\n", "add x", "contract"),
        ("-- purpose: another one\n", "another one", "schema"),
        ("-- safe: rewrite because it is empty\n", "add x", "schema"),
    ],
)
def test_what_a_header_does_not_name_comes_from_name_and_statements(
    tmp_path: Path, header: str, purpose: str, phase: str
) -> None:
    (migration,) = read_folder(folder(tmp_path, **{"001_add_x__sql": f"{header}\nALTER TABLE a ADD x int"}))

    assert (migration.header.purpose, migration.header.phase) == (purpose, phase)


@pytest.mark.parametrize(
    ("line", "repeatable"), [("", False), ("-- repeatable: true\n", True), ("-- repeatable: false\n", False)]
)
def test_statements_may_run_twice_only_where_the_header_says_so(tmp_path: Path, line: str, repeatable: bool) -> None:
    (migration,) = read_folder(folder(tmp_path, **{"001_a__sql": f"-- purpose: try\n-- phase: data\n{line}\nSELECT 1"}))

    assert migration.header.repeatable is repeatable


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


class TestBytes:
    """Files as editors and other systems leave them."""

    def test_the_mark_before_utf_8_text_is_passed_over(self, tmp_path: Path) -> None:
        (tmp_path / "baseline.sql").write_bytes(b"\xef\xbb\xbfSELECT 1;")
        (tmp_path / "001_a.sql").write_bytes(b"\xef\xbb\xbf" + HEADER.encode() + b"SELECT 1;")

        (migration,) = read_folder(tmp_path)

        assert migration.header.purpose == "try"
        assert baseline_checksum(tmp_path) == checksum_of("SELECT 1;")

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            ("SELECT 'Zür\nich';\nSELECT 'é'".encode("latin-1"), "001_a.sql, line 4: it is no UTF-8 text\nDETAIL: Found the byte 0xfc"),
            ("SELECT 1;".encode("utf-16"), "001_a.sql, line 4: it is no UTF-8 text\nDETAIL: Found the byte 0xff"),
            (b"SELECT 1;\n\0SELECT 2;", "001_a.sql, line 5: it is no UTF-8 text\nDETAIL: Found the byte 0x00"),
        ],
        ids=["latin-1", "utf-16", "nul"],
    )  # fmt: skip
    def test_other_bytes_are_refused_with_file_and_line(self, tmp_path: Path, data: bytes, message: str) -> None:
        (tmp_path / "001_a.sql").write_bytes(HEADER.encode() + data)

        assert message in refusal(tmp_path)

    @pytest.mark.parametrize("name", ["001_a.sql", "001_a.verify.sql", "baseline.sql"])
    def test_a_file_that_cannot_be_read_is_refused(self, tmp_path: Path, name: str) -> None:
        folder(tmp_path, **{"001_a__sql": HEADER + "SELECT 1"})
        (tmp_path / name).unlink(missing_ok=True)
        (tmp_path / name).symlink_to(tmp_path / name)

        with pytest.raises(PgMigrateError) as caught:
            load_folder(tmp_path)

        assert f'{name}": Too many levels of symbolic links\nDETAIL: ' in str(caught.value)

    def test_a_folder_that_is_none_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "sql").write_text("no folder")

        with pytest.raises(PgMigrateError, match="it is no folder"):
            read_folder(tmp_path / "sql")


def test_a_backslash_inside_a_literal_is_no_command(tmp_path: Path) -> None:
    path = folder(tmp_path, **{"001_a__sql": HEADER + "SELECT '\\d', $$ \\! $$;\nSET LOCAL work_mem = '1MB';"})

    assert len(read_folder(path)[0].statements) == 2


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"001-a__sql": HEADER + "SELECT 1"}, 'cannot use file "001-a.sql" as a migration'),
        ({"001_a b__sql": HEADER + "SELECT 1"}, 'cannot use file "001_a b.sql" as a migration'),
        ({f"{10**18}_a__sql": HEADER + "SELECT 1"}, f'cannot use file "{10**18}_a.sql" as a migration'),
        ({"001_a__effect": ""}, "expected 001_a.sql beside it"),
        ({"1_a__sql": HEADER + "SELECT 1", "001_b__sql": HEADER + "SELECT 1"}, "two migrations of version 1"),
        (
            {"001_a__sql": HEADER + "SELECT 1", "001_a__verify__sql": "DELETE FROM t"},
            "a verify file is one SELECT",
        ),
    ],
)
def test_a_wrong_file_is_refused_by_name(tmp_path: Path, files: dict[str, str], message: str) -> None:
    assert message in refusal(folder(tmp_path, **files))


@pytest.mark.parametrize(
    ("text", "phase"),
    [
        ("-- Written by Ann\n-- note: for later\nCREATE TABLE t (a int);", "schema"),
        ("INSERT INTO t VALUES (1); UPDATE t SET a = 2; DELETE FROM t; SELECT 1;", "data"),
        ("INSERT INTO t VALUES (1); CREATE TABLE u (a int);", "schema"),
        ("DO $$ BEGIN NULL; END $$;", "schema"),
        ("", "schema"),
    ],
)
def test_a_migration_may_have_no_header(tmp_path: Path, text: str, phase: str) -> None:
    (tmp_path / "20240101120000_Add-theThing.sql").write_text(text)

    (migration,) = read_folder(tmp_path)

    assert (migration.version, migration.name) == (20240101120000, "20240101120000_Add-theThing")
    assert (migration.header.purpose, migration.header.phase) == ("Add-theThing", phase)


@pytest.mark.parametrize(
    ("name", "tool"),
    [
        ("V2__x.sql", "Flyway"),
        ("R__views.sql", "Flyway"),
        ("20240101_x.up.sql", "golang-migrate"),
        ("20240101_x.down.sql", "golang-migrate"),
        ("20240101_x/migration.sql", "Prisma"),
        ("20240101_x/up.sql", "Diesel"),
        ("sqitch.plan", "Sqitch"),
    ],
)
def test_files_of_other_tools_are_never_passed_over(tmp_path: Path, name: str, tool: str) -> None:
    path = folder(tmp_path, **{"001_a__sql": "SELECT 1"}) / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("SELECT 2")

    found = refusal(tmp_path)

    assert found.startswith(f'cannot use "{name.split("/", maxsplit=1)[0]}": it is a migration of {tool}\n')
    assert f"pgmigrate import {tmp_path} --dir NEW_FOLDER" in found


@pytest.mark.parametrize("mark", ["-- migrate:down", "--  +goose Down", "-- +migrate Down", "-- Down Migration"])
def test_a_file_with_its_way_back_in_it_is_never_run_as_a_whole(tmp_path: Path, mark: str) -> None:
    found = refusal(folder(tmp_path, **{"001_a__sql": f"CREATE TABLE t (a int);\n{mark}\nDROP TABLE t;"}))

    assert 'cannot use "001_a.sql": it is a migration of' in found


def test_a_folder_without_migrations_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PgMigrateError, match="could not find a migration in SQL folder"):
        read_folder(tmp_path)


def test_statements_are_grouped_into_steps(tmp_path: Path) -> None:
    text = HEADER + "SELECT 1; SELECT 2; CREATE INDEX CONCURRENTLY i ON t (a); DROP INDEX CONCURRENTLY i; SELECT 3;"
    (migration,) = read_folder(folder(tmp_path, **{"001_a__sql": text}))

    steps = [tuple(one.number for one in step) for step in migration.steps([1, 2, 3, 4, 5])]

    assert steps == [(1, 2), (3,), (4,), (5,)]
    assert [tuple(one.number for one in step) for step in migration.steps([2, 5])] == [(2, 5)]


class TestEffects:
    def test_shipped_effects_are_current(self, tmp_path: Path) -> None:
        assert [migration.stale for migration in load_folder(copied(tmp_path))] == [None] * 6

    def test_another_text_makes_an_effect_stale(self, tmp_path: Path) -> None:
        sql = copied(tmp_path)
        path = sql / "002_create_variant_config.sql"
        path.write_text(path.read_text().replace("description text", "description varchar"))

        stale = {one.name: one.stale for one in load_folder(sql) if one.stale is not None}

        assert list(stale) == [
            "002_create_variant_config", "003_initialize_defaults", "004_validate_migration",
            "005_add_lookup_indexes", "006_release_group_name_rule",
        ]  # fmt: skip
        assert "its statement 1 changed" in stale["002_create_variant_config"].message
        assert "what stands before it changed" in stale["003_initialize_defaults"].message

    @pytest.mark.parametrize("damage", ["nonsense here", "lock", "statement x: y", "+ x"])
    def test_an_edited_effect_is_refused_with_file_and_line(self, tmp_path: Path, damage: str) -> None:
        sql = copied(tmp_path)
        path = sql / "005_add_lookup_indexes.effect"
        lines = path.read_text().splitlines()
        path.write_text("\n".join([*lines[:6], damage, *lines[6:]]) + "\n")

        with pytest.raises(
            PgMigrateError, match=r'could not read effect "005_add_lookup_indexes.effect": line 7'
        ) as caught:
            load_folder(sql)

        assert caught.value.refusal.kind is Kind.EFFECT

    def test_a_cut_effect_is_refused(self, tmp_path: Path) -> None:
        sql = copied(tmp_path)
        path = sql / "001_add_variant_columns.effect"
        path.write_text(path.read_text()[:-80])

        with pytest.raises(PgMigrateError, match="could not read effect"):
            load_folder(sql)


class TestNames:
    """Where names without a schema are found, as the comments at the top of the baseline say."""

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("", BaselineNames()),
            ("CREATE TABLE a (n integer);\n-- schema: app\n", BaselineNames()),
            ("-- schema: app\nCREATE SCHEMA app;\n", BaselineNames("app")),
            (
                "--\n-- PostgreSQL database dump\n--\n\n-- search_path:  ext , odd one,\n-- schema: My App \n\nSELECT 1;\n",
                BaselineNames("My App", ("ext", "odd one")),
            ),
            ("-- Name: a; Type: TABLE; Schema: public; Owner: -\n--  schema: app\n", BaselineNames()),
        ],
    )
    def test_are_read_from_there_alone(self, tmp_path: Path, text: str, expected: BaselineNames) -> None:
        (tmp_path / "baseline.sql").write_text(text)

        assert read_names(tmp_path) == expected

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("-- schema: a\n-- schema: b\n", 'line 2.*Found the key "schema" again'),
            ("\n-- search_path:\n", 'line 2.*Found no name at "search_path"'),
        ],
    )
    def test_that_cannot_be_meant_are_refused(self, tmp_path: Path, text: str, found: str) -> None:
        (tmp_path / "baseline.sql").write_text(text)

        with pytest.raises(PgMigrateError, match=f"(?s){found}"):
            read_names(tmp_path)

    def test_are_part_of_what_effects_were_recorded_on(self, tmp_path: Path) -> None:
        baseline = tmp_path / "baseline.sql"
        sums = []
        for header in ("", "-- a comment\n", "-- schema: a\n", "-- search_path: a\n", "-- search_path: a, b\n"):
            baseline.write_text(f"{header}SELECT 1;\n")
            sums.append(baseline_checksum(tmp_path))

        assert sums[0] == sums[1] == checksum_of("SELECT 1;")
        assert len(set(sums)) == 4
