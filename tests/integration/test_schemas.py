"""Several schemas of one database in one run, each with migrations of its own: a schema a tenant, say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyinfra.api.exceptions import DeployError
from pyinfra_pgmigrate.migrations.files import load_folder

from tests.conftest import on_all_versions
from tests.support.folders import written
from tests.support.harness import Result, backup, migrate, restore, rollback, status, validate
from tests.support.servers import Database, Server

SCHEMAS = ("one", "two", 'Th"ree')
MIGRATIONS = (
    "CREATE TYPE state AS ENUM ('new', 'paid'); CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
    " state state NOT NULL DEFAULT 'new');",
    "CREATE INDEX CONCURRENTLY orders_state ON orders (state);",
    "ALTER TABLE orders ADD COLUMN total numeric NOT NULL DEFAULT 0; CREATE VIEW open_orders AS SELECT id, total FROM orders"
    " WHERE state = 'new';",
)
ROLLBACK = "DROP VIEW open_orders; ALTER TABLE orders DROP COLUMN total; DROP INDEX orders_state;"
ALL = [(1,), (2,), (3,)]


def quoted(name: str) -> str:
    """Returns a name as SQL writes it."""
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


@pytest.fixture
def tenants(server: Server) -> Iterator[Database]:
    """A database with three schemas that are empty, and a table of nobody."""
    with server.database("empty") as database:
        for schema in SCHEMAS:
            database.run(f"CREATE SCHEMA {quoted(schema)}")
        database.run("CREATE TABLE public.shared (n integer); INSERT INTO public.shared VALUES (1)")
        yield database


@pytest.fixture
def folder(server: Server, tmp_path: Path) -> Path:
    """Their migrations, and a way back to the first one."""
    found = written(tmp_path / "sql", server, *MIGRATIONS)
    (found / "rollback_late.sql").write_text(f"-- purpose: back\n-- reverts: 002-003\n\n{ROLLBACK}\n")
    return found


def settings(database: Database, folder: Path, **more: Any) -> dict[str, Any]:
    """Returns host data with which the library reaches all schemas."""
    return database.settings(**{"pg_schemas": list(SCHEMAS), "pg_sql_dir": str(folder), **more})


def applied(database: Database, schema: str) -> list[tuple[int]]:
    """Returns the versions that are registered in a schema; none without a registry."""
    if database.value("SELECT to_regclass('pgmigrate.migrations')") is None:
        return []
    return database.rows("SELECT version FROM pgmigrate.migrations WHERE schema_name = %s ORDER BY 1", schema)


def ok(result: Result) -> Result:
    """Returns a result that has to be good."""
    assert result.ok, result.text
    return result


@pytest.mark.first(2)
@on_all_versions
def test_each_is_migrated_and_a_second_run_changes_nothing(tenants: Database, folder: Path) -> None:
    first = ok(migrate(settings(tenants, folder)))
    second = ok(migrate(settings(tenants, folder)))

    assert [applied(tenants, schema) for schema in SCHEMAS] == [ALL] * 3
    assert [f"{schema}: Check" in first.unchanged for schema in SCHEMAS] == [True] * 3
    assert second.changed == []
    assert tenants.rows("SELECT nspname::text FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace"
                        " WHERE relname = 'orders_state' ORDER BY nspname COLLATE \"C\"") == [
        (schema,) for schema in sorted(SCHEMAS)
    ]  # fmt: skip
    told = ok(status(settings(tenants, folder)))
    assert told.text.count("3 of 3 migrations applied") == 3
    assert told.text.count("no drift") == 3
    assert any(line.split()[1:2] == [f"{tenants.name}.one"] and line.endswith("good") for line in told.lines), told.text


def test_drift_of_one_is_of_it_alone(tenants: Database, folder: Path) -> None:
    ok(migrate(settings(tenants, folder)))
    tenants.run("ALTER TABLE two.orders ADD COLUMN by_hand integer; ALTER TABLE public.shared ADD COLUMN m integer;"
                "CREATE SCHEMA other; CREATE TABLE other.a (n integer)")  # fmt: skip

    told = ok(status(settings(tenants, folder)))

    assert [line for line in told.lines if "by_hand" in line and "column" in line]
    assert all(line.startswith(f"{tenants.name}.two: ") for line in told.lines if "by_hand" in line)
    assert told.text.count("no drift") == 2
    assert "shared" not in told.text
    assert not status(settings(tenants, folder, pg_check=True, pg_strict=True)).ok
    assert status(settings(tenants, folder, pg_check=True, pg_strict=True), command_line={"pg_schema": "one"}).ok


def test_a_rollback_of_one_leaves_the_others_and_loses_nothing(tenants: Database, folder: Path, tmp_path: Path) -> None:
    data = settings(tenants, folder)
    ok(migrate(data))
    for number, schema in enumerate(SCHEMAS):
        tenants.run(f"INSERT INTO {quoted(schema)}.orders (total) SELECT {number} + g FROM generate_series(1, 3) AS g")
    before = {schema: tenants.rows(f"SELECT * FROM {quoted(schema)}.orders ORDER BY id") for schema in SCHEMAS}

    ok(rollback(data, command_line={"pg_schema": "two"}))

    assert [applied(tenants, schema) for schema in SCHEMAS] == [ALL, [(1,)], ALL]
    assert (
        tenants.value("SELECT count(*) FROM pg_attribute WHERE attrelid = 'two.orders'::regclass AND attname = 'total'")
        == 0
    )
    told = ok(status(data))
    assert next(line for line in told.lines if "in the quarantine" in line).startswith(f"{tenants.name}.two: ")
    assert told.text.count("in the quarantine") == 1

    # All of them: what is kept of one is not put into another.
    ok(rollback(data, command_line={"pg_schema": "one"}))
    forward = ok(migrate(data))

    assert forward.text.count("restored from the quarantine: 3 rows of orders.total") == 2
    assert {schema: tenants.rows(f"SELECT * FROM {quoted(schema)}.orders ORDER BY id") for schema in SCHEMAS} == before
    assert [applied(tenants, schema) for schema in SCHEMAS] == [ALL] * 3


def test_what_fails_in_one_leaves_the_others_and_is_finished_there(tenants: Database, folder: Path) -> None:
    ok(migrate(settings(tenants, folder, pg_target=1)))
    tenants.run("ALTER TABLE two.orders ADD COLUMN total text")

    ended = migrate(settings(tenants, folder))

    assert not ended.ok
    assert [applied(tenants, schema) for schema in SCHEMAS] == [ALL, [(1,)], ALL], ended.text
    assert ended.failed == ["two: Check"]
    tenants.run("ALTER TABLE two.orders DROP COLUMN total")
    ok(migrate(settings(tenants, folder)))
    assert applied(tenants, "two") == ALL


def test_a_step_that_is_cut_off_in_one_goes_on_there(tenants: Database, folder: Path) -> None:
    ok(migrate(settings(tenants, folder, pg_target=1)))
    # As a run leaves it that was killed between the index and its row.
    (second,) = (one for one in load_folder(folder) if one.version == 2)
    tenants.run("CREATE INDEX orders_state ON two.orders (state)")
    for event in ("begun", "step"):
        tenants.session.execute(
            "INSERT INTO pgmigrate.events (run_id, event, version, name, checksum, statements, tool_version)"
            " SELECT run_id, %s, 2, '002_m', %s, '{1}', '0' FROM pgmigrate.runs WHERE schema_name = 'two'",
            [event, second.checksum],
        )

    ended = ok(migrate(settings(tenants, folder)))

    assert [applied(tenants, schema) for schema in SCHEMAS] == [ALL] * 3, ended.text
    how = dict(tenants.rows("SELECT schema_name, how FROM pgmigrate.migrations WHERE version = 2"))
    assert how == {"one": "applied", "two": "resumed", 'Th"ree': "applied"}


@pytest.mark.first(1)
@on_all_versions
def test_one_backup_is_of_all_and_comes_back(tenants: Database, folder: Path, tmp_path: Path) -> None:
    data = settings(tenants, folder, pg_skip_backup=False, pg_backup_dir=str(tmp_path / "backups"))
    first = ok(migrate(data, execute=False))
    assert first.text.count("would take a backup") == 1
    assert first.text.count("would use the backup before the first schema of this run") == 2
    ok(migrate({**data, "pg_skip_backup": True, "pg_target": 1}))
    for schema in SCHEMAS:
        tenants.run(f"INSERT INTO {quoted(schema)}.orders DEFAULT VALUES")

    ended = ok(migrate(data))

    assert ended.text.count("taking backup") == 1
    assert ended.text.count("is verified and young enough") == 2
    assert ended.text.count("rehearsal: rolled back to the same rows and catalog as before") == 3
    labels = tenants.rows("SELECT DISTINCT backup FROM pgmigrate.migrations WHERE version > 1")
    assert len(labels) == 1
    # Each is compared with what it was itself.
    checked = ok(validate(data))
    assert checked.text.count("PASS  data: 1 tables with 1 rows as in backup") == 3, checked.text
    tenants.run("DELETE FROM two.orders")
    lost = validate({**data, "pg_writes": "stopped"})
    assert not lost.ok
    assert [line.split(": ")[0] for line in lost.lines if "FAIL  data" in line] == [f"{tenants.name}.two"], lost.text

    tenants.close()
    ((label,),) = labels
    ok(restore({**data, "pg_backup": label, "pg_confirm": tenants.name}))

    assert [applied(tenants, schema) for schema in SCHEMAS] == [[(1,)]] * 3
    assert tenants.rows("SELECT id FROM two.orders") == [(1,)]
    assert ok(backup(data)).text.count("taking backup") == 1
    ok(migrate({**data, "pg_skip_backup": True}))
    assert [applied(tenants, schema) for schema in SCHEMAS] == [ALL] * 3


def test_each_may_have_keys_of_its_own(tenants: Database, folder: Path, tmp_path: Path, server: Server) -> None:
    other = written(tmp_path / "other", server, "CREATE TABLE invoices (n integer);")
    data = settings(tenants, folder)
    data["pg_schemas"] = {"one": {"pg_sql_dir": str(other)}, "two": {"pg_target": 2}, "public": None}

    ok(migrate(data))

    assert [applied(tenants, schema) for schema in ("one", "two", "public")] == [[(1,)], [(1,), (2,)], ALL]
    assert tenants.value("SELECT to_regclass('one.invoices') IS NOT NULL AND to_regclass('one.orders') IS NULL")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("CREATE TABLE public.more (n integer);", "table public.more"),
        ("CREATE SCHEMA more;", "schema more"),
        ("CREATE PUBLICATION more;", "publication more"),
        ("ALTER TABLE public.shared ADD COLUMN more integer;", "column public.shared.more"),
    ],
)
def test_what_is_not_in_the_schema_is_refused(
    tenants: Database, tmp_path: Path, server: Server, text: str, line: str
) -> None:
    # Recorded as from a schema of its own: what is in public has its name written out.
    folder = tmp_path / "sql"
    folder.mkdir()
    (folder / "baseline.sql").write_text("CREATE TABLE public.shared (n integer);\n")
    written(folder, server, text)
    effect = folder / "001_m.effect"
    effect.write_text(effect.read_text().replace("table more", "table public.more").replace(
        "column shared.", "column public.shared."))  # fmt: skip
    before = tenants.catalog().lines

    ended = migrate(settings(tenants, folder))

    assert not ended.ok
    assert f"Found in its effect: {line}" in ended.text, ended.text
    assert tenants.catalog().lines == before


def test_the_database_and_its_schemas_are_not_migrated_side_by_side(tenants: Database, folder: Path) -> None:
    whole = tenants.settings(pg_sql_dir=str(folder), pg_schema="one")
    ok(migrate(settings(tenants, folder)))
    refused = migrate(whole)
    assert not refused.ok
    assert "cannot migrate the whole database: its registry holds migrations of 3 schema(s)" in refused.text

    tenants.run("DROP SCHEMA pgmigrate CASCADE")
    ok(migrate(whole))
    refused = migrate(settings(tenants, folder))
    assert not refused.ok
    assert 'cannot migrate schema "two" by itself: the registry holds migrations of the whole database' in refused.text
    assert [applied(tenants, schema) for schema in ("", *SCHEMAS)] == [ALL, [], [], []]


@pytest.mark.parametrize(
    ("more", "command_line", "found"),
    [
        ({"pg_schema": "one"}, {}, "cannot use pg_schema and pg_schemas in one inventory"),
        ({}, {"pg_schema": "four"}, 'cannot use pg_schema "four": it is not in pg_schemas'),
        ({"pg_schemas": ["one", "one"]}, {}, "expected each schema once"),
        ({"pg_schemas": {"one": {"pg_schema": "two"}}}, {}, "for each schema a mapping of host data keys"),
        ({"pg_schemas": []}, {}, "a list of names of schemas"),
    ],
)
def test_what_is_named_wrongly_is_said_before_anything_runs(
    tenants: Database, folder: Path, more: dict[str, Any], command_line: dict[str, Any], found: str
) -> None:
    with pytest.raises(DeployError, match=found):
        migrate(settings(tenants, folder, **more), command_line=command_line)
    assert applied(tenants, "one") == []


def test_one_that_is_not_there_leaves_the_others_alone(tenants: Database, folder: Path) -> None:
    ended = migrate(settings(tenants, folder, pg_schemas=["one", "none", "two"]))

    assert not ended.ok
    assert 'schema "none"' in ended.text
    assert [applied(tenants, schema) for schema in ("one", "none", "two")] == [ALL, [], ALL]
