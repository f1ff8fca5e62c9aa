"""Every small history at every place where a run, an operator or psql may have stopped: no server."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

from pyinfra_pgmigrate.errors import Kind
from pyinfra_pgmigrate.migrations.files import Migration
from pyinfra_pgmigrate.planning.decision import Action

from tests.unit.planning.written import migration, plan


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
