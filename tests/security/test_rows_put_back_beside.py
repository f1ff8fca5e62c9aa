"""Rows that are put back run what their own table calls, and are not refused for what another table calls."""

from __future__ import annotations

from pathlib import Path

from tests.support.folders import written
from tests.support.harness import migrate, rollback
from tests.support.servers import Server


def test_a_constraint_of_another_table_is_none_of_theirs(server: Server, tmp_path: Path) -> None:
    sql = tmp_path
    (sql / "baseline.sql").write_text("CREATE TABLE mine (id integer PRIMARY KEY);\n")
    written(sql, server, "ALTER TABLE mine ADD COLUMN mood text")
    (sql / "rollback_mood.sql").write_text(
        "-- purpose: back\n-- reverts: 001-001\n\nALTER TABLE mine DROP COLUMN mood;\n"
    )
    role = f"mallory_{tmp_path.name[-8:].replace('-', '_')}"
    server.administer("CREATE ROLE {}", role)
    try:
        with server.database("empty") as database:
            database.run("CREATE TABLE mine (id integer PRIMARY KEY); INSERT INTO mine VALUES (1)")
            database.run(f"GRANT CREATE ON SCHEMA public TO {role}; SET ROLE {role}")
            database.run("CREATE FUNCTION positive(n integer) RETURNS boolean LANGUAGE sql AS 'SELECT n > 0'")
            database.run("CREATE TABLE theirs (n integer CHECK (public.positive(n))); RESET ROLE")
            settings = database.settings(pg_sql_dir=str(sql))
            assert migrate(settings).ok
            database.run("UPDATE mine SET mood = 'fine'")
            assert rollback(settings).ok

            result = migrate(settings)

            assert result.ok, result.text
            assert database.rows("SELECT * FROM mine") == [(1, "fine")]
    finally:
        server.administer("DROP ROLE {}", role)
