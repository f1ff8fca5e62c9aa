"""What a migration drops although something makes it again."""

from __future__ import annotations

import pytest
from pyinfra_pgmigrate.catalog.lines import Patch
from pyinfra_pgmigrate.migrations.effect import Effect, Lock, StatementEffect
from pyinfra_pgmigrate.migrations.files import Migration
from pyinfra_pgmigrate.migrations.header import Header
from pyinfra_pgmigrate.migrations.remade import (
    Remade,
    Renamed,
    drops_anything,
    makings,
    remade_by,
    renamings,
    renamings_of,
)
from pyinfra_pgmigrate.sqltext.parser import checksum_of, split

A = frozenset({"table a", "column a.id integer", "sequence s as bigint"})


def migration(version: int, *statements: tuple[str, Patch, str]) -> Migration:
    """Returns a migration of statements, each with its patch and the table that it locks exclusively, if any."""
    text = ";\n".join(one for one, _, _ in statements)
    effects = tuple(
        StatementEffect(number, words, checksum_of(words), patch, (Lock("AccessExclusiveLock", lock),) if lock else ())
        for number, (words, patch, lock) in enumerate(statements, start=1)
    )
    found = tuple(split(text))
    return Migration(
        version, f"{version:03}_m", Header("x", "schema"), found, checksum_of(text), effect=Effect("", effects)
    )


def remade(*migrations: Migration) -> list[Remade]:
    """Returns what the first one drops and something makes again."""
    first = migrations[0]
    numbers = [statement.number for statement in first.statements]
    found = list(remade_by(first, numbers, makings(migrations)))
    assert bool(found) <= drops_anything(first, numbers)
    return found


DROP = ("DROP TABLE a", Patch(minus=A), "a")
MAKE = ("CREATE TABLE a (id int)", Patch(plus=A), "")
COLUMN = Patch(minus=frozenset({"column a.n text"})), Patch(plus=frozenset({"column a.n integer"}))


def test_a_table_made_again_by_the_same_migration_or_a_later_one() -> None:
    expected = [Remade(1, "sequence", "s"), Remade(1, "table", "a")]

    assert remade(migration(1, DROP, MAKE)) == expected
    assert remade(migration(1, DROP), migration(2, MAKE)) == expected
    assert remade(migration(2, MAKE, DROP), migration(1, MAKE)) == []


def test_a_table_that_stays_away_is_dropped_for_good() -> None:
    assert remade(migration(1, DROP)) == []
    assert drops_anything(migration(1, DROP), [1])
    assert not drops_anything(migration(1, DROP), [])
    assert not drops_anything(migration(1, MAKE), [1])


def test_only_statements_that_run() -> None:
    found = migration(1, DROP, MAKE)

    assert list(remade_by(found, [2], makings([found]))) == []


def test_a_change_in_place_drops_nothing() -> None:
    changed = ("ALTER TABLE a ALTER n TYPE int", Patch(COLUMN[0].minus, COLUMN[1].plus), "a")

    assert remade(migration(1, changed)) == []


@pytest.mark.parametrize(
    ("before", "is_kept"),
    [
        ("UPDATE a SET k = upper(n)", False),
        ("UPDATE a SET k = 1", True),
        ("UPDATE b SET n = 1", True),
        ("UPDATE banana SET names = 1", True),
        ("INSERT INTO k SELECT n FROM A", False),
        ("ALTER TABLE a ADD COLUMN k text", True),
    ],
)
def test_what_an_earlier_statement_may_have_carried_is_left_to_it(before: str, is_kept: bool) -> None:
    drop, add = ("ALTER TABLE a DROP n", COLUMN[0], "a"), ("ALTER TABLE a RENAME k TO n", COLUMN[1], "a")

    found = remade(migration(1, (before, Patch(), ""), drop, add))

    assert found == ([Remade(2, "column", "a.n")] if is_kept else [])


def test_truncate_empties_tables_that_stay() -> None:
    truncate = ("TRUNCATE a", Patch(), "a")

    assert remade(migration(1, truncate)) == [Remade(1, "table", "a", is_emptied=True)]
    carried = ("CREATE TEMP TABLE old AS SELECT * FROM a", Patch(), "")
    assert remade(migration(1, carried, truncate)) == []


def test_names_are_as_sql_writes_them() -> None:
    line = 'table "tab\\there"'
    drop = ('DROP TABLE "tab\there"', Patch(minus=frozenset({line})), "")
    make = ('CREATE TABLE "tab\there" ()', Patch(plus=frozenset({line})), "")

    assert remade(migration(1, drop, make)) == [Remade(1, "table", '"tab\there"')]


def test_sequences_that_restart() -> None:
    found = remade(
        migration(1, ("ALTER SEQUENCE s RESTART", Patch(), ""), ("ALTER TABLE x.t ALTER c RESTART", Patch(), ""))
    )

    assert found == [
        Remade(1, "sequence", '"s"', is_emptied=True),
        Remade(2, "identity", '"x"."t"."c"', is_emptied=True),
    ]


def test_rights_and_views_carry_nothing() -> None:
    grant = ("GRANT SELECT (id) ON a TO PUBLIC", Patch(), "a")
    view = ("CREATE VIEW v AS SELECT id FROM a", Patch(), "")

    assert remade(migration(1, grant, view, DROP, MAKE)) == [Remade(3, "sequence", "s"), Remade(3, "table", "a")]


RENAME = (
    "ALTER TABLE a RENAME n TO m",
    Patch(frozenset({"column a.n text"}), frozenset({"column a.m text"})),
    "a",
)
MOVE = (
    "ALTER TABLE a RENAME TO b",
    Patch(
        frozenset({"table a", "column a.m text", "column a.o text"}),
        frozenset({"table b", "column b.m text", "column b.o text"}),
    ),
    "a",
)


def test_what_has_another_name_is_as_old_as_before() -> None:
    found = renamings([migration(1, RENAME), migration(2, MOVE)])

    assert set(found) == {
        Renamed(1, "column a.m", "column a.n"),
        Renamed(2, "table b", "table a"),
        Renamed(2, "column b.m", "column a.m"),
        Renamed(2, "column b.o", "column a.o"),
    }
    assert renamings([migration(1, DROP, MAKE)]) == ()


def test_the_names_that_statements_change_and_no_others() -> None:
    found = migration(1, RENAME, MOVE, DROP)

    assert renamings_of(found, [1]) == [("a", "n", "a", "m")]
    assert renamings_of(found, [2, 3]) == [("a", None, "b", None)]
    assert renamings_of(found, [3]) == []


def test_what_the_migration_itself_renamed_is_found_under_its_name_before() -> None:
    drop = ("ALTER TABLE b DROP COLUMN m", Patch(minus=frozenset({"column b.m text"})), "b")
    make = ("ALTER TABLE b ADD COLUMN m text", Patch(plus=frozenset({"column b.m text"})), "b")

    assert remade(migration(1, RENAME, MOVE, drop, make)) == [Remade(3, "column", "b.m", before="a.n")]
    assert remade(migration(1, drop, make)) == [Remade(1, "column", "b.m")]
