"""The rules for migrations: each on its own bad and good example, with what recording such statements gives."""

from __future__ import annotations

import pytest
from pyinfra_pgmigrate.catalog.lines import Patch
from pyinfra_pgmigrate.lint.rules import RULES, findings
from pyinfra_pgmigrate.migrations.effect import Effect, Lock, StatementEffect
from pyinfra_pgmigrate.migrations.files import Migration
from pyinfra_pgmigrate.migrations.header import Header
from pyinfra_pgmigrate.sqltext.parser import checksum_of, split

from tests.support.migrations import MIGRATIONS

BAD = {rule.name: rule.bad for rule in RULES}
GOOD = {rule.name: rule.good for rule in RULES}
ORDERS = Lock("AccessExclusiveLock", "orders")
LOCKED = Lock("AccessExclusiveLock", "u")
CHECKED = "constraint orders.orders_customer_fkey FOREIGN KEY (customer_id) REFERENCES customers(id)"


def did(
    *plus: str, minus: tuple[str, ...] = (), locks: tuple[Lock, ...] = (), rewrites: tuple[str, ...] = ()
) -> StatementEffect:
    """Returns what one statement did; number, words and checksum are those of its text."""
    return StatementEffect(0, "", "", Patch(frozenset(minus), frozenset(plus)), locks, rewrites)


def migration(text: str, *effects: StatementEffect, phase: str = "schema", accepted: tuple[str, ...] = ()) -> Migration:
    statements = split(text)
    assert len(statements) == len(effects)
    return Migration(
        version=12,
        name="012_change",
        header=Header("try", phase, accepted=accepted),
        statements=tuple(statements),
        checksum=checksum_of(text),
        effect=Effect("base", effects),
    )


def broken(*migrations: Migration) -> list[tuple[str, int]]:
    return [(one.rule, one.line) for one in findings(migrations)]


def part(text: str, name: str) -> str:
    """Returns one of the files of an example."""
    return text.split(f"-- {name}", 1)[1].split("\n", 1)[1].split("-- 0", 1)[0]


INDEX = "index orders_customer CREATE INDEX orders_customer ON orders USING btree (customer_id)"
FAX = "column customers.fax text"


class TestRules:
    def test_an_index_that_keeps_writers_out(self) -> None:
        blocking = did(INDEX, locks=(Lock("ShareLock", "orders"),))

        assert broken(migration(BAD["blocking-index"], blocking)) == [("blocking-index", 1)]

    def test_an_index_that_lets_others_write(self) -> None:
        concurrently = did(INDEX, locks=(Lock("ShareUpdateExclusiveLock", "orders"),))

        assert broken(migration(GOOD["blocking-index"], concurrently)) == []

    def test_an_index_on_a_table_that_nobody_uses_yet(self) -> None:
        text = f"CREATE TABLE orders (customer_id integer); {BAD['blocking-index']}"
        new = did("table orders", "column orders.customer_id integer")

        # A lock on a table that was not there before is not recorded where it is made in one transaction with it.
        assert broken(migration(text, new, did(INDEX, locks=(Lock("ShareLock", "orders"),)))) == []

    def test_a_constraint_that_is_checked_under_lock(self) -> None:
        checked = did(CHECKED, locks=(Lock("ShareRowExclusiveLock", "customers"), ORDERS))

        (found,) = findings([migration(BAD["blocking-constraint"], checked)])

        assert (found.rule, found.message) == (
            "blocking-constraint",
            "orders is locked while all its rows are checked",
        )

    def test_a_constraint_that_is_checked_later(self) -> None:
        files = GOOD["blocking-constraint"]
        added = did(f"{CHECKED} NOT VALID", locks=(Lock("ShareRowExclusiveLock", "orders"),))
        validated = did(CHECKED, minus=(f"{CHECKED} NOT VALID",), locks=(Lock("ShareUpdateExclusiveLock", "orders"),))

        assert broken(migration(part(files, "012_add_order_customer.sql"), added)) == []
        assert broken(migration(part(files, "013_validate_order_customer.sql"), validated)) == []

    def test_a_rewrite_of_every_row(self) -> None:
        changed = did(
            "column orders.amount bigint",
            minus=("column orders.amount integer",),
            locks=(ORDERS,),
            rewrites=("orders",),
        )

        (found,) = findings([migration(BAD["rewrite"], changed)])

        assert (found.rule, found.message) == ("rewrite", "every row of orders is rewritten, under lock")

    def test_a_new_column_beside_the_old_one(self) -> None:
        files = GOOD["rewrite"]
        added = did("column orders.amount_cents bigint", locks=(ORDERS,))
        gone = did(minus=("column orders.amount integer",), locks=(ORDERS,))

        assert broken(migration(part(files, "012_add_amount_cents.sql"), added)) == []
        assert broken(migration(part(files, "014_drop_amount.sql"), gone, phase="contract")) == []

    def test_what_goes_before_the_application_let_go_of_it(self) -> None:
        gone = did(
            minus=(FAX, "grant column customers.fax app SELECT"), locks=(Lock("AccessExclusiveLock", "customers"),)
        )

        (found,) = findings([migration(BAD["removal"], gone)])

        assert (found.rule, found.message) == (
            "removal",
            "column customers.fax is dropped, with what it holds, in phase schema",
        )
        # Three lines of the example are its header.
        assert found.line == 3

    @pytest.mark.parametrize(
        "line", ["table t", "view v as SELECT 1", "materialized_view v as SELECT 1", "sequence s as bigint"]
    )
    def test_whatever_may_be_in_use_is_a_removal(self, line: str) -> None:
        assert broken(migration("DROP TABLE t", did(minus=(line,)))) == [("removal", 1)]

    def test_what_goes_in_phase_contract(self) -> None:
        assert broken(migration(GOOD["removal"], did(minus=(FAX,)), phase="contract")) == []

    @pytest.mark.parametrize("line", ["index i CREATE INDEX i ON t USING btree (a)", "constraint t.k UNIQUE (a)"])
    def test_what_nobody_can_name_is_no_removal(self, line: str) -> None:
        assert broken(migration("DROP INDEX CONCURRENTLY i", did(minus=(line,)))) == []

    def test_what_is_only_otherwise_is_no_removal(self) -> None:
        changed = did(f"{FAX} not null", minus=(FAX,))

        assert broken(migration("ALTER TABLE customers ALTER COLUMN fax SET NOT NULL", changed)) == []

    def test_structure_and_rows_in_one_migration(self) -> None:
        added = did("column customers.email_lower text", locks=(Lock("AccessExclusiveLock", "customers"),))

        assert broken(migration(BAD["mixed"], added, did())) == [("mixed", 4)]

    def test_structure_and_rows_in_two(self) -> None:
        files = GOOD["mixed"]
        added = did("column customers.email_lower text")

        assert broken(
            migration(part(files, "012_add_email_lower.sql"), added),
            migration(part(files, "013_fill_email_lower.sql"), did(), phase="data"),
        ) == []  # fmt: skip

    @pytest.mark.parametrize(
        "text",
        [
            "INSERT INTO t VALUES (1)", "DELETE FROM t WHERE a = 1", "COPY t FROM '/tmp/t'",
            "MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN DELETE",
        ],
    )  # fmt: skip
    def test_whatever_changes_rows_is_mixed_with_structure(self, text: str) -> None:
        outside = migration(f"{text}; CREATE INDEX CONCURRENTLY i ON t (a)", did(), did("index i CREATE INDEX"))
        locked = migration(f"ALTER TABLE u ADD b text; {text}", did("column u.b text", locks=(LOCKED,)), did())
        inside = migration(f"{text}; CREATE TABLE n (a integer)", did(), did("table n"))

        assert broken(outside) == [("mixed", 1)]
        assert broken(locked) == [("mixed", 1)]
        # In one transaction with its registry row, and nobody waits: there is nothing to resume.
        assert broken(inside) == []

    def test_what_comes_and_goes_within_a_migration_is_no_structure(self) -> None:
        text = "CREATE TABLE n (a integer); INSERT INTO n VALUES (1); DROP TABLE n"

        assert broken(migration(text, did("table n"), did(), did(minus=("table n",)), phase="contract")) == []


EXCLUSIVE = (Lock("AccessExclusiveLock", "orders"),)
SHARE = (Lock("ShareLock", "orders"),)
REFERENCE = (Lock("ShareRowExclusiveLock", "customers"), Lock("ShareRowExclusiveLock", "orders"))
MADE = ("CREATE TABLE orders (id integer); ", did("table orders", "column orders.id integer"))
UNIQUE = "constraint orders.orders_key UNIQUE (number)"


@pytest.mark.parametrize(
    ("text", "effect", "expected"),
    [
        ("ALTER TABLE orders ADD currency text NOT NULL", did(locks=EXCLUSIVE), "required-column"),
        ("ALTER TABLE orders ADD currency text NOT NULL DEFAULT 'EUR'", did(locks=EXCLUSIVE), None),
        ("ALTER TABLE orders ADD number bigserial NOT NULL", did(locks=EXCLUSIVE), None),
        ("ALTER TABLE orders ADD number bigint NOT NULL GENERATED ALWAYS AS IDENTITY", did(locks=EXCLUSIVE), None),
        ("ALTER TABLE orders ADD currency text", did(locks=EXCLUSIVE), None),
        ("REINDEX TABLE orders", did(locks=SHARE), "blocking-reindex"),
        ("REINDEX INDEX CONCURRENTLY i", did(), None),
        ("REINDEX SCHEMA shop", did(), "blocking-reindex"),
        ("REFRESH MATERIALIZED VIEW totals", did(), "blocking-reindex"),
        ("REFRESH MATERIALIZED VIEW CONCURRENTLY totals", did(), None),
        ("LOCK TABLE orders IN SHARE ROW EXCLUSIVE MODE", did(), "lock-table"),
        ("LOCK TABLE orders IN ACCESS SHARE MODE", did(), None),
        ("UPDATE orders SET total = 0", did(), "whole-table"),
        ("UPDATE orders SET total = 0 WHERE total IS NULL", did(), None),
        ("UPDATE orders AS o SET total = n.total FROM news AS n", did(), None),
        ("DELETE FROM shop.orders", did(), "whole-table"),
        ("DELETE FROM orders USING gone WHERE gone.id = orders.id", did(), None),
        ("TRUNCATE orders", did(), "whole-table"),
        ("ALTER TABLE orders SET UNLOGGED", did(), "unlogged"),
        ("ALTER TABLE orders SET LOGGED", did(), None),
        ("VACUUM FULL orders", did(), "rewrite"),
        ("VACUUM orders", did(), None),
        ("CLUSTER orders USING i", did(), "rewrite"),
        ("ALTER TABLE orders ALTER a SET NOT NULL", did(locks=EXCLUSIVE), "set-not-null"),
        ("ALTER TABLE orders ALTER a DROP NOT NULL", did(locks=EXCLUSIVE), None),
        ("ALTER TABLE orders RENAME TO sales", did("table sales", minus=("table orders",)), "rename"),
        ("ALTER TABLE orders RENAME a TO b", did("column orders.b text", minus=("column orders.a text",)), "rename"),
        ("ALTER TABLE orders SET SCHEMA old", did("table old.orders", minus=("table orders",)), "rename"),
        ("ALTER INDEX i RENAME TO j", did("index j CREATE INDEX", minus=("index i CREATE INDEX",)), None),
        # A partitioned table's own part of an index is made at once.
        ("CREATE INDEX i ON ONLY orders (a)", did("index i CREATE INDEX", locks=SHARE), None),
        ("ALTER TABLE orders ADD UNIQUE USING INDEX i", did(UNIQUE, locks=EXCLUSIVE), None),
        ("ALTER TABLE orders ADD UNIQUE (number)", did(UNIQUE, locks=EXCLUSIVE), "blocking-constraint"),
        # There is nothing in it that could be wrong.
        ("ALTER TABLE orders ADD customer_id integer REFERENCES customers", did(CHECKED, locks=REFERENCE), None),
        ("ALTER TABLE orders ADD customer_id integer DEFAULT 1 REFERENCES customers", did(CHECKED, locks=REFERENCE), "blocking-constraint"),
        ("ALTER TABLE orders ADD CONSTRAINT c CHECK (a > 0)", did("constraint orders.c CHECK ((a > 0))", locks=EXCLUSIVE), "blocking-constraint"),
    ],
)  # fmt: skip
def test_a_statement_on_what_was_there_before_and_on_what_was_not(
    text: str, effect: StatementEffect, expected: str | None
) -> None:
    assert [rule for rule, _ in broken(migration(text, effect))] == ([] if expected is None else [expected])
    # Nobody uses yet what the migration itself made.
    if "orders" in text and "shop.orders" not in text and not text.startswith(("REINDEX", "VACUUM", "CLUSTER")):
        assert broken(migration(MADE[0] + text, MADE[1], effect)) == []


def test_a_check_that_was_made_before_spares_the_reading() -> None:
    check = "constraint orders.given CHECK ((customer_id IS NOT NULL))"
    before = migration("ALTER TABLE orders ADD CHECK (customer_id IS NOT NULL) NOT VALID", did(f"{check} NOT VALID"))
    validated = migration("ALTER TABLE orders VALIDATE CONSTRAINT given", did(check, minus=(f"{check} NOT VALID",)))
    not_null = migration(BAD["set-not-null"], did(locks=EXCLUSIVE))

    assert broken(before, validated, not_null) == []
    assert broken(before, not_null) == [("set-not-null", 1)]


def test_what_a_migration_itself_made_may_get_another_name_and_be_dropped() -> None:
    text = (
        "CREATE TABLE a (x integer); ALTER TABLE a RENAME TO b; DROP TABLE b; ALTER TABLE old RENAME TO c; DROP TABLE c"
    )
    effects = (did("table a"), did("table b", minus=("table a",)), did(minus=("table b",)))
    older = (did("table c", minus=("table old",)), did(minus=("table c",)))

    # What was there before is as old under its new name.
    assert broken(migration(text, *effects, *older)) == [("rename", 1), ("removal", 1)]


def test_a_table_is_named_before_its_columns_and_the_same_once() -> None:
    dropped = did(minus=("column orders.id integer", "table orders"))
    text = "DROP TABLE orders; UPDATE a SET b = 1; UPDATE a SET b = 2"

    found = list(findings([migration(text, dropped, did(), did())]))

    assert [(one.rule, one.message) for one in found] == [
        ("removal", "table orders is dropped, with what it holds, in phase schema"),
        ("whole-table", "every row of a is changed in one transaction"),
    ]


class TestFindings:
    FAST = did(INDEX, locks=(Lock("ShareLock", "orders"),))

    def test_a_rule_that_the_header_accepts_is_none(self) -> None:
        assert broken(migration(BAD["blocking-index"], self.FAST, accepted=("blocking-index",))) == []
        assert broken(migration(BAD["blocking-index"], self.FAST, accepted=("rewrite",))) == [("blocking-index", 1)]

    def test_a_rule_that_nobody_knows_cannot_be_accepted(self) -> None:
        (found,) = findings([migration(GOOD["blocking-index"], did(INDEX), accepted=("fast-index", "rewrite"))])

        assert str(found) == (
            '012_change.sql:1: safe: there is no rule "fast-index" to accept\n'
            "HINT: Write one of blocking-constraint, blocking-index, blocking-reindex, lock-table, mixed, removal, rename, "
            "required-column, rewrite, set-not-null, unlogged, whole-table."
        )

    def test_a_finding_is_told_with_file_line_and_remedy(self) -> None:
        (found,) = findings([migration(f"\n\n{BAD['blocking-index']}", self.FAST)])

        assert str(found) == (
            "012_change.sql:3: blocking-index: no session can write to orders while the index is built\n"
            "HINT: Write CREATE INDEX CONCURRENTLY. Or accept it: -- safe: blocking-index because ..."
        )

    def test_a_migration_without_an_effect_is_passed_over(self) -> None:
        found = Migration(1, "001_a", Header("a", "schema", accepted=("nonsense",)), tuple(split(BAD["rewrite"])), "x")

        assert list(findings([found])) == []

    def test_the_shipped_migrations_keep_the_rules_or_say_why_not(self) -> None:
        assert list(findings(MIGRATIONS)) == []

    def test_each_rule_has_an_example_that_the_grammar_takes(self) -> None:
        for rule in RULES:
            assert split(rule.bad)
            assert split(rule.good)
