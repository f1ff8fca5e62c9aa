"""A rollback that gives a column its former type: values which that cannot hold are kept, and come back."""

from __future__ import annotations

import typing
from pathlib import Path

import pytest
from pyinfra_pgmigrate.rollback.drafts import draft

from tests.integration.rounds import Round, Together
from tests.property.snapshot import take
from tests.support.folders import written
from tests.support.harness import migrate, rollback
from tests.support.servers import Database, Server

from .test_put_back import waiting

# What was there, the migrations, what is written after them, and where none is drafted the script.
STORIES: dict[str, tuple[str, tuple[str, ...], str, str]] = {
    "text": (
        "CREATE TABLE a (id int PRIMARY KEY, n varchar(3), m char(5))",
        ("ALTER TABLE a ALTER n TYPE text, ALTER m TYPE text",),
        "INSERT INTO a VALUES (1, 'long one', 'ab   '), (2, 'abc', 'abcdefg'), (3, NULL, NULL), (4, 'ab', '')",
        "",
    ),
    "numbers": (
        "CREATE TABLE a (id int PRIMARY KEY, n int, m numeric(6, 1), k real, j date)",
        ("ALTER TABLE a ALTER n TYPE numeric, ALTER m TYPE numeric(8, 3)",
         "ALTER TABLE a ALTER k TYPE double precision; ALTER TABLE a ALTER j TYPE timestamptz"),
        "INSERT INTO a VALUES (1, 1.5, 2.345, 0.1, '2026-01-02 03:04'), (2, 3, 4, 5, '2026-01-02 00:00'); INSERT INTO a VALUES (3)",
        "",
    ),
    "by an expression": (
        "CREATE TABLE a (id int PRIMARY KEY, n text)",
        ("ALTER TABLE a ALTER n TYPE int USING length(n)",),
        "INSERT INTO a VALUES (1, 7), (2, NULL)",
        "",
    ),
    "by an expression of the script": (
        "CREATE TABLE a (id int PRIMARY KEY, n int NOT NULL)",
        ("ALTER TABLE a ALTER n TYPE text, ALTER n DROP NOT NULL",),
        "INSERT INTO a VALUES (1, 'many'), (2, '2'), (3, NULL)",
        "ALTER TABLE a ALTER n TYPE int USING CASE WHEN n ~ '^[0-9]+$' THEN n::int ELSE -1 END, ALTER n SET NOT NULL",
    ),
    "another column of that name": (
        "CREATE TABLE a (id int PRIMARY KEY, n varchar(2))",
        ("ALTER TABLE a ADD k text; ALTER TABLE a DROP n; ALTER TABLE a RENAME k TO n", "CREATE TABLE b (id int)"),
        "INSERT INTO a VALUES (1, 'long'), (2, 'x')",
        "",
    ),
    "without a key": (
        "CREATE TABLE a (n int, m text)",
        ("ALTER TABLE a ALTER n TYPE numeric",),
        "INSERT INTO a VALUES (1.2, 'x'), (1, 'x'), (1.4, 'x'), (1.2, 'x'), (NULL, 'x'), (2.5, NULL)",
        "",
    ),
    "beside a key that has another name": (
        "CREATE TABLE a (id int PRIMARY KEY, n varchar(3)); CREATE TABLE c () INHERITS (a)",
        ("ALTER TABLE a RENAME id TO key", "ALTER TABLE a ALTER n TYPE text"),
        "INSERT INTO a VALUES (2, 'long one'), (1, 'another one'), (3, 'abc'); INSERT INTO c VALUES (4, 'long too'), (4, 'x')",
        "",
    ),
    "before the key gets another name": (
        "CREATE TABLE a (id int PRIMARY KEY, n varchar(3)); CREATE TABLE c () INHERITS (a)",
        ("ALTER TABLE a ALTER n TYPE text", "ALTER TABLE a RENAME id TO key"),
        "INSERT INTO a VALUES (2, 'long one'), (1, 'another one'), (3, 'abc'); INSERT INTO c VALUES (4, 'long too'), (4, 'x')",
        "",
    ),
    "of a table that has another name": (
        "CREATE TABLE a (id int PRIMARY KEY, n varchar(3), gone int); CREATE TABLE b (id int, n varchar(3))",
        ("ALTER TABLE a ALTER n TYPE text; ALTER TABLE b ALTER n TYPE text", "ALTER TABLE a RENAME TO c;"
         "ALTER TABLE c DROP COLUMN gone; ALTER TABLE c RENAME id TO key; ALTER TABLE c ADD COLUMN more int; ALTER TABLE b RENAME TO d"),
        "INSERT INTO c VALUES (2, 'long one', 7), (1, 'another one', 8), (3, 'abc', NULL); INSERT INTO d VALUES (1, 'x'), (1, 'long'), (1, 'x')",
        "ALTER TABLE c RENAME TO a; ALTER TABLE a ADD COLUMN gone int; ALTER TABLE a DROP COLUMN more; ALTER TABLE a RENAME key TO id;"
        "ALTER TABLE a ALTER n TYPE varchar(3) USING left(n, 3); ALTER TABLE d RENAME TO b; ALTER TABLE b ALTER n TYPE varchar(3) USING left(n, 3)",
    ),
    "and another name": (
        "CREATE TABLE a (id int PRIMARY KEY, n varchar(3))",
        ("ALTER TABLE a ALTER n TYPE text", "ALTER TABLE a RENAME n TO m; ALTER TABLE a RENAME id TO key"),
        "INSERT INTO a VALUES (2, 'long one'), (1, 'another one'), (3, 'abc')",
        "",
    ),
    "the key itself": (
        "CREATE TABLE a (id int PRIMARY KEY, n text)",
        ("ALTER TABLE a ALTER id TYPE numeric",),
        "INSERT INTO a VALUES (1.2, 'x'), (4, 'y')",
        "",
    ),
    "partitions and children": (
        "CREATE TABLE a (id int, n int) PARTITION BY RANGE (id); CREATE TABLE a1 PARTITION OF a FOR VALUES FROM (0) TO (9);"
        "CREATE TABLE a2 PARTITION OF a FOR VALUES FROM (9) TO (99); CREATE TABLE b (id int PRIMARY KEY, n int);"
        "CREATE TABLE c (more int) INHERITS (b)",
        ("ALTER TABLE a ALTER n TYPE numeric; ALTER TABLE b ALTER n TYPE numeric",),
        "INSERT INTO a VALUES (1, 1.5), (10, 2.5), (11, 3); INSERT INTO b VALUES (1, 1.5), (2, 2);"
        "INSERT INTO c VALUES (3, 3.5, 4), (4, 4, 5)",
        "",
    ),
    "types of one's own, and odd names": (
        "CREATE TYPE mood AS ENUM ('good', 'it''s \"so\"'); CREATE SCHEMA \"o'd\";"
        "CREATE TABLE \"o'd\".\"a %s\" (\"k\\1\" mood PRIMARY KEY, \"n %I\" mood)",
        ("ALTER TABLE \"o'd\".\"a %s\" ALTER \"n %I\" TYPE text",),
        "INSERT INTO \"o'd\".\"a %s\" VALUES ('good', 'not one of them'), ('it''s \"so\"', 'good')",
        "ALTER TABLE \"o'd\".\"a %s\" ALTER \"n %I\" TYPE mood USING CASE WHEN \"n %I\" = 'good' THEN 'good'::mood END",
    ),
    "an expression instead of values": (
        "CREATE TABLE a (id int PRIMARY KEY, n int GENERATED ALWAYS AS (id + 1) STORED)",
        ("ALTER TABLE a ALTER n DROP EXPRESSION",),
        "INSERT INTO a VALUES (1, 70), (2, NULL)",
        "",
    ),
    "twice": (
        "CREATE TABLE a (id int PRIMARY KEY, n int)",
        ("ALTER TABLE a ALTER n TYPE bigint", "ALTER TABLE a ALTER n TYPE numeric"),
        "INSERT INTO a VALUES (1, 1.5), (2, 2)",
        "",
    ),
}  # fmt: skip


def used(server: Server, folder: Path, database: Database, name: str) -> dict[str, typing.Any]:
    """Returns the settings of a database that was migrated and written to."""
    before, migrations, fill, script = STORIES[name]
    (folder / "baseline.sql").write_text(f"{before};\n")
    written(folder, server, *migrations)
    if script:
        (folder / "rollback_all.sql").write_text(
            f"-- purpose: back\n-- reverts: 001-{len(migrations):03}\n\n{script};\n"
        )
    else:
        drafted = draft(folder, 1, 99, " ".join(f"{key}='{value}'" for key, value in server.conninfo.items()))
        (folder / "rollback_all.sql").write_text(drafted.text)
    database.run(before)
    settings = database.settings(pg_sql_dir=str(folder))
    assert migrate(settings).ok
    database.run(fill)
    return settings


@pytest.mark.parametrize("are_drafted", [True, False], ids=["drafted", "written"])
def test_what_the_type_cannot_hold_comes_back(server: Server, tmp_path: Path, are_drafted: bool) -> None:
    cases = Together(
        {
            name: Round(migrations, fill, script, baseline=before)
            for name, (before, migrations, fill, script) in STORIES.items()
            if bool(script) is not are_drafted
        }
    )
    cases.write(tmp_path, server)
    if are_drafted:
        cases.draft(tmp_path, server)
    with server.database("empty") as database:
        cases.run(database, "baseline")
        settings = database.settings(pg_sql_dir=str(tmp_path))
        cases.ok(migrate(settings))
        cases.run(database, "fill")
        filled = take(database)
        cases.ok(rollback(settings))

        cases.ok(migrate(settings))

        assert cases.told(take(database).differences(filled)) == {}
        assert waiting(database) == []
        cases.ok(rollback(settings))
        cases.ok(migrate(settings))
        assert cases.told(take(database).differences(filled)) == {}


def test_what_was_written_since_stays(server: Server, tmp_path: Path) -> None:
    with server.database("empty") as database:
        settings = used(server, tmp_path, database, "text")
        back = rollback(settings)
        assert "kept: the values of column a.n that character varying(3) cannot hold" in back.text
        assert waiting(database) == [("a", "m", 2), ("a", "n", 1)]
        database.run("UPDATE a SET n = 'new' WHERE id = 1; DELETE FROM a WHERE id = 2")

        forward = migrate(settings)

        assert forward.ok, forward.text
        assert database.rows("SELECT id, n FROM a ORDER BY 1") == [(1, "new"), (3, None), (4, "ab")]
        assert "its row is gone, or was changed since" in forward.text
        # Neither is lost.
        assert waiting(database) == [("a", "m", 1), ("a", "n", 1)]


def test_no_more_than_it_cannot_hold_is_kept(server: Server, tmp_path: Path) -> None:
    with server.database("empty") as database:
        settings = used(server, tmp_path, database, "numbers")
        assert rollback(settings).ok

        assert waiting(database) == [("a", "j", 1), ("a", "k", 1), ("a", "m", 1), ("a", "n", 1)]


def test_a_value_waits_for_the_last_migration(server: Server, tmp_path: Path) -> None:
    with server.database("empty") as database:
        settings = used(server, tmp_path, database, "twice")
        assert rollback(settings).ok
        assert migrate({**settings, "pg_target": 1}).ok
        assert database.rows("SELECT id, n FROM a ORDER BY 1") == [(1, 2), (2, 2)]

        forward = migrate(settings)

        assert forward.ok, forward.text
        assert [(one, str(n)) for one, n in database.rows("SELECT id, n FROM a ORDER BY 1")] == [(1, "1.5"), (2, "2")]
