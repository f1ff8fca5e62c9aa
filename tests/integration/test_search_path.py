"""Names that stand in further schemas, as those of extensions do, and effects recorded in a schema that is not public."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pyinfra_pgmigrate.errors import PgMigrateError
from pyinfra_pgmigrate.rollback.drafts import draft

from tests.conftest import on_all_versions
from tests.property.snapshot import take
from tests.support.folders import written
from tests.support.harness import Result, migrate, rollback, status, validate
from tests.support.migrations import record
from tests.support.servers import Database, Server

FURTHER = """CREATE SCHEMA ext;
CREATE SCHEMA "odd one";
CREATE TYPE ext.mood AS ENUM ('sad', 'ok');
CREATE FUNCTION ext.half(integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT $1 / 2';
CREATE DOMAIN "odd one".few AS integer CHECK (VALUE < 10);
"""
MIGRATIONS = (
    "CREATE TABLE t (id integer PRIMARY KEY, m mood DEFAULT 'ok', n few, h integer GENERATED ALWAYS AS (half(id)) STORED);",
    "INSERT INTO t (id, m) SELECT half(g), 'sad'::mood FROM generate_series(2, 8, 2) AS g;"
    "CREATE INDEX CONCURRENTLY i ON t (half(id)); CREATE VIEW v AS SELECT half(id) AS h FROM t WHERE m = 'sad';",
)
BATCHES = """-- purpose: in batches
-- phase: data
-- data: once
-- batch: keyset

WITH taken AS (
    UPDATE t SET n = half(id)
    WHERE id IN (
        SELECT id FROM t
        WHERE id > COALESCE(NULLIF(current_setting('pgmigrate.batch_after', true), ''), '0')::integer
        ORDER BY id LIMIT current_setting('pgmigrate.batch_size')::integer
    )
    RETURNING id
)
SELECT max(id) AS last_key, count(*) AS row_count FROM taken HAVING count(*) > 0;
"""


def ok(result: Result) -> Result:
    """Returns a result that has to be good."""
    assert result.ok, result.text
    return result


def conninfo(server: Server) -> str:
    """Returns how a scratch database is made on a server."""
    return " ".join(f"{name}='{value}'" for name, value in server.conninfo.items()) + " dbname=postgres"


def project(folder: Path, server: Server, header: str = "-- search_path: ext, odd one\n") -> Path:
    """Writes a project whose statements leave the schemas of types and functions out wherever there are any."""
    folder.mkdir()
    (folder / "baseline.sql").write_text(header + FURTHER)
    (folder / "003_m.sql").write_text(BATCHES)
    for name, text in {
        "001_m.verify.sql": "SELECT 't'::text AS object, 'bad'::text AS problem FROM t WHERE half(id) < 0\n",
        "queries/halves.sql": "-- purpose: how many\n\nSELECT count(*) FROM generate_series(1, 3) AS g WHERE half(g) = 1\n",
        "totals/halves.sql": "-- purpose: what they are\n\nSELECT 'all' AS key, sum(half(g)) AS value FROM generate_series(1, 9) AS g\n",
        "compatibility/reads.sql": "-- purpose: reads\n\nSELECT half(1);\n",
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return written(folder, server, *MIGRATIONS)


def settings(database: Database, folder: Path, backups: Path, **more: Any) -> dict[str, Any]:
    """Returns host data with all that uses names: backup, rehearsal, queries, what the application does."""
    return database.settings(
        pg_sql_dir=str(folder), pg_skip_backup=False, pg_backup_dir=str(backups), pg_measure="changes", **more
    )


@pytest.mark.first(2)
@on_all_versions
def test_everything_that_the_operator_writes_finds_them(server: Server, tmp_path: Path) -> None:
    folder = project(tmp_path / "sql", server)
    assert "+ column t.m ext.mood default 'ok'::ext.mood" in (folder / "001_m.effect").read_text()
    with server.database("empty") as database:
        database.run(FURTHER)
        before = take(database)
        data = settings(database, folder, tmp_path / "backups", pg_compatibility=True)

        first = ok(migrate(data))

        assert database.rows("SELECT id, n FROM t ORDER BY id") == [(1, 0), (2, 1), (3, 1), (4, 2)]
        assert ok(migrate(data)).changed == []
        assert "no drift" in ok(status(data)).text
        checked = ok(validate(data)).text
        assert "PASS  verify: 001_m" in checked
        assert "FAIL " not in checked + first.text
        assert "the same totals before and after: halves (1 keys)" in first.text
        assert "application compatibility: 1 of 1 checks pass before and after" in first.text

        drafted = draft(folder, 1, 3, conninfo(server))
        (folder / "rollback_all.sql").write_text(drafted.text)
        filled = take(database)
        ok(rollback(data))
        assert take(database).structure == before.structure
        forward = ok(migrate(data))
        assert take(database).differences(filled) == []
        assert "rolled back to the same rows and catalog as before" in forward.text


def test_without_a_word_they_are_not_found(server: Server, tmp_path: Path) -> None:
    with pytest.raises(PgMigrateError, match='type "mood" does not exist'):
        project(tmp_path / "sql", server, header="")


def test_host_data_stand_above_the_header(server: Server, tmp_path: Path) -> None:
    folder = project(tmp_path / "sql", server)
    with server.database("empty") as database:
        database.run(FURTHER)
        data = database.settings(pg_sql_dir=str(folder))

        refused = migrate({**data, "pg_search_path": "odd one"})

        assert not refused.ok
        assert 'type "mood" does not exist' in refused.text
        ok(migrate({**data, "pg_search_path": ["odd one", "ext"]}))


def test_a_header_that_says_otherwise_makes_effects_stale(server: Server, tmp_path: Path) -> None:
    folder = project(tmp_path / "sql", server)
    baseline = folder / "baseline.sql"
    baseline.write_text(baseline.read_text().replace("ext, odd one", "odd one, ext"))
    with server.database("empty") as database:
        database.run(FURTHER)

        assert not migrate(database.settings(pg_sql_dir=str(folder))).ok
        record(folder, server)
        ok(migrate(database.settings(pg_sql_dir=str(folder))))


@on_all_versions
def test_what_is_recorded_in_a_schema_of_its_own_may_name_what_is_in_public(server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "sql"
    folder.mkdir()
    shared = "CREATE TYPE public.mood AS ENUM ('sad', 'ok'); CREATE TABLE public.plan (id integer PRIMARY KEY);"
    (folder / "baseline.sql").write_text(
        f'-- schema: Tenant\n-- search_path: public\n\nCREATE SCHEMA "Tenant";\n{shared}\n'
    )
    written(
        folder,
        server,
        "CREATE TABLE t (m mood, n public.mood, plan integer REFERENCES plan);",
        "CREATE VIEW v AS SELECT t.m FROM t JOIN plan ON plan.id = t.plan; INSERT INTO t SELECT 'ok', 'sad', id FROM plan;",
    )
    lines = (folder / "001_m.effect").read_text()
    assert "+ column t.m public.mood" in lines
    assert "Tenant" not in lines
    (folder / "rollback_all.sql").write_text(draft(folder, 1, 2, conninfo(server)).text)
    with server.database("empty") as database:
        database.run(f'CREATE SCHEMA a; CREATE SCHEMA "B"; {shared} INSERT INTO plan VALUES (1), (2)')
        before = database.catalog().lines
        data = database.settings(pg_sql_dir=str(folder), pg_schemas=["a", "B"])

        ok(migrate(data))
        assert ok(migrate(data)).changed == []

        assert database.rows('SELECT m::text, n::text, plan FROM "B".t ORDER BY 3') == [
            ("ok", "sad", 1),
            ("ok", "sad", 2),
        ]
        assert ok(status(data)).text.count("no drift") == 2
        ok(rollback(data))
        assert database.catalog().lines == before


@pytest.mark.parametrize(
    "header", ["-- schema:\n", "-- schema: a\n-- schema: b\n", "-- search_path: a\n--\n-- search_path: b\n"]
)
def test_a_header_that_cannot_be_meant_is_refused(server: Server, tmp_path: Path, header: str) -> None:
    with pytest.raises(PgMigrateError, match=r"baseline\.sql"):
        project(tmp_path / "sql", server, header=header)


@pytest.mark.parametrize(
    ("baseline", "statements", "refused"),
    [
        ("-- schema: tenant\n", "CREATE TABLE a (id int);", "tenant"),
        ("-- schema: tenant\nCREATE SCHEMA tenant;\n", "CREATE TABLE a (id int);", ""),
        ("DROP SCHEMA public;\n", "CREATE TABLE a (id int);", "public"),
        ("DROP SCHEMA public;\n", "CREATE SCHEMA public; CREATE TABLE a (id int);", ""),
        ("", "DROP SCHEMA public; CREATE TABLE a (id int);", "public"),
        ("", "DROP SCHEMA public; CREATE SCHEMA public; CREATE TABLE a (id int);", ""),
        ("", "DO $$ BEGIN DROP SCHEMA public; END $$; CREATE TYPE t AS ENUM ('a');", "public"),
        ("", "CREATE SCHEMA app; CREATE TABLE app.a (id int); DROP SCHEMA public;", ""),
    ],
)
def test_without_the_schema_that_they_mean_names_are_of_no_use(
    server: Server, tmp_path: Path, baseline: str, statements: str, refused: str
) -> None:
    folder = tmp_path / "sql"
    folder.mkdir()
    (folder / "baseline.sql").write_text(baseline)

    if not refused:
        written(folder, server, statements)
        assert "a.id" in (folder / "001_m.effect").read_text()
    else:
        # They would be temporary tables, and the effect nothing at all.
        with pytest.raises(PgMigrateError, match=f'there is no schema "{refused}"'):
            written(folder, server, statements)
