"""Which steps share a transaction."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pyinfra_pgmigrate.catalog.lines import Patch
from pyinfra_pgmigrate.execution.groups import MOST_STATEMENTS, MOST_STEPS, groups_of, sets_nothing
from pyinfra_pgmigrate.execution.script import LockLimits, apply_script
from pyinfra_pgmigrate.execution.steps import Step, steps_of
from pyinfra_pgmigrate.migrations.effect import Effect, Lock, StatementEffect
from pyinfra_pgmigrate.migrations.files import Migration
from pyinfra_pgmigrate.migrations.header import Header
from pyinfra_pgmigrate.migrations.remade import Remade
from pyinfra_pgmigrate.planning.decision import Action, Decision
from pyinfra_pgmigrate.planning.state import Judgement, State
from pyinfra_pgmigrate.resources import read_sql
from pyinfra_pgmigrate.sqltext.parser import checksum_of, split

from tests.support.contents import RUN


def step(
    version: int,
    text: str,
    *plus: str,
    minus: str = "",
    locks: str = "",
    touches: str = "",
    action: Action = Action.APPLY,
) -> Step:
    """Returns the first step of a migration."""
    patch = Patch(frozenset(filter(None, [minus])), frozenset(plus))
    statements = tuple(split(text))
    effects = tuple(
        StatementEffect(
            one.number,
            one.words,
            one.checksum,
            patch if one.number == 1 else Patch(),
            tuple(Lock("ShareLock", lock) for lock in locks.split()),
            touches=tuple(filter(None, [touches])),
        )
        for one in statements
    )
    migration = Migration(
        version, f"{version:03}_m", Header("x", "schema"), statements, checksum_of(text), effect=Effect("", effects)
    )
    numbers = tuple(one.number for one in statements)
    decision = Decision(migration, action, Judgement(State.PENDING, {}), None, numbers, patch, absent=patch.plus)
    return steps_of(decision, ends_run=False)[0]


def table(version: int, name: str, *, locks: str = "", action: Action = Action.APPLY) -> Step:
    """Returns the step of a migration that makes a table."""
    lines = f"table {name}", f"column {name}.id integer"
    return step(version, f"CREATE TABLE {name} (id int)", *lines, locks=locks, action=action)


def with_mode(step: Step) -> Step:
    """Returns a step that says of its transaction how it is isolated."""
    migration = replace(step.migration, transaction_mode="ISOLATION LEVEL SERIALIZABLE")
    return replace(step, decision=replace(step.decision, migration=migration))


def versions(*steps: Step, alone: frozenset[int] = frozenset()) -> list[list[int]]:
    return [[one.migration.version for one in group] for group in groups_of(steps, alone)]


def test_what_is_new_is_made_together() -> None:
    index = step(3, "CREATE INDEX i ON a (id)", "index i CREATE", locks="a")

    assert versions(table(1, "a"), table(2, "b", locks="a"), index) == [[1, 2, 3]]


@pytest.mark.parametrize(
    "other",
    [
        table(2, "b", locks="old"),
        step(2, "CREATE INDEX CONCURRENTLY i ON a (id)", "index i CREATE", locks="a"),
        step(2, "ALTER TYPE mood ADD VALUE 'bad'", "type mood enum ('good', 'bad')", minus="type mood enum ('good')"),
        step(2, "ALTER TABLE a DROP id", minus="column a.id integer", locks="a"),
        with_mode(table(2, "b")),
        table(2, "b", action=Action.RESUME),
    ],
    ids=["older table", "outside a transaction", "new enum value", "lost column", "own isolation", "resumed"],
)
def test_what_has_a_transaction_of_its_own(other: Step) -> None:
    assert versions(table(1, "a"), other, table(3, "c"), table(4, "d")) == [[1], [2], [3, 4]]


def test_a_table_that_is_another_afterwards_was_not_made_here() -> None:
    attached = step(1, "ALTER TABLE old INHERIT a", "table old inherits (a)", minus="table old", locks="old")

    assert versions(attached, table(2, "b", locks="old"), table(3, "c")) == [[1], [2], [3]]


@pytest.mark.parametrize(
    "header",
    [
        Header("x", "schema", removes=("x",)),
        Header("x", "schema", converges=True),
        Header("x", "schema", repeatable=True),
    ],
)
def test_a_header_that_says_more_than_the_effect(header: Header) -> None:
    found = table(2, "b")
    other = replace(found, decision=replace(found.decision, migration=replace(found.migration, header=header)))

    assert versions(table(1, "a"), other, table(3, "c")) == [[1], [2], [3]]


def test_what_a_rollback_may_have_kept() -> None:
    found = table(2, "b")
    remade = replace(found, decision=replace(found.decision, remade=(Remade(1, "table", "b", is_emptied=False),)))

    assert versions(table(1, "a"), remade, table(3, "c")) == [[1], [2], [3]]


def test_of_one_object_only_one_migration_has_the_lines() -> None:
    commented = step(2, "COMMENT ON TABLE a IS 'x'", touches="table a")

    assert versions(table(1, "a"), commented, table(3, "c")) == [[1], [2, 3]]


def test_those_that_failed_together_run_one_by_one() -> None:
    steps = [table(number, f"t{number}") for number in range(1, 6)]

    assert versions(*steps, alone=frozenset({2, 3})) == [[1], [2], [3], [4, 5]]


def test_a_group_has_an_end() -> None:
    many = [table(number, f"t{number}") for number in range(1, MOST_STEPS + 3)]
    long = [step(number, "SELECT 1;" * (MOST_STATEMENTS // 2)) for number in range(1, 4)]

    assert [len(group) for group in groups_of(many)] == [MOST_STEPS, 2]
    assert [len(group) for group in groups_of(long)] == [2, 1]


def test_no_step_is_lost() -> None:
    assert versions() == []
    assert versions(table(1, "a", locks="old")) == [[1]]


def with_verify(step: Step) -> Step:
    """Returns a step whose migration has a verify query."""
    migration = replace(step.migration, verify="SELECT 1")
    return replace(step, decision=replace(step.decision, migration=migration))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (table(1, "a"), True),
        (step(1, "CREATE TABLE a (id int); COMMENT ON TABLE a IS 'x'; GRANT SELECT ON a TO PUBLIC", "table a"), True),
        # What it locks is told, and what it asks may do anything.
        (table(1, "b", locks="a"), False),
        (with_verify(table(1, "a")), False),
        (step(1, "CREATE TABLE a (id int); INSERT INTO a VALUES (1)", "table a"), False),
        (step(1, "SET LOCAL work_mem = '1MB'"), False),
        (step(1, "SELECT f()"), False),
        (step(1, "CREATE INDEX i ON a (f(id))", "index i CREATE"), False),
        (step(1, "CREATE TABLE a AS SELECT f() AS n", "table a"), False),
        (step(1, "CREATE MATERIALIZED VIEW a AS SELECT f() AS n", "materialized_view a"), False),
        (step(1, "DO $$ BEGIN END $$"), False),
        (step(1, "ALTER ROUTINE f SET work_mem = '1MB'"), False),
    ],
)
def test_after_what_the_session_is_as_before(found: Step, expected: bool) -> None:
    assert sets_nothing(found) is expected


def test_the_last_one_that_sets_nothing_ends_before_the_library_reads() -> None:
    settled, compared = (read_sql(f"execution/{name}").rstrip("\n") for name in ("group_settled", "step_compare"))
    creates, fills = table(1, "a"), step(2, "INSERT INTO a VALUES (1)")

    for group in ((creates, table(2, "b")), (creates, fills), (creates, fills, table(3, "b"))):
        script = apply_script([group], RUN, "public", LockLimits(0.5, 2500), batch_rows=10)
        places = [script.index(f"\\set place '{number}'\n") for number in range(len(group))]

        # Once after each run of such: what comes then has the time that it takes for itself.
        ends = [number for number, one in enumerate(group) if sets_nothing(one) and not _follows(group, number)]
        assert script.count(settled) == len(ends)
        assert places == sorted(places)
        assert script.rindex(settled) < script.index(compared)


def _follows(group: tuple[Step, ...], number: int) -> bool:
    """Tells whether another one that sets nothing follows."""
    return number + 1 < len(group) and sets_nothing(group[number + 1])
