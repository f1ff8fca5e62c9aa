"""What a statement did, from the scratch database before and after it."""

from __future__ import annotations

from pyinfra_pgmigrate.catalog.lines import Catalog, Patch
from pyinfra_pgmigrate.migrations.effect import Lock, StatementEffect
from pyinfra_pgmigrate.migrations.scene import Relation, Scene, effect_of
from pyinfra_pgmigrate.sqltext.parser import split

ORDERS, CUSTOMERS, INDEX, VIEW = 16384, 16390, 16400, 16410
RELATIONS = {
    ORDERS: Relation("table orders", "r", 1),
    CUSTOMERS: Relation("table customers", "r", 2),
    INDEX: Relation("index orders_pkey", "i", 3),
    VIEW: Relation("materialized_view sums", "m", 4),
}
LINES = ("table orders", "table customers", "column orders.id integer", "owner table orders me", "function f() () x")
BEFORE = Scene(Catalog.of(LINES), RELATIONS, frozenset(), frozenset(), frozenset())


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
        before.dependencies | set(dependencies),
        before.locks | set(locks),
        frozenset(),
    )


def effect(text: str, scene: Scene, before: Scene = BEFORE) -> StatementEffect:
    return effect_of(split(text)[0], before, scene, before.locks)


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
