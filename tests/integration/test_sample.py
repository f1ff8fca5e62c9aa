"""The sample of rows with which migrations of a large database are rehearsed, made and read with PostgreSQL's own programs."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from pyinfra_pgmigrate.backup.programs import sample_script
from pyinfra_pgmigrate.migrations.record import record_folder

from tests.conftest import on_all_versions, on_versions
from tests.property.snapshot import environment, take
from tests.support.harness import migrate
from tests.support.servers import Database, Server

# Tables of every kind that references another one, or has columns that no COPY may name.
KINDS = """
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE SCHEMA "Other x";
CREATE TABLE "Other x"."o'dd
t" ("a b" int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, c text DEFAULT 'd', e int GENERATED ALWAYS AS (1 + 1) STORED);
INSERT INTO "Other x"."o'dd
t" (c) VALUES (E'tab\\t\\\\. \\n'), (NULL), ('');
CREATE TABLE small (id serial PRIMARY KEY, m mood, p positive, j jsonb, b bytea, t timestamptz, n numeric, f float8);
INSERT INTO small (m, p, j, b, t, n, f) SELECT 'bad', g, '{"a": "\\\\."}', '\\x00ff', '2026-11-29 12:00+05', g / 7.0, 0.1 + 0.2
FROM generate_series(1, 50) AS g;
CREATE TABLE large (id bigint PRIMARY KEY, up bigint REFERENCES large, small_id int REFERENCES small, pad text NOT NULL);
INSERT INTO large SELECT g, NULLIF(g / 2, 0), 1 + g % 50, repeat('x', 100) FROM generate_series(1, 60000) AS g;
CREATE TABLE parted (id int, k int, PRIMARY KEY (id, k)) PARTITION BY LIST (k);
CREATE TABLE parted_0 PARTITION OF parted FOR VALUES IN (0);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
INSERT INTO parted SELECT g, g % 2 FROM generate_series(1, 120000) AS g;
CREATE TABLE of_parted (id int, k int, FOREIGN KEY (id, k) REFERENCES parted);
INSERT INTO of_parted SELECT g, g % 2 FROM generate_series(1, 120) AS g;
CREATE TABLE first_of (id int PRIMARY KEY, second int);
CREATE TABLE second_of (id int PRIMARY KEY, first int REFERENCES first_of);
ALTER TABLE first_of ADD FOREIGN KEY (second) REFERENCES second_of;
INSERT INTO first_of VALUES (1, NULL);
INSERT INTO second_of VALUES (2, 1);
UPDATE first_of SET second = 2;
CREATE TABLE nothing ();
INSERT INTO nothing DEFAULT VALUES;
CREATE TABLE loose (id int CHECK (id > 0) NO INHERIT);
INSERT INTO loose VALUES (1);
ALTER TABLE loose ADD CHECK (id > 5) NOT VALID;
CREATE UNLOGGED TABLE quick (id int);
INSERT INTO quick VALUES (1);
CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no row of a sample fires me'; END $$;
CREATE TRIGGER no BEFORE INSERT ON small FOR EACH ROW EXECUTE FUNCTION no();
ANALYZE;
CREATE TABLE never_analyzed AS SELECT g AS id, repeat('y', 100) AS pad FROM generate_series(1, 60000) AS g;
"""
SAMPLED = {"public.large", "public.never_analyzed", "public.parted_0", "public.parted_1"}


def program(server: Server, name: str, *arguments: str) -> bytes:
    """Returns what one of PostgreSQL's own programs prints."""
    command = [str(server.bin_dir / name), *arguments]
    ended = subprocess.run(command, env=environment(server), check=False, capture_output=True)
    assert (ended.returncode, ended.stderr) == (0, b""), ended.stderr.decode()
    return ended.stdout


@on_all_versions
def test_small_tables_come_whole_and_of_large_ones_what_references_hold_with(server: Server, tmp_path: Path) -> None:
    script, rows, summary, structure = (tmp_path / name for name in ("sample.sql", "rows.sql", "summary", "structure"))
    script.write_text(sample_script())
    psql = ("--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1")
    with server.database("empty") as source, server.database("empty") as target:
        source.run(KINDS)
        values = ("--set=rows=1000", "--set=bytes=1048576", f"--set=summary={summary}", "--field-separator=\t")
        rows.write_bytes(program(server, "psql", *psql, *values, f"--dbname={source.name}", f"--file={script}"))
        program(server, "pg_dump", "--schema-only", "--format=custom", f"--file={structure}", source.name)

        parts = [tmp_path / "before", rows, tmp_path / "after"]
        for part, section in ((parts[0], "pre-data"), (parts[2], "post-data")):
            text = program(server, "pg_restore", "--file=-", f"--section={section}", str(structure))
            # Of programs that are newer than the server.
            part.write_bytes(text.replace(b"SET transaction_timeout = 0;", b""))
        # References are checked in the last one.
        for part in parts:
            program(server, "psql", *psql, "--single-transaction", f"--dbname={target.name}", f"--file={part}")

        expected, found = take(source), take(target)
        counts = {name: count for name, (count, _) in found.rows.items()}
        whole = {
            name: value for name, value in expected.rows.items() if name not in SAMPLED and name != "public.nothing"
        }
        assert {name: found.rows[name] for name in whole} == whole
        assert all(1000 <= counts[name] < 5000 for name in SAMPLED), counts
        told = [line.split("\t") for line in summary.read_text().splitlines()]
        assert {name.removeprefix("public.") for kind, name, *_ in told if kind == "sampled"} == {
            name.removeprefix("public.") for name in SAMPLED
        }
        assert found.sequences == expected.sequences
        assert found.structure == expected.structure


def _made(tmp_path: Path, server: Server, baseline: str, text: str) -> Path:
    folder = tmp_path / "sql"
    folder.mkdir()
    (folder / "baseline.sql").write_text(baseline)
    (folder / "001_one.sql").write_text(f"-- purpose: one\n-- phase: schema\n\n{text}\n")
    conninfo = " ".join(f"{name}='{value}'" for name, value in server.conninfo.items()) + " dbname=postgres"
    for name, effect in record_folder(folder, conninfo).items():
        (folder / name).write_text(effect)
    return folder


def _settings(database: Database, folder: Path, **more: Any) -> dict[str, Any]:
    return database.settings(
        pg_sql_dir=str(folder), pg_skip_backup=False, pg_backup_dir=str(folder.parent / "backups"),
        pg_full_proof_max_gib=0, pg_backup_check="echo a snapshot", **more,
    )  # fmt: skip


TABLE = "CREATE TABLE a (id int PRIMARY KEY, up int REFERENCES a, n text);"
ROWS = "INSERT INTO a (id, n) SELECT g, CASE WHEN g % 3 > 0 THEN repeat('x', 90) END FROM generate_series(1, 30000) AS g; ANALYZE"


@pytest.mark.parametrize(("rehearse", "failed"), [("full", "Backup and rehearsal"), ("schema", "001_one")])
@on_versions(18)
def test_rows_that_a_migration_cannot_take_stop_it_on_the_copy(
    server: Server, tmp_path: Path, rehearse: str, failed: str
) -> None:
    folder = _made(tmp_path, server, TABLE, "ALTER TABLE a ALTER COLUMN n SET NOT NULL;")
    with server.database("empty") as database:
        database.run(TABLE)
        database.run(ROWS)

        result = migrate(_settings(database, folder, pg_rehearse=rehearse, pg_batch_from=10))

        assert result.failed == [failed]
        assert "contains null values" in result.refusals[0]
        assert ("--data pg_rehearse=schema" in result.refusals[0]) == (rehearse == "full")
        assert ("a sample of 1: public.a 1000 of about 30000" in result.text) == (rehearse == "full")
        # The point comes once the rehearsal is over.
        assert any(line.startswith("restore point pgmigrate_") for line in result.lines) == (rehearse == "schema")
        assert database.value("SELECT count(*) FROM pg_database WHERE datname ~ '^pgmigrate_copy'") == 0


# It ends the rehearsal where the planner does not know on the copy what it knows of the database.
KNOWN = """DO $$ BEGIN
    IF current_database() ~ '^pgmigrate_copy' AND NOT EXISTS (
        SELECT FROM pg_stats AS s JOIN pg_class AS c ON c.oid = 'a'::regclass
        WHERE (s.tablename, s.attname) = ('a', 'n') AND s.null_frac BETWEEN 0.3 AND 0.37 AND c.reltuples = 30000
    ) THEN RAISE 'the planner knows nothing of a'; END IF;
END $$;
ALTER TABLE a ADD COLUMN m int;"""


@pytest.mark.parametrize("rehearse", ["full", "schema"])
@on_versions(18)
def test_the_planner_knows_on_the_copy_what_it_knows_of_the_database(
    server: Server, tmp_path: Path, rehearse: str
) -> None:
    folder = _made(tmp_path, server, TABLE, KNOWN)
    with server.database("empty") as database:
        database.run(TABLE)
        database.run(ROWS)
        # Its key is of an enum, and its rows are nobody's but ours: statistics of every kind come.
        database.run("CREATE TYPE mood AS ENUM ('good', 'bad'); CREATE TABLE moods (m mood, r int4range, t text[])")
        database.run(
            "INSERT INTO moods SELECT 'bad', int4range(g, g + 5), ARRAY['x', 'y'] FROM generate_series(1, 99) AS g"
        )
        database.run("CREATE INDEX ON moods (upper(t[1])); CREATE STATISTICS joint ON m, r FROM moods; ANALYZE moods")

        result = migrate(_settings(database, folder, pg_rehearse=rehearse))

        assert "without the planner's statistics" not in result.text
        # Without rows there are none either.
        assert result.ok == (rehearse == "full"), result.text
        assert ("the planner knows nothing of a" in result.text) == (rehearse == "schema")


@pytest.mark.parametrize("called", [False, True])
@on_versions(18)
def test_a_superuser_takes_no_sample_where_reading_runs_functions_of_others(
    server: Server, tmp_path: Path, called: bool
) -> None:
    folder = _made(tmp_path, server, TABLE, "ALTER TABLE a ADD COLUMN m int;")
    with server.database("empty") as database:
        database.run(TABLE)
        database.run(ROWS)
        database.run(
            "CREATE ROLE sampler; GRANT CREATE ON SCHEMA public TO sampler; SET ROLE sampler; CREATE FUNCTION trap(int)"
            " RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN IF current_setting('is_superuser')::boolean THEN"
            " RAISE 'run by %', current_user; END IF; RETURN 1; END $$;"
            " CREATE TABLE own (id int); INSERT INTO own VALUES (1);"
            + ("CREATE TABLE o (id int); CREATE INDEX trapped ON o (id) WHERE id > trap(1);" if called else "")
            + "RESET ROLE;"
        )
        try:
            result = migrate(_settings(database, folder))

            assert result.ok, result.text
            assert "run by" not in result.text
            why = "would run function public.trap(integer) of role sampler, which index public.trapped calls"
            assert (why in result.text) == called
            assert ("a sample of" in result.text and "not proved" in result.text) != called
        finally:
            database.run("DROP OWNED BY sampler; DROP ROLE sampler")


@on_versions(18)
def test_rows_in_a_chain_have_no_sample_and_that_is_said(server: Server, tmp_path: Path) -> None:
    folder = _made(tmp_path, server, TABLE, "ALTER TABLE a ADD COLUMN m int;")
    with server.database("empty") as database:
        database.run(TABLE)
        database.run(ROWS)
        database.run("UPDATE a SET up = NULLIF(id - 1, 0)")

        result = migrate(_settings(database, folder))

        assert result.ok, result.text
        assert "warning: no rows on the copy, so it proves nothing of them" in result.text
        assert database.value("SELECT covered_by FROM pgmigrate.restore_points") == "pg_backup_check: a snapshot"
