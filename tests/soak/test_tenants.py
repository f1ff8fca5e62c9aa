"""A schema for each of many tenants, in one database on a dockerized server: one run for all."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.folders import HEADER, written
from tests.support.harness import migrate, status
from tests.support.migrations import record
from tests.support.servers import Server

TENANTS = int(os.environ.get("TENANTS", "200"))


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("server", [17], indirect=True)
def test_all_are_migrated_in_one_run_with_a_line_each(
    server: Server, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    folder = written(
        tmp_path / "sql",
        server,
        "CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, total numeric);",
        "CREATE INDEX CONCURRENTLY orders_total ON orders (total); CREATE VIEW large_orders AS SELECT id FROM orders"
        " WHERE total > 100;",
    )
    schemas = [f"tenant_{number:03}" for number in range(TENANTS)]
    took = {}
    with server.database("empty") as database:
        for schema in schemas:
            database.run(f"CREATE SCHEMA {schema}")
        settings = database.settings(
            pg_schemas=schemas,
            pg_sql_dir=str(folder),
            pg_skip_backup=False,
            pg_rehearse="off",
            pg_backup_dir=str(tmp_path / "backups"),
            pg_backup_max_age_s=3600,
        )
        begun = time.monotonic()
        first = migrate(settings)
        took["from nothing"] = time.monotonic() - begun
        assert first.ok, first.text[-3000:]
        assert first.text.count("taking backup") == 1
        rows = "SELECT schema_name, count(*) FROM pgmigrate.migrations GROUP BY 1 ORDER BY 1"
        assert database.rows(rows) == [(schema, 2) for schema in schemas]

        begun = time.monotonic()
        again = migrate(settings)
        took["again"] = time.monotonic() - begun
        assert again.ok
        assert again.changed == []

        (folder / "003_m.sql").write_text(f"{HEADER}\nALTER TABLE orders ADD COLUMN note text;\n")
        record(folder, server)
        database.run(f"ALTER TABLE {schemas[7]}.orders ADD COLUMN note integer")
        others = migrate({**settings, "pg_skip_backup": True})
        assert not others.ok
        assert others.failed == [f"{schemas[7]}: Check"]
        assert database.rows(rows) == [(schema, 2 if schema == schemas[7] else 3) for schema in schemas]

        begun = time.monotonic()
        told = status(settings)
        took["status"] = time.monotonic() - begun
    lines = [
        line for line in told.lines if line.split()[1:2] and line.split()[1].startswith(f"{database.name}.tenant_")
    ]
    assert len(lines) == TENANTS
    assert [line.split()[1] for line in lines if not line.endswith("good")] == [f"{database.name}.{schemas[7]}"]
    record_property("figures", f"{TENANTS} schemas: " + ", ".join(f"{name} {one:.0f} s" for name, one in took.items()))
