"""What a statement did, from the scratch database before and after it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import pytest
from pyinfra_pgmigrate.catalog.delta import Reading
from pyinfra_pgmigrate.catalog.lines import Catalog, Patch, is_own, key_of
from pyinfra_pgmigrate.catalog.queries import Execute, Query
from pyinfra_pgmigrate.migrations.effect import Lock, StatementEffect
from pyinfra_pgmigrate.migrations.scene import DEPENDENCIES as ALL
from pyinfra_pgmigrate.migrations.scene import RELATIONS as RELATIONS_ALL
from pyinfra_pgmigrate.migrations.scene import (
    SOME_DEPENDENCIES,
    SOME_RELATIONS,
    Dependency,
    Relation,
    Seen,
    Surroundings,
    dated,
    effect_of,
)
from pyinfra_pgmigrate.sqltext.parser import split

ORDERS, CUSTOMERS, INDEX, VIEW = 16384, 16390, 16400, 16410
REFERENCED = 16500
RELATIONS = {
    ORDERS: Relation("table orders", "r", 1),
    CUSTOMERS: Relation("table customers", "r", 2),
    INDEX: Relation("index orders_pkey", "i", 3),
    VIEW: Relation("materialized_view sums", "m", 4),
}
ALL_READ = Reading(Patch(), is_whole=True)
LINES = ("table orders", "table customers", "column orders.id integer", "owner table orders me", "function f() () x")


@dataclass(frozen=True)
class Scene:
    """The scratch database between two statements."""

    catalog: Catalog
    relations: Mapping[int, Relation]
    dependencies: Mapping[int, frozenset[Dependency]]
    locks: frozenset[tuple[int, str]] = frozenset()


BEFORE = Scene(Catalog.of(LINES), RELATIONS, {})


def after(
    *plus: str,
    minus: tuple[str, ...] = (),
    relations: dict[int, Relation] | None = None,
    locks: tuple[tuple[int, str], ...] = (),
    dependencies: tuple[tuple[int, int, int, str], ...] = (),
    before: Scene = BEFORE,
) -> Scene:
    return Scene(
        Catalog((before.catalog.lines - set(minus)) | set(plus)),
        RELATIONS if relations is None else relations,
        {**before.dependencies, REFERENCED: before.dependencies.get(REFERENCED, frozenset()) | set(dependencies)},
        before.locks | set(locks),
    )


def effect(text: str, scene: Scene, before: Scene = BEFORE) -> StatementEffect:
    """Returns what a statement did that led from one scene to the other."""
    now = Surroundings(answering({}))
    now.relations, now.dependencies = dict(scene.relations), dict(scene.dependencies)
    oids = {
        oid for oid in {*before.relations, *scene.relations} if before.relations.get(oid) != scene.relations.get(oid)
    }
    seen = Seen(
        before.catalog.difference(scene.catalog),
        {oid: before.relations.get(oid) for oid in oids},
        {oid: before.dependencies.get(oid, frozenset()) for oid in {*before.dependencies, *scene.dependencies}},
        scene.locks,
        frozenset(),
    )
    keys = Counter(key_of(line) for line in scene.catalog.lines if not is_own(line))
    return effect_of(split(text)[0], seen, now, keys, before.locks)


def test_lines_that_came_and_went_are_its_patch_and_those_of_one_database_are_not() -> None:
    found = effect(
        "ALTER TABLE orders ADD COLUMN note text",
        after("column orders.note text", "grant table orders app SELECT", minus=("column orders.id integer",)),
    )

    assert found.patch == Patch(frozenset({"column orders.id integer"}), frozenset({"column orders.note text"}))
    assert (found.number, found.words) == (1, "ALTER TABLE orders ADD COLUMN note text")
    assert found.checksum == split("ALTER TABLE orders  ADD COLUMN note text")[0].checksum


def test_objects_whose_owner_or_rights_alone_changed_are_touched() -> None:
    found = effect(
        "GRANT SELECT ON orders TO app",
        after("grant table orders app SELECT", "owner table orders you", minus=("owner table orders me",)),
    )

    assert not found.patch
    assert found.touches == ("table orders",)


def test_what_a_statement_made_is_not_touched_by_it() -> None:
    assert effect("CREATE TABLE n ()", after("table n", "owner table n me")).touches == ()


class TestLocks:
    def test_the_strongest_on_each_table_that_was_there(self) -> None:
        scene = after(
            locks=(
                (ORDERS, "AccessShareLock"),
                (ORDERS, "AccessExclusiveLock"),
                (ORDERS, "RowExclusiveLock"),
                (CUSTOMERS, "ShareRowExclusiveLock"),
                (INDEX, "AccessExclusiveLock"),
                (99999, "AccessExclusiveLock"),
                (VIEW, "ShareLock"),
            )
        )

        found = effect("ALTER TABLE orders ADD COLUMN a integer", scene)

        assert found.locks == (
            Lock("ShareRowExclusiveLock", "customers"),
            Lock("AccessExclusiveLock", "orders"),
            Lock("ShareLock", "sums"),
        )

    def test_those_that_the_transaction_had_before_are_anothers(self) -> None:
        before = after(locks=((ORDERS, "AccessExclusiveLock"),))

        found = effect("CREATE TABLE n ()", after("table n", before=before), before)

        assert found.locks == ()

    def test_but_of_what_a_statement_dealt_with_they_may_be_its_own(self) -> None:
        before = after(locks=((ORDERS, "AccessExclusiveLock"), (CUSTOMERS, "AccessExclusiveLock")))

        found = effect(
            "ALTER TABLE orders ADD COLUMN note text", after("column orders.note text", before=before), before
        )

        assert found.locks == (Lock("AccessExclusiveLock", "orders"),)


def test_tables_and_materialized_views_with_other_files_were_rewritten() -> None:
    relations = {
        ORDERS: Relation("table orders", "r", 77),
        # Rebuilding an index writes no row of its table.
        INDEX: Relation("index orders_pkey", "i", 78),
        VIEW: Relation("materialized_view sums", "m", 79),
    }

    found = effect("ALTER TABLE orders ALTER COLUMN id TYPE bigint", after(relations=relations))

    # customers is gone, and not rewritten.
    assert found.rewrites == ("orders", "sums")


def test_it_needs_what_it_depends_on_and_locks_of_what_was_there() -> None:
    scene = after(
        "column orders.rate numeric",
        locks=((CUSTOMERS, "ShareRowExclusiveLock"),),
        dependencies=((1, 2, 3, "function f()"), (1, 2, 4, "column orders.rate"), (1, 2, 5, "function gone()")),
    )

    found = effect("ALTER TABLE orders ADD COLUMN rate numeric DEFAULT f()", scene)

    assert found.needs == ("function f()", "table customers")


@pytest.mark.parametrize(
    ("text", "line", "found"),
    [
        ("CREATE VIEW v AS SELECT 'NOW'::timestamp", "view v SELECT '2024-02-29 10:00:00'::timestamp", "2024-02-29"),
        ("DO $$ BEGIN PERFORM now(); END $$", "table p_2024_03_01", "2024_03_01"),
        ("DO $$ BEGIN PERFORM current_date; END $$", "table p20240228", "20240228"),
        ("DO $$ BEGIN PERFORM clock_timestamp(); END $$", "table py2024m02", "y2024m02"),
        # Of another day, part of a number, said, or without a clock.
        ("DO $$ BEGIN PERFORM now(); END $$", "table p_2024_01_01", None),
        ("DO $$ BEGIN PERFORM now(); END $$", "table p120240229", None),
        ("DO $$ BEGIN /* 2024_02 */ PERFORM now(); END $$", "table p_2024_02", None),
        ("DO $$ BEGIN PERFORM known(); END $$", "table p_2024_02", None),
    ],
)
def test_what_has_the_day_that_a_statement_asks_for(text: str, line: str, found: str | None) -> None:
    made = effect(text, after(line))

    assert dated(split(text)[0], made, date(2024, 2, 29)) == (None if found is None else (key_of(line), found))


class TestSurroundings:
    """Relations, and what depends on what, read in parts."""

    def test_all_is_read_where_anything_may_have_changed(self) -> None:
        found = Surroundings(
            answering({RELATIONS_ALL.name: [(1, "table a", "r", 7)], ALL.name: [(1, 2, 3, 0, "table a")]})
        )

        assert found.update(ALL_READ) == ({1: None}, {1: frozenset()})

        assert found.relations == {1: Relation("table a", "r", 7)}
        assert found.dependencies == {1: frozenset({(2, 3, 0, "table a")})}

    def test_of_what_was_written_all_is_new_and_the_rest_stays(self) -> None:
        asked: list[tuple[str, tuple[object, ...]]] = []
        found = known(asked)
        asked.clear()

        before = found.update(Reading(Patch(), objects=frozenset({2, 1}), referenced=frozenset({3})))

        # Table 2 was dropped, table 1 renamed; something new depends on table 3, which was not written itself.
        assert asked == [(SOME_RELATIONS.name, ([1, 2],)), (SOME_DEPENDENCIES.name, ([1, 2, 3],))]
        assert before == (
            {1: Relation("table a", "r", 7), 2: Relation("table b", "r", 8)},
            {oid: frozenset({(9, 9 + oid, 0, f"table {name}")}) for oid, name in ((1, "a"), (2, "b"), (3, "c"))},
        )
        assert found.relations == {1: Relation("table new", "r", 7), 3: Relation("table c", "r", 9)}
        assert found.dependencies == {
            1: frozenset({(9, 10, 0, "table new")}),
            3: frozenset({(9, 12, 0, "table c"), (9, 13, 0, "table c")}),
        }

    def test_where_dependencies_may_be_gone_all_of_them_are_read(self) -> None:
        asked: list[tuple[str, tuple[object, ...]]] = []
        found = known(asked)
        asked.clear()

        found.update(Reading(Patch(), objects=frozenset({1}), has_less=True))

        assert asked == [(SOME_RELATIONS.name, ([1],)), (ALL.name, ())]

    def test_where_nothing_was_written_nothing_is_read(self) -> None:
        asked: list[tuple[str, tuple[object, ...]]] = []
        found = known(asked)
        asked.clear()

        assert found.update(Reading(Patch())) == ({}, {})

        assert asked == []

    def test_where_nothing_was_read_yet_all_is(self) -> None:
        found = Surroundings(answering({RELATIONS_ALL.name: [(1, "table a", "r", 7)], ALL.name: []}))

        found.update(Reading(Patch()))

        assert found.relations == {1: Relation("table a", "r", 7)}


def known(asked: list[tuple[str, tuple[object, ...]]]) -> Surroundings:
    """Returns what is known of three tables on which something depends."""
    tables = [(1, "table a", "r", 7), (2, "table b", "r", 8), (3, "table c", "r", 9)]
    rows = [(1, 9, 10, 0, "table a"), (2, 9, 11, 0, "table b"), (3, 9, 12, 0, "table c")]
    answers: dict[str, Sequence[Sequence[object]]] = {
        RELATIONS_ALL.name: tables,
        ALL.name: rows,
        SOME_RELATIONS.name: [(1, "table new", "r", 7)],
        SOME_DEPENDENCIES.name: [(1, 9, 10, 0, "table new"), (3, 9, 12, 0, "table c"), (3, 9, 13, 0, "table c")],
    }
    found = Surroundings(answering(answers, asked))
    found.update(ALL_READ)
    return found


def answering(
    answers: Mapping[str, Sequence[Sequence[object]]], asked: list[tuple[str, tuple[object, ...]]] | None = None
) -> Execute:
    """Returns what answers queries by their name, and notes which were asked with which values."""

    def execute(query: Query, values: Sequence[object]) -> Sequence[Sequence[object]]:
        if asked is not None:
            asked.append((query.name, tuple(values)))
        return answers[query.name]

    return execute
