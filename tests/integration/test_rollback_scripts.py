"""Rollback scripts: another application's, several that cover the way together, first drafts from the effects."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyinfra_pgmigrate.cli import main

from tests.conftest import Machines, on_versions
from tests.support.application import application, same
from tests.support.folders import written
from tests.support.harness import migrate, rollback
from tests.support.migrations import copied, record, replace_in
from tests.support.servers import Database, Server

SHOP = {
    "baseline": "CREATE TABLE orders (id bigint PRIMARY KEY, code text NOT NULL CHECK (code <> ''), placed date);\n"
    "CREATE INDEX orders_by_day ON orders (placed);",
    "001_add_notes": '-- purpose: notes\n-- phase: schema\n\nCREATE TABLE "Order Notes" (order_id bigint REFERENCES orders, note text);',
    "002_add_columns": '-- purpose: columns\n-- phase: schema\n\nALTER TABLE orders ADD COLUMN "Weight g" integer DEFAULT 7;\n'
    "ALTER TABLE orders ADD COLUMN seen timestamptz;",
    "003_replace_index": "-- purpose: index\n-- phase: contract\n\nCREATE INDEX CONCURRENTLY orders_by_day_and_code ON orders (placed, code);\n"
    "DROP INDEX CONCURRENTLY orders_by_day;\nALTER TABLE orders DROP CONSTRAINT orders_code_check;",
    "rollback_shop": '-- purpose: back\n-- reverts: 001-003\n\nDROP TABLE IF EXISTS "Order Notes";\n'
    'ALTER TABLE orders DROP COLUMN IF EXISTS "Weight g", DROP COLUMN IF EXISTS seen;\nDROP INDEX IF EXISTS orders_by_day_and_code;',
}


@on_versions(18)
def test_another_application_goes_back_with_a_few_lines(server: Server, machines: Machines, tmp_path: Path) -> None:
    for name, text in SHOP.items():
        (tmp_path / f"{name}.sql").write_text(text + "\n")
    record(tmp_path, machines.server(18))
    with server.database("empty") as database:
        database.run(SHOP["baseline"])
        database.run("INSERT INTO orders SELECT i, 'c' || i, date '2026-01-01' + i FROM generate_series(1, 100) AS i")
        before = application(database)
        settings = database.settings(pg_sql_dir=str(tmp_path))
        assert migrate(settings).ok
        database.run("INSERT INTO \"Order Notes\" SELECT 1, 'note ' || i FROM generate_series(1, 5) AS i")
        database.run('UPDATE orders SET "Weight g" = id, seen = now() WHERE id < 11')

        result = rollback(settings)

        assert result.ok, result.text
        assert same(before, database) == []
        assert database.rows("SELECT table_name, column_name, row_count FROM pgmigrate.quarantines ORDER BY 3, 2") == [
            ('"Order Notes"', None, 5), ("orders", '"Weight g"', 9), ("orders", "seen", 10),
        ]  # fmt: skip
        assert rollback(settings).unchanged == ["Rollback"]
        assert migrate(settings).ok


class TestScripts:
    """Two scripts, each for a part of the way."""

    @pytest.fixture
    def parts(self, tmp_path: Path) -> str:
        sql = copied(tmp_path)
        (sql / "rollback_variants.sql").rename(sql / "rollback_first.sql")
        replace_in(sql / "rollback_first.sql", "reverts: 001-006", "reverts: 001-004")
        (sql / "rollback_indexes.sql").write_text(
            "-- purpose: indexes\n-- reverts: 005-006\n\n"
            "DROP INDEX IF EXISTS idx_project_equipment_groups_variant_lookup, idx_project_roles_variant_lookup;\n"
        )
        return str(sql)

    def test_without_a_target_the_newest_alone_is_run(self, legacy: Database, parts: str) -> None:
        settings = legacy.settings(pg_sql_dir=parts)
        assert migrate({**settings, "pg_target": 4}).ok
        before = application(legacy)
        assert migrate(settings).ok

        result = rollback(settings)

        assert result.ok, result.text
        assert "by rollback_indexes" in result.text
        assert same(before, legacy) == []
        assert rollback(settings).unchanged == ["Rollback"]
        assert legacy.value("SELECT max(version) FROM pgmigrate.migrations") == 4

    def test_all_that_cover_the_way_are_run_newest_first(self, legacy: Database, parts: str) -> None:
        before = application(legacy)
        settings = legacy.settings(pg_sql_dir=parts)
        assert migrate(settings).ok

        result = rollback({**settings, "pg_target": 0})

        assert result.ok, result.text
        assert "by rollback_indexes and rollback_first" in result.text
        assert same(before, legacy) == []


class TestDraft:
    def test_of_the_shipped_migrations_leads_back(self, legacy: Database, tmp_path: Path) -> None:
        sql = copied(tmp_path)
        (sql / "rollback_variants.sql").unlink()
        before = application(legacy)

        assert main(["draft-rollback", "001-006", "--dir", str(sql)]) == 0

        assert migrate(legacy.settings()).ok
        result = rollback(legacy.settings(pg_sql_dir=str(sql)))
        assert result.ok, result.text
        assert same(before, legacy) == []

    def test_of_another_application_leads_back(self, server: Server, tmp_path: Path) -> None:
        for name, text in SHOP.items():
            if name != "rollback_shop":
                (tmp_path / f"{name}.sql").write_text(text + "\n")
        record(tmp_path, server)

        assert main(["draft-rollback", "001-003", "--dir", str(tmp_path)]) == 0

        with server.database("empty") as database:
            database.run(SHOP["baseline"])
            before = application(database)
            assert migrate(database.settings(pg_sql_dir=str(tmp_path))).ok
            result = rollback(database.settings(pg_sql_dir=str(tmp_path)))
            assert result.ok, result.text
            assert same(before, database) == []

    @pytest.mark.parametrize("wrong", ["6", "007-009"])
    def test_of_nothing_is_refused(self, tmp_path: Path, wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["draft-rollback", wrong, "--dir", str(copied(tmp_path))]) == 1
        assert "pgmigrate draft-rollback 001-006" in capsys.readouterr().err

    def test_does_not_overwrite_a_script(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        sql = str(copied(tmp_path))
        assert main(["draft-rollback", "001-006", "--dir", sql]) == 0
        assert main(["draft-rollback", "001-006", "--dir", sql]) == 1
        assert "it is there already" in capsys.readouterr().err


@on_versions(18)
def test_a_key_that_only_gets_its_name_back_may_have_references_of_others(server: Server, tmp_path: Path) -> None:
    before = (
        "CREATE TABLE a (id int PRIMARY KEY, n int, CONSTRAINT one_n UNIQUE (n));"
        "CREATE TABLE b (id int REFERENCES a, n int REFERENCES a (n));"
    )
    (tmp_path / "baseline.sql").write_text(f"{before}\n")
    written(
        tmp_path, server,
        'ALTER TABLE a RENAME CONSTRAINT a_pkey TO "The key"; ALTER INDEX one_n RENAME TO n_once;',
    )  # fmt: skip
    (tmp_path / "rollback_001.sql").write_text(
        "-- purpose: back\n-- reverts: 001-001\n\n"
        'ALTER INDEX "The key" RENAME TO a_pkey;\nALTER TABLE public.a RENAME CONSTRAINT n_once TO one_n;\n'
    )
    with server.database("empty") as database:
        database.run(before)
        settings = database.settings(pg_sql_dir=str(tmp_path))
        assert migrate(settings).ok
        database.run("CREATE TABLE c (id int REFERENCES a)")

        back = rollback(settings)

        assert back.ok, back.text
        assert (
            database.value(
                "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace"
            )
            == 3
        )
        assert database.value("SELECT count(*) FROM pg_constraint WHERE conname IN ('a_pkey', 'one_n')") == 2
        forth = migrate(settings)
        assert forth.ok, forth.text


# The last one renames what the one before has made; one has a net effect of nothing, one makes a constraint in two steps.
CHAIN = {
    1: ("ALTER TABLE orders ADD COLUMN x int;", "ALTER TABLE orders DROP COLUMN x;"),
    2: ("ALTER TABLE orders ADD COLUMN note text;", "ALTER TABLE orders DROP COLUMN note;"),
    3: ("ALTER TABLE orders RENAME COLUMN note TO remark;", "ALTER TABLE orders RENAME COLUMN remark TO note;"),
    4: (
        "ALTER TABLE orders ADD CONSTRAINT c CHECK (id > 0) NOT VALID;\nALTER TABLE orders VALIDATE CONSTRAINT c;",
        "ALTER TABLE orders DROP CONSTRAINT c;",
    ),
    5: ("ALTER TABLE orders DROP CONSTRAINT c;\nALTER TABLE orders ADD CONSTRAINT c CHECK (id > 0);", "SELECT;"),
}


@on_versions(18)
def test_what_was_taken_back_is_not_taken_back_again(server: Server, machines: Machines, tmp_path: Path) -> None:
    (tmp_path / "baseline.sql").write_text("CREATE TABLE orders (id int);\n")
    for number, (there, back) in CHAIN.items():
        (tmp_path / f"{number:03}_m.sql").write_text(f"-- purpose: a step\n-- phase: schema\n\n{there}\n")
        (tmp_path / f"rollback_{number:03}.sql").write_text(
            f"-- purpose: back\n-- reverts: {number:03}-{number:03}\n\n{back}\n"
        )
    record(tmp_path, machines.server(18))
    with server.database("empty") as database:
        database.run("CREATE TABLE orders (id int)")
        settings = database.settings(pg_sql_dir=str(tmp_path))
        before = [application(database)]
        for number in CHAIN:
            assert migrate({**settings, "pg_target": number}).ok
            before.append(application(database))

        for number in reversed(CHAIN):
            result = rollback({**settings, "pg_target": number - 1})

            assert result.ok, result.text
            assert same(before[number - 1], database) == []
        assert migrate(settings).ok
