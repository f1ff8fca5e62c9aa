"""Back and forth under names in which something could be read twice: each stays its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.rounds import Round, Together, still_kept
from tests.property.snapshot import take
from tests.support.harness import migrate, rollback
from tests.support.servers import Server

# Names in which something could be read twice, each with one that it would become.
NAMES = {
    "backslash": ("a\\b", "a\\\\b"),
    "backslash n": ("a\\n", "a\n"),
    "newline": ("a\nb", "a\\nb"),
    "tab": ("a\tb", "a\\tb"),
    "quotes": ('a"b', 'a""b'),
    "apostrophe": ("a'b", "a''b"),
    "dot": ("a.b", "a"),
    "percent": ("a%b", "a%%b"),
    "format": ("a%Ib%s%1$s", "a"),
    "like": ("a_b%", "axby"),
    "space": (" a  b ", "a b"),
    "variable": (":a", ":'a'"),
    "dollar": ("$1", "$$1"),
    "brackets": ("a, (b)[c]{d}", "a"),
    "json": ('{"a": "\\u0041"}', '{"a": "A"}'),
    "umlauts": ("Größe名前", "Grö\u00dfe"),
    "separators": ("a\u2028b", "a\\u2028b"),
    "63 bytes": ("a" * 63, "a" * 62),
    "63 bytes of umlauts": ("ä" * 31, "ä" * 30),
    "upper case": ("Aa", "aa"),
    "word": ("select", "Select"),
}


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def named(mine: str, theirs: str) -> Round:
    """A table and a column of a name, beside a table of another name that somebody made by hand."""
    one, other = quoted(mine), quoted(theirs)
    sequence = f"side.{one}".replace("'", "''")
    return Round(
        (
            f"CREATE TABLE {one} ({one} int PRIMARY KEY, n text);",
            f"ALTER TABLE old ADD COLUMN {one} text DEFAULT 'd'; ALTER TABLE side.{other} DROP CONSTRAINT {one};"
            f"CREATE SEQUENCE side.{one};",
        ),
        f"CREATE TABLE {other} ({other} int PRIMARY KEY, n text);"
        f"INSERT INTO {one} VALUES (1, 'mine'), (2, 'mine'); INSERT INTO {other} VALUES (1, 'theirs');"
        f"INSERT INTO old VALUES (1, 'x'), (2, 'd'), (3, NULL); SELECT nextval('{sequence}');"
        f"INSERT INTO side.{other} ({other}) VALUES (1);",
        f"DROP TABLE {one}; ALTER TABLE old DROP COLUMN {one}; DROP SEQUENCE side.{one};",
        baseline="CREATE TABLE old (id int PRIMARY KEY); CREATE SCHEMA side;"
        f"CREATE TABLE side.{other} ({other} int, CONSTRAINT {one} UNIQUE ({other}));",
    )


# Two of the tables would have one name.
BESIDE = {"dot", "brackets"}


@pytest.mark.parametrize(
    "names",
    [NAMES.keys() - BESIDE, *(pytest.param({name}, marks=pytest.mark.soak) for name in sorted(BESIDE))],
    ids=["most", *sorted(BESIDE)],
)
def test_each_name_stays_its_own(server: Server, tmp_path: Path, names: set[str]) -> None:
    cases = Together({name: named(*NAMES[name]) for name in NAMES if name in names})

    sql = cases.write(tmp_path, server)
    with server.database("empty") as database:
        cases.run(database, "baseline")
        settings = database.settings(pg_sql_dir=str(sql))
        cases.ok(migrate(settings))
        cases.run(database, "fill")
        before = take(database)
        cases.ok(rollback(settings))
        cases.ok(migrate(settings))

        assert cases.told(take(database).differences(before)) == {}
        assert still_kept(database) == []
