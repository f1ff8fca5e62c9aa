"""What PostgreSQL prints otherwise once its own text was read again, as a restore does, is the same line for us."""

from __future__ import annotations

from pathlib import Path

from pyinfra_pgmigrate.rollback.drafts import draft

from tests.conftest import on_all_versions
from tests.integration.recordings import conninfo
from tests.integration.test_sample import program
from tests.support.folders import written
from tests.support.harness import backup, migrate, restore, rollback, status
from tests.support.servers import Database, Server

STRUCTURE = """
CREATE TABLE orders (
    id integer PRIMARY KEY,
    state varchar(10) CONSTRAINT known CHECK (state IN ('new', 'it''s done', 'a], b')),
    kind varchar CHECK (kind NOT IN ('x', 'y') AND lower(kind) LIKE ANY (ARRAY['a%', 'b\\%']::varchar[])),
    is_open boolean GENERATED ALWAYS AS (state IN ('new', 'old')) STORED
);
CREATE INDEX by_kind ON orders (id) WHERE kind IN ('p', 'q');
CREATE VIEW open_orders AS SELECT id, state IN ('new', 'old') AS is_open FROM orders WHERE kind IN ('p', 'q');
CREATE VIEW everything AS SELECT id, kind, n FROM (
    SELECT id, kind, 1 AS n FROM orders UNION ALL SELECT NULL, NULL, NULL FROM orders
) AS found;
CREATE DOMAIN word AS varchar(4) CHECK (VALUE IN ('a', 'b'));
CREATE FUNCTION found(varchar) RETURNS boolean LANGUAGE sql BEGIN ATOMIC SELECT $1 IN ('a', 'b'); END;
CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER notes BEFORE UPDATE ON orders FOR EACH ROW WHEN (NEW.kind IN ('p', 'q')) EXECUTE FUNCTION noted();
CREATE RULE keeps AS ON DELETE TO orders WHERE OLD.kind IN ('p', 'q') DO INSTEAD NOTHING;
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON orders USING (kind IN ('p', 'q'));
"""


def restored(server: Server, one: Database, other: Database, folder: Path) -> None:
    """Restores a dump of one database into another."""
    dump = folder / "dump.sql"
    # Of programs that are newer than the server.
    dump.write_bytes(program(server, "pg_dump", one.name).replace(b"SET transaction_timeout = 0;", b""))
    program(server, "psql", "-Xq", "-v", "ON_ERROR_STOP=1", f"--dbname={other.name}", f"--file={dump}")


@on_all_versions
def test_a_restored_database_has_the_lines_of_the_one_that_was_dumped(server: Server, tmp_path: Path) -> None:
    with server.database("empty") as one, server.database("empty") as other:
        one.run(STRUCTURE)
        restored(server, one, other, tmp_path)

        definition = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'known'"
        assert one.value(definition) != other.value(definition)
        assert one.catalog().lines == other.catalog().lines


def test_its_backups_are_verified_and_restored(server: Server, tmp_path: Path) -> None:
    sql = written(tmp_path / "sql", server, STRUCTURE, "ALTER TABLE orders ADD COLUMN more text")
    with server.database("empty") as database:
        settings = database.settings(pg_sql_dir=str(sql), pg_skip_backup=False, pg_backup_dir=str(tmp_path / "backups"))
        assert migrate({**settings, "pg_target": 1}).ok
        database.run("INSERT INTO orders VALUES (1, 'new', 'a')")

        result = migrate(settings)
        assert result.ok, result.text
        assert backup(settings).ok
        database.run("DELETE FROM orders")
        result = restore({**settings, "pg_backup": "latest", "pg_confirm": database.name})
        assert result.ok, result.text


def test_a_database_is_the_same_as_its_dump_was(server: Server, tmp_path: Path) -> None:
    # Effects are recorded on what was read from a dump.
    with server.database("empty") as database, server.database("empty") as other:
        database.run(STRUCTURE)
        restored(server, database, other, tmp_path)
        again = other.value("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'known'")
        (tmp_path / "baseline.sql").write_text(
            STRUCTURE.replace("known CHECK (state IN ('new', 'it''s done', 'a], b'))", f"known {again}")
        )
        written(
            tmp_path,
            server,
            "ALTER TABLE orders DROP CONSTRAINT known; ALTER TABLE orders ADD CONSTRAINT known CHECK (state IN ('new', 'old'))",
            "DROP INDEX by_kind",
            "ALTER TABLE orders RENAME COLUMN state TO stage",
        )
        settings = database.settings(pg_sql_dir=str(tmp_path))

        result = migrate(settings)

        assert result.ok, result.text
        assert "no drift" in status(settings).text
        assert not migrate(settings).changed


DROPS = """ALTER TABLE orders DROP CONSTRAINT known, DROP CONSTRAINT orders_kind_check; DROP INDEX by_kind;
DROP VIEW open_orders; DROP VIEW everything; DROP FUNCTION found(varchar); DROP TRIGGER notes ON orders;
DROP RULE keeps ON orders; DROP POLICY visible ON orders; ALTER DOMAIN word DROP CONSTRAINT word_check"""


def test_what_is_made_again_from_its_lines_is_what_it_was(server: Server, tmp_path: Path) -> None:
    (tmp_path / "baseline.sql").write_text(STRUCTURE)
    written(tmp_path, server, DROPS)
    drafted = draft(tmp_path, 1, 1, conninfo(server))
    (tmp_path / "rollback_all.sql").write_text(drafted.text)
    with server.database("empty") as database:
        database.run(STRUCTURE)
        before = database.catalog()
        settings = database.settings(pg_sql_dir=str(tmp_path))
        assert migrate(settings).ok
        assert database.catalog() != before

        result = rollback(settings)

        assert result.ok, result.text
        assert drafted.todos == []
        assert list(before.difference(database.catalog()).render()) == []
