"""Back and forth: what references rows that move out moves with them, or stays with its reference emptied."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.rounds import Round, Together, ok, still_kept
from tests.property.snapshot import take
from tests.support.harness import migrate, rollback
from tests.support.servers import Server

# What references rows that move out, beside what happens to them: CREATE TABLE, rows for (1: stays, 2: moves), and how
# many are left while they are out.
REFERENCES = {
    **{
        f"on delete {action}": (
            f"CREATE TABLE item (id int PRIMARY KEY, team int DEFAULT 1 REFERENCES team ON DELETE {action});",
            "INSERT INTO item VALUES (1, 1), (2, 2), (3, NULL);",
            2,
        )
        for action in ("CASCADE", "SET NULL", "SET DEFAULT", "RESTRICT", "NO ACTION", "SET NULL (team)")
    },
    "deferred": (
        "CREATE TABLE item (id int PRIMARY KEY, team int REFERENCES team DEFERRABLE INITIALLY DEFERRED);",
        "INSERT INTO item VALUES (1, 1), (2, 2);",
        1,
    ),
    "through others": (
        "CREATE TABLE box (id int PRIMARY KEY, team int REFERENCES team ON DELETE SET NULL);"
        "CREATE TABLE item (id int PRIMARY KEY, box int REFERENCES box ON DELETE SET NULL);",
        "INSERT INTO box VALUES (1, 1), (2, 2); INSERT INTO item VALUES (1, 1), (2, 2), (3, 2), (4, NULL);",
        2,
    ),
    "themselves": (
        "CREATE TABLE item (id int PRIMARY KEY, team int REFERENCES team ON DELETE SET NULL,"
        " above int REFERENCES item ON DELETE SET NULL);",
        "INSERT INTO item VALUES (1, 1, 1), (2, 2, NULL), (3, 1, 2), (4, NULL, 3), (5, NULL, 1);",
        2,
    ),
    "in a circle": (
        "CREATE TABLE item (id int PRIMARY KEY, team int REFERENCES team ON DELETE SET NULL, box int);"
        "CREATE TABLE box (id int PRIMARY KEY, item int NOT NULL REFERENCES item);"
        "ALTER TABLE item ADD FOREIGN KEY (box) REFERENCES box;",
        "INSERT INTO item VALUES (1, 1), (2, 2), (3, 1); INSERT INTO box VALUES (1, 1), (2, 2), (3, 3);"
        "UPDATE item SET box = 2 WHERE id IN (2, 3); UPDATE item SET box = 1 WHERE id = 1;",
        1,
    ),
    "back to the first": (
        "CREATE TABLE item (id int PRIMARY KEY, team int REFERENCES team ON DELETE SET NULL);"
        "ALTER TABLE team ADD COLUMN best int REFERENCES item ON DELETE SET NULL;",
        "INSERT INTO item VALUES (1, 1), (2, 2), (3, 1); UPDATE team SET best = 2 WHERE id = 2;"
        "UPDATE team SET best = 1 WHERE id = 1;",
        2,
    ),
    "by two columns": (
        "CREATE TABLE item (id int PRIMARY KEY, town text, number int,"
        " FOREIGN KEY (town, number) REFERENCES team (town, number) ON DELETE SET NULL);",
        "INSERT INTO item VALUES (1, 'a', 1), (2, 'a', 2), (3, 'a', NULL);",
        2,
    ),
    "partitioned": (
        "CREATE TABLE item (id int, team int REFERENCES team ON DELETE SET NULL) PARTITION BY LIST (id);"
        "CREATE TABLE item_1 PARTITION OF item FOR VALUES IN (1, 2); CREATE TABLE item_2 PARTITION OF item DEFAULT;",
        "INSERT INTO item VALUES (1, 1), (2, 2), (3, 2), (4, 1);",
        2,
    ),
    "without a key": (
        "CREATE TABLE item (team int REFERENCES team ON DELETE SET NULL, n text);",
        "INSERT INTO item VALUES (1, 'a'), (2, 'b'), (2, 'b');",
        1,
    ),
}


def teams(tables: str, rows: str, *, keeps: str = "") -> Round:
    return Round(
        ("ALTER TABLE team ADD COLUMN season text NOT NULL DEFAULT 'all';", "ALTER TABLE team DROP CONSTRAINT one;"),
        "INSERT INTO team (id, town, number, name, season) VALUES"
        f" (1, 'a', 1, 'x', 'all'), (2, 'a', 2, 'x', 'summer'); {rows}",
        "ALTER TABLE team DROP COLUMN season;",
        baseline="CREATE TABLE team (id int PRIMARY KEY, town text, number int, name text, UNIQUE (town, number),"
        f" CONSTRAINT one UNIQUE (name)); {tables}",
        keeps=keeps,
    )


def test_what_references_moved_rows_moves_with_them(server: Server, tmp_path: Path) -> None:
    cases = Together({name: teams(tables, rows) for name, (tables, rows, _) in REFERENCES.items()})
    sql = cases.write(tmp_path, server)
    with server.database("empty") as database:
        cases.run(database, "baseline")
        settings = database.settings(pg_sql_dir=str(sql), pg_on_conflict="quarantine")
        cases.ok(migrate(settings))
        cases.run(database, "fill")
        before = take(database)

        cases.ok(rollback(settings))
        left = {
            name: (
                database.rows(f"SELECT id FROM {cases.prefix(name)}team"),
                database.value(f"SELECT count(*) FROM {cases.prefix(name)}item"),
            )
            for name in REFERENCES
        }
        assert left == {name: ([(1,)], count) for name, (_, _, count) in REFERENCES.items()}
        cases.ok(migrate(settings))

        assert cases.told(take(database).differences(before)) == {}
        assert still_kept(database) == []


class TestKeeps:
    """Rows whose references to moved rows are emptied, as the script says."""

    TABLES = REFERENCES["on delete SET NULL"][0] + (
        'CREATE TABLE "Other, item" (id int PRIMARY KEY, "te.am" int REFERENCES team ON DELETE SET NULL);'
    )
    ROWS = 'INSERT INTO item VALUES (1, 1), (2, 2), (3, NULL); INSERT INTO "Other, item" VALUES (1, 2);'

    def test_rows_stay_and_point_there_again_afterwards(self, server: Server, tmp_path: Path) -> None:
        one = teams(self.TABLES, self.ROWS, keeps='item.team, "Other, item"."te.am"')
        sql = one.write(tmp_path, server)
        with server.database("empty") as database:
            database.run(one.baseline)
            settings = database.settings(pg_sql_dir=str(sql), pg_on_conflict="quarantine")
            ok(migrate(settings))
            database.run(one.fill)
            before = take(database)

            ok(rollback(settings))
            assert database.rows("SELECT * FROM item ORDER BY id") == [(1, 1), (2, None), (3, None)]
            assert database.rows('SELECT * FROM "Other, item"') == [(1, None)]
            ok(migrate(settings))

            assert take(database).differences(before) == []

    @pytest.mark.parametrize(
        ("keeps", "tables", "why"),
        [
            ("item.id", TABLES, "item.id, which is no reference"),
            ("item.tame", TABLES, "item.tame, which is no reference"),
            ("item.team", REFERENCES["on delete CASCADE"][0], "item.team, which is neither ON DELETE SET NULL nor"),
        ],
    )
    def test_what_cannot_stay_is_refused(
        self, server: Server, tmp_path: Path, keeps: str, tables: str, why: str
    ) -> None:
        one = teams(tables, REFERENCES["on delete CASCADE"][1], keeps=keeps)
        sql = one.write(tmp_path, server)
        with server.database("empty") as database:
            database.run(one.baseline)
            settings = database.settings(pg_sql_dir=str(sql), pg_on_conflict="quarantine")
            ok(migrate(settings))
            database.run(one.fill)
            before = take(database)

            result = rollback(settings)

            assert why in result.text
            assert take(database).differences(before) == []
