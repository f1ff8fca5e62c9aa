"""Where a database stands and what each migration is there, on effects written by hand: no server."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import pytest
from pyinfra_pgmigrate.catalog.lines import Catalog, Patch
from pyinfra_pgmigrate.errors import Kind
from pyinfra_pgmigrate.migrations.effect import Effect, StatementEffect
from pyinfra_pgmigrate.migrations.files import Migration
from pyinfra_pgmigrate.migrations.header import Header
from pyinfra_pgmigrate.planning.decision import Action
from pyinfra_pgmigrate.planning.plan import Plan, make_plan
from pyinfra_pgmigrate.planning.state import StatementState, in_order, judge
from pyinfra_pgmigrate.planning.timeline import Timeline, standing
from pyinfra_pgmigrate.registry.model import AppliedMigration, Interrupted, Observed, Registry, Server, Verified
from pyinfra_pgmigrate.settings import read_settings
from pyinfra_pgmigrate.sqltext.parser import Statement

SERVER = Server(
    version="18.1",
    version_num=180001,
    database="shop",
    role="postgres",
    in_recovery=False,
    schema_exists=True,
    size_bytes=1,
    index_bytes=1,
    data_directory=None,
    may_create_databases=True,
    roles=frozenset({"postgres"}),
    is_superuser=True,
    may_create_in_database=True,
    may_create_in_schema=True,
)


def migration(
    version: int, *statements: str, nodes: Sequence[str] = (), verify: str | None = None, **header: object
) -> Migration:
    """Returns a migration; a statement is written as what it does: "+a -b", or "" for nothing that can be seen."""
    effects, texts = [], []
    for number, text in enumerate(statements, start=1):
        lines = text.split()
        patch = Patch(
            frozenset(f"table {one[1:]}" for one in lines if one[0] == "-"),
            frozenset(f"table {one[1:]}" for one in lines if one[0] == "+"),
        )
        node = nodes[number - 1] if nodes else "create_stmt" if text else "update_stmt"
        checksum = f"{version}.{number}"
        effects.append(StatementEffect(number, text, checksum, patch))
        texts.append(Statement(number, text, number, checksum, text, node, in_transaction="concurrently" not in node))
    return Migration(
        version=version,
        name=f"{version:03}_m",
        header=Header(purpose="test", phase="schema", **header),  # type: ignore[arg-type]
        statements=tuple(texts),
        checksum=f"sum {version}",
        verify=verify,
        effect=Effect("base", tuple(effects)),
    )


def row(one: Migration, how: str = "applied") -> AppliedMigration:
    return AppliedMigration(one.version, one.name, one.checksum, how, "2026-11-28T10:00:00Z", "postgres", 1)


def plan(
    migrations: Sequence[Migration],
    there: str,
    registered: Collection[int] = (),
    *,
    interrupted: dict[int, Interrupted] | None = None,
    verified: dict[int, Verified] | None = None,
    **data: object,
) -> Plan:
    rows = {one.version: row(one) for one in migrations if one.version in registered}
    registry = Registry(5, rows, interrupted=interrupted or {}) if rows or interrupted else None
    observed = Observed(SERVER, registry, Catalog.of(f"table {name}" for name in there.split()))
    return make_plan(migrations, observed, read_settings({"pg_database": "shop", **data}), verified or {})


def words(found: Plan) -> list[str]:
    """Returns each decision as version, action and statements; a refusal as its kind."""
    if found.refusals:
        return [refusal.kind.value for refusal in found.refusals]
    return [
        f"{one.migration.version} {one.action.value} {','.join(map(str, one.statements))}".strip()
        for one in found.decisions
    ]


# Case 1 of many: a statement that leaves no trace between two that undo each other.
SWITCHED = (migration(1, "+a", "", "+t_on"), migration(2, "-t_on +t_off", "", "-t_off +t_on"))
HELPER = (migration(1, "+a"), migration(2, "+helper", "", "", "-helper"))
DRAFT = (migration(1, "+note"), migration(2, "+draft", ""), migration(3, "-draft"))
RENAMED = (
    migration(1, "+k_xyz", "+c_k"),
    migration(2, "+new_xy", "-c_k +c_new", "-k_xyz +old_xyz", "-new_xy -c_new +k_xy +c_k", "-old_xyz"),
)
GROWN = (migration(1, "+a"), migration(2, "+b"), migration(3, ""), migration(4, "+c", "+d"))
REPLACED = (migration(1, "+v1"), migration(2, "-v1 +v2"), migration(3, "-v2 +v3"))


@pytest.mark.parametrize(
    ("migrations", "there", "registered", "data", "expected"),
    [
        pytest.param(SWITCHED, "", [], {}, ["1 apply 1,2,3", "2 apply 1,2,3"], id="from nothing"),
        pytest.param(SWITCHED, "a t_on", [1], {}, ["1 no change", "2 apply 1,2,3"], id="update between off and on"),
        pytest.param(SWITCHED, "a t_on", [], {}, ["ambiguous", "ambiguous"], id="by hand, at the edge"),
        pytest.param(SWITCHED, "a t_on", [], {"pg_applied": 1}, ["1 adopt", "2 apply 1,2,3"], id="told: the first ran"),
        pytest.param(SWITCHED, "a t_on", [], {"pg_applied": 2}, ["1 adopt", "2 adopt"], id="told: both ran"),
        pytest.param(HELPER, "a", [1], {}, ["1 no change", "2 apply 1,2,3,4"], id="helper made and dropped"),
        pytest.param(HELPER, "", [], {}, ["1 apply 1", "2 apply 1,2,3,4"], id="helper, from nothing"),
        pytest.param(HELPER, "a helper", [1], {}, ["ambiguous"], id="helper left over by hand"),
        pytest.param(DRAFT, "", [], {}, ["1 apply 1", "2 apply 1,2", "3 apply 1"], id="an empty database stands at 0"),
        pytest.param(DRAFT, "", [], {"pg_target": 1}, ["1 apply 1", "2 beyond the target", "3 beyond the target"], id="target"),
        pytest.param(DRAFT, "note", [1], {}, ["1 no change", "2 apply 1,2", "3 apply 1"], id="looks like the third"),
        pytest.param(DRAFT, "note", [], {}, ["ambiguous", "ambiguous"], id="by hand: the first, or all three"),
        pytest.param(DRAFT, "note draft", [], {}, ["1 adopt", "ambiguous"][1:], id="by hand: the edge has data"),
        pytest.param(RENAMED, "", [], {}, ["1 apply 1,2", "2 apply 1,2,3,4,5"], id="enum replaced"),
        pytest.param(RENAMED, "k_xyz c_k", [1], {}, ["1 no change", "2 apply 1,2,3,4,5"], id="enum, the last pending"),
        pytest.param(RENAMED, "k_xy c_k", [1], {}, ["ambiguous"], id="enum, all by hand, its first statements leave no trace"),
        pytest.param(GROWN, "a b", [], {}, ["ambiguous"], id="data at the edge"),
        pytest.param(GROWN, "a b c d", [], {}, ["1 adopt", "2 adopt", "3 adopt", "4 adopt"], id="data before the edge, by order"),
        pytest.param(GROWN, "a b c d", [1], {}, ["1 no change", "2 adopt", "3 adopt", "4 adopt"], id="the same while it is registered"),
        pytest.param(GROWN, "a b", [1, 2], {}, ["1 no change", "2 no change", "3 apply 1", "4 apply 1,2"], id="registered: data has not run"),
        pytest.param(GROWN, "a c", [1], {}, ["1 no change", "2 apply 1", "3 apply 1", "4 resume 2"], id="half of a later one by hand"),
        pytest.param(GROWN, "a c", [], {}, ["ambiguous"], id="data before something of a later one"),
        pytest.param(GROWN, "a c", [], {"pg_applied": 1}, ["1 adopt", "2 apply 1", "3 apply 1", "4 resume 2"], id="told where it stands"),
        pytest.param(GROWN, "a", [1, 2], {}, ["drift"], id="drift"),
        pytest.param(GROWN, "a", [1, 2], {"pg_repair": True}, ["1 no change", "2 repair 1", "3 apply 1", "4 apply 1,2"], id="repair"),
        pytest.param(GROWN, "b", [], {"pg_applied": 2}, ["conflict"], id="told what is not so"),
        pytest.param(GROWN, "", [], {"pg_applied": 9}, ["settings"], id="told of no migration"),
        pytest.param(GROWN, "", [], {"pg_applied": 0}, ["1 apply 1", "2 apply 1", "3 apply 1", "4 apply 1,2"], id="told that none ran"),
        pytest.param(REPLACED, "v2", [], {}, ["1 adopt", "2 adopt", "3 apply 1"], id="replaced, at 2"),
        pytest.param(REPLACED, "v3", [], {}, ["1 adopt", "2 adopt", "3 adopt"], id="replaced, at the end"),
        pytest.param(REPLACED, "v3", [1], {}, ["1 no change", "2 adopt", "3 adopt"], id="replaced by hand above the registry"),
        pytest.param(REPLACED, "", [1, 2, 3], {}, ["drift"], id="replaced, and gone: drift of the last alone"),
        pytest.param(
            (migration(1, "-old"), migration(2, "+new")), "old", [], {}, ["1 apply 1", "2 apply 1"], id="from before"
        ),
        pytest.param(
            (migration(1, "+new"), migration(2, "-old")), "", [], {}, ["1 apply 1", "2 adopt"], id="from before, not here"
        ),
        pytest.param(
            (migration(1, "+new", "-old"),), "", [], {}, ["1 apply 1,2"], id="from before, not here, as psql would"
        ),
        pytest.param(
            (migration(1, "-old", nodes=["do_stmt"]),), "", [], {}, ["ambiguous"], id="a program may look for more"
        ),
        pytest.param((migration(1, "+a", "+b"),), "b", [], {}, ["1 resume 1"], id="partial by hand, all leave a trace"),
        pytest.param((migration(1, "+a", "", "+b"),), "b", [], {}, ["ambiguous"], id="partial by hand, one leaves none"),
        pytest.param(
            (migration(1, "+a", "", "+b", repeatable=True),), "b", [], {}, ["1 resume 1,2"], id="partial, repeatable"
        ),
        pytest.param((migration(1, "+a", ""),), "a", [], {}, ["ambiguous"], id="all there, one leaves no trace"),
        pytest.param((migration(1, "+a", "", repeatable=True),), "a", [], {}, ["1 resume 2"], id="the same, repeatable"),
        pytest.param((migration(1, "+a", "", verify="SELECT"),), "a", [], {}, ["1 adopt"], id="the same, verified"),
        pytest.param(
            (migration(1, "+m"), migration(2, "+b", "", "+w"), migration(3, "-w")), "m b", [1], {}, ["ambiguous"],
            id="half of one looks like a later place: what is not there proves nothing",
        ),
        pytest.param(
            (migration(1, "+m"), migration(2, "", "+x", "+i"), migration(3, "-i")), "m x", [1], {}, ["ambiguous"],
            id="the same, and what the later one takes away was to be made",
        ),
        pytest.param(
            (migration(1, "+m", "+i"), migration(2, "-i", "+o")), "m", [], {"pg_target": 1},
            ["1 resume 2", "2 beyond the target"], id="missing, and no later one shows that it took it away",
        ),
        pytest.param(
            (migration(1, "+m", "+i"), migration(2, "-i", "+o")), "m o", [], {}, ["1 adopt", "2 adopt"],
            id="missing, and a later one shows that it took it away",
        ),
        pytest.param(
            (migration(1, "+m", "+i"), migration(2, "-i", "+o")), "m", [1], {}, ["drift"],
            id="registered, and missing before the later one has run",
        ),
        pytest.param(
            (migration(1, "+a", "", nodes=["create_stmt", "comment_stmt"]),), "a", [], {}, ["1 resume 2"],
            id="all there but a comment, which may run twice by its nature",
        ),
        pytest.param(
            (migration(1, "+a"), migration(2, "", nodes=["grant_stmt"])), "a", [], {}, ["1 adopt", "2 apply 1"],
            id="a grant at the edge runs",
        ),
        pytest.param(
            (migration(1, "", "+a", nodes=["drop_stmt", "create_stmt"]),), "a", [], {}, ["1 adopt"],
            id="DROP IF EXISTS that found nothing is neither run nor asked for",
        ),
        pytest.param(
            (migration(1, "", "+a", "+b", nodes=["drop_stmt", "create_stmt", "index_stmt"]),), "a", [], {},
            ["1 resume 3"], id="half there: nothing that is there is dropped for it",
        ),
        pytest.param(
            (migration(1, "", "+a", "+b", nodes=["variable_set_stmt", "create_stmt", "create_stmt"]),), "a", [], {},
            ["1 resume 1,3"], id="half there: what is set for the rest is set again",
        ),
        pytest.param(
            (migration(1, "", "+a", nodes=["variable_set_stmt", "create_stmt"]),), "a", [], {}, ["1 adopt"],
            id="all there, and only a setting leaves no trace",
        ),
        pytest.param(
            (migration(1, "+h", "", "-h", "+a", nodes=["create_stmt", "insert_stmt", "drop_stmt", "create_stmt"]),), "a",
            [], {}, ["ambiguous"], id="a helper with data in it",
        ),
        pytest.param((migration(1),), "", [], {}, ["1 apply"], id="empty"),
        pytest.param((migration(1, ""),), "x", [], {}, ["1 apply 1"], id="data first"),
        pytest.param(
            (migration(1, "+a"), migration(2, "-a"), migration(3, "+a")), "a", [], {}, ["ambiguous", "ambiguous"], id="made again"
        ),
        pytest.param(
            (migration(1, "+a"), migration(2, "-a"), migration(3, "+a")), "a", [1], {},
            ["1 no change", "2 apply 1", "3 apply 1"], id="made again, the first registered",
        ),
    ],
)  # fmt: skip
def test_what_a_run_does(
    migrations: Sequence[Migration], there: str, registered: list[int], data: dict[str, Any], expected: list[str]
) -> None:
    assert words(plan(migrations, there, registered, **data)) == expected


MANY_STEPS = (migration(1, "", "+i", "", "+j", nodes=["insert_stmt", "concurrently", "insert_stmt", "concurrently"]),)


@pytest.mark.parametrize(
    ("there", "done", "begun", "expected"),
    [
        pytest.param("", [1], [], ["1 resume 2,3,4"], id="after the first step"),
        pytest.param("", [1], [2], ["1 resume 2,3,4"], id="begun, and nothing came of it"),
        pytest.param("i", [1], [2], ["1 resume 3,4"], id="built, and its event blocked"),
        pytest.param("i", [1, 2, 3], [2, 4], ["1 resume 4"], id="before the last"),
        pytest.param("i j", [1, 2, 3, 4], [2, 4], ["1 resume"], id="only the row is missing"),
        pytest.param("j", [1, 2, 3], [2], ["conflict"], id="what was built is gone, what was not is there"),
    ],
)
def test_a_run_that_was_cut_off_goes_on_exactly_there(
    there: str, done: list[int], begun: list[int], expected: list[str]
) -> None:
    one = Interrupted("sum 1", frozenset(done), frozenset(begun))

    assert words(plan(MANY_STEPS, there, interrupted={1: one})) == expected


# What the first made goes outside a transaction, and the run is cut off before it is registered.
DROPPED = (migration(1, "+a", "+i"), migration(2, "-i", "+f", nodes=["concurrently", "create_stmt"]))


@pytest.mark.parametrize(
    ("there", "begun", "expected"),
    [
        pytest.param("a", [1], ["1 no change", "2 resume 2"], id="gone"),
        pytest.param("a i", [1], ["1 no change", "2 resume 1,2"], id="not gone"),
        pytest.param("i", [1], ["drift"], id="something else is gone"),
        pytest.param("a", [], ["drift"], id="gone, and it had not begun"),
    ],
)
def test_what_a_run_took_away_before_it_was_cut_off_is_no_drift(
    there: str, begun: list[int], expected: list[str]
) -> None:
    one = Interrupted("sum 2", frozenset(), frozenset(begun))

    assert words(plan(DROPPED, there, [1], interrupted={2: one})) == expected


def test_events_of_another_text_say_nothing() -> None:
    one = Interrupted("another sum", frozenset({1, 2}), frozenset())

    assert words(plan(MANY_STEPS, "i", interrupted={1: one})) == ["ambiguous"]


def problems(count: int) -> Verified:
    return Verified((), count)


@pytest.mark.parametrize(
    ("one", "there", "count", "expected"),
    [
        pytest.param(migration(1, "", verify="SELECT"), "", 0, ["1 adopt"], id="data, holds"),
        pytest.param(migration(1, "", verify="SELECT"), "", 3, ["1 apply 1"], id="data, problems"),
        pytest.param(migration(1, "+a", "", verify="SELECT"), "a", 0, ["1 adopt"], id="lines and data, holds"),
        pytest.param(migration(1, "+a", "", verify="SELECT"), "a", 3, ["verify"], id="lines and data, problems"),
        pytest.param(
            migration(1, "+a", "", verify="SELECT", repeatable=True), "a", 3, ["1 apply 2"], id="problems, repeatable"
        ),
        pytest.param(migration(1, "+a", "", verify="SELECT", converges=True), "a", 3, ["1 apply 2"], id="converges"),
        pytest.param(migration(1, "-r", verify="SELECT", removes=("table r*",)), "", 1, ["1 apply 1"], id="removes more"),
        pytest.param(migration(1, "-r", verify="SELECT", removes=("table r*",)), "", 0, ["1 adopt"], id="nothing to remove"),
        pytest.param(migration(1, "-r", verify="SELECT", removes=("table r*",)), "r2", 1, ["1 apply 1"], id="by another name"),
    ],
)  # fmt: skip
def test_a_verify_query_says_what_the_catalog_cannot(
    one: Migration, there: str, count: int, expected: list[str]
) -> None:
    assert words(plan([one], there, verified={1: problems(count)})) == expected


def all_histories() -> Iterable[tuple[Migration, ...]]:
    """Yields every history of three migrations of one or two statements over two tables that can run."""
    steps = ["+a", "+b", "-a", "-b", ""]
    bodies = [*((one,) for one in steps), *itertools.product(steps, repeat=2)]
    for three in itertools.product(bodies, repeat=3):
        there: set[str] = set()
        for step in itertools.chain(*three):
            if step and (step[1] in there) == (step[0] == "+"):
                break
            if step:
                there ^= {step[1]}
        else:
            yield tuple(migration(version, *body) for version, body in enumerate(three, start=1))


def state_after(history: Sequence[Migration], count: int) -> str:
    lines: frozenset[str] = frozenset()
    for one in history[:count]:
        for effect in () if one.effect is None else one.effect.statements:
            lines = (lines - effect.patch.minus) | effect.patch.plus
    return " ".join(line.removeprefix("table ") for line in lines)


HISTORIES = list(all_histories())


def test_every_small_history_runs_from_nothing_and_after_what_is_registered() -> None:
    for history in HISTORIES:
        for count in range(len(history) + 1):
            found = plan(history, state_after(history, count), [one.version for one in history[:count]])

            assert not found.refusals, history
            actions = [one.action for one in found.decisions]
            assert actions[:count] == [Action.NONE] * count, history
            # Above the registry nothing is passed over: what cannot be seen is run, whole.
            for one, decision in zip(history[count:], found.decisions[count:], strict=True):
                assert decision.action is Action.APPLY, history
                assert len(decision.statements) == len(one.statements), history


def test_every_small_history_runs_after_what_the_operator_says_ran() -> None:
    for history in HISTORIES:
        for count in range(len(history) + 1):
            found = plan(history, state_after(history, count), pg_applied=count)

            assert not found.refusals, (history, count)
            assert [one.action for one in found.decisions] == [
                *[Action.ADOPT] * count,
                *[Action.APPLY] * (len(history) - count),
            ], (history, count)


def test_without_a_word_nothing_that_may_not_have_run_is_adopted_in_any_small_history() -> None:
    """After psql ran the first ones: each later one is run whole, or the run refuses; at an empty database it runs."""
    ambiguous = 0
    for history in HISTORIES:
        for count in range(len(history) + 1):
            there = state_after(history, count)
            found = plan(history, there)
            if found.refusals:
                assert {refusal.kind for refusal in found.refusals} == {Kind.AMBIGUOUS}, (history, count)
                ambiguous += 1
                continue
            stands = [one.action for one in found.decisions].count(Action.ADOPT)
            if stands != count:
                # The structure is the same at both places, and the empty one counts as the first.
                assert state_after(history, stands) == there, (history, count)
                assert stands == 0 or not any(
                    one.judgement.unseen for one in found.decisions[min(stands, count) : max(stands, count)]
                ), (history, count)
    assert ambiguous


def test_wherever_hands_stopped_nothing_that_leaves_no_trace_is_passed_over() -> None:
    """After the first statements ran by hand, the first migrations registered by us or nothing: refused, or all ran."""
    resumed = 0
    for history in HISTORIES[::3]:
        steps = [(one.version, statement.number, statement.text) for one in history for statement in one.statements]
        for stopped in range(len(steps) + 1):
            lines = after(set(), steps[:stopped])
            begun = steps[stopped - 1][0] if stopped else 0
            complete = begun if stopped == len(steps) or steps[stopped][0] != begun else begun - 1
            for registered in range(complete + 1):
                found = plan(history, " ".join(sorted(lines)), range(1, registered + 1))
                if found.refusals:
                    continue
                chosen = {(one.migration.version, number) for one in found.decisions for number in one.statements}
                ran = [step for step in steps if step[:2] in chosen]
                where = (history, stopped, registered)
                assert after(lines, ran) == after(set(), steps), where
                assert {step for step in steps[stopped:] if not step[2]} <= set(ran), where
                resumed += any(decision.action is Action.RESUME for decision in found.decisions)
    assert resumed


def after(lines: set[str], steps: Sequence[tuple[int, int, str]]) -> set[str]:
    for _, _, text in steps:
        lines = lines | {text[1:]} if text[:1] == "+" else lines - {text[1:]}
    return lines


def test_a_line_that_later_migrations_took_away_is_no_drift() -> None:
    history = (migration(1, "+a", "+b"), migration(2, "-a"))
    timeline = Timeline(in_order(history, [1, 2]))
    found = standing(timeline, {"table b"}, first=2)

    assert judge(timeline, 1, found, {"table b"}, {"table b": ["table b"]}).statements == {
        1: StatementState.DONE,
        2: StatementState.DONE,
    }
    assert found.wrong == frozenset()
