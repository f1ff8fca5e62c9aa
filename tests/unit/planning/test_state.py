"""Where a database stands and what each migration is there, on effects written by hand: no server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from pyinfra_pgmigrate.catalog.lines import Catalog
from pyinfra_pgmigrate.migrations.files import Migration
from pyinfra_pgmigrate.planning.state import StatementState, in_order, judge
from pyinfra_pgmigrate.planning.timeline import Timeline, standing
from pyinfra_pgmigrate.registry.model import Interrupted, Verified

from tests.unit.planning.written import migration, plan, words

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


def test_a_line_that_later_migrations_took_away_is_no_drift() -> None:
    history = (migration(1, "+a", "+b"), migration(2, "-a"))
    timeline = Timeline(in_order(history, [1, 2]))
    found = standing(timeline, {"table b"}, first=2)

    assert judge(timeline, 1, found, {"table b"}, Catalog.of(["table b"]).of_key).statements == {
        1: StatementState.DONE,
        2: StatementState.DONE,
    }
    assert found.wrong == frozenset()
