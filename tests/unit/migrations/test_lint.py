"""The rules for migrations: each on its own bad and good example, with what recording such statements gives."""

from __future__ import annotations

import pytest
from pyinfra_pgmigrate.catalog.lines import Patch
from pyinfra_pgmigrate.migrations.effect import Effect, Lock, StatementEffect
from pyinfra_pgmigrate.migrations.files import Migration
from pyinfra_pgmigrate.migrations.header import Header
from pyinfra_pgmigrate.migrations.lint import RULES, findings
from pyinfra_pgmigrate.sqltext.parser import checksum_of, split

from tests.support.migrations import MIGRATIONS

BAD = {rule.name: rule.bad for rule in RULES}
GOOD = {rule.name: rule.good for rule in RULES}
ORDERS = Lock("AccessExclusiveLock", "orders")
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
            "customers is locked while all its rows are checked",
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
            "INSERT INTO t VALUES (1)", "DELETE FROM t", "TRUNCATE t", "COPY t FROM '/tmp/t'",
            "MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN DELETE",
        ],
    )  # fmt: skip
    def test_whatever_changes_rows_is_mixed_with_structure(self, text: str) -> None:
        assert broken(migration(f"{text}; CREATE TABLE n (a integer)", did(), did("table n"))) == [("mixed", 1)]

    def test_what_comes_and_goes_within_a_migration_is_no_structure(self) -> None:
        text = "CREATE TABLE n (a integer); INSERT INTO n VALUES (1); DROP TABLE n"

        assert broken(migration(text, did("table n"), did(), did(minus=("table n",)), phase="contract")) == []


class TestFindings:
    FAST = did(INDEX, locks=(Lock("ShareLock", "orders"),))

    def test_a_rule_that_the_header_accepts_is_none(self) -> None:
        assert broken(migration(BAD["blocking-index"], self.FAST, accepted=("blocking-index",))) == []
        assert broken(migration(BAD["blocking-index"], self.FAST, accepted=("rewrite",))) == [("blocking-index", 1)]

    def test_a_rule_that_nobody_knows_cannot_be_accepted(self) -> None:
        (found,) = findings([migration(GOOD["blocking-index"], did(INDEX), accepted=("fast-index", "rewrite"))])

        assert str(found) == (
            '012_change.sql:1: safe: there is no rule "fast-index" to accept\n'
            "HINT: Write one of blocking-constraint, blocking-index, mixed, removal, rewrite."
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
