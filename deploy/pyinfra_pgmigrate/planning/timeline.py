"""What a sequence of migrations makes of each catalog line, and where in it a database stands. Pure: no I/O.

A *place* counts migrations of the sequence: at place 0 none of them has run, at place 3 the first three have.
The state at a place is the fold of their effects, restricted to the lines that any of them makes or takes away.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from ..catalog.lines import matches
from ..migrations.files import Migration


@dataclass(frozen=True)
class Touch:
    """One statement makes a line, or takes it away.

    + place: of its migration; number: of the statement in it
    """

    place: int
    number: int
    makes: bool


class Timeline:
    """The touches of each line by a sequence of migrations, in their order."""

    def __init__(self, order: Sequence[Migration]) -> None:
        self.order = tuple(order)
        self.touches: dict[str, list[Touch]] = {}
        self._lines: list[dict[str, None]] = [{}]
        loose: set[str] = set()
        for place, migration in enumerate(self.order, start=1):
            own: dict[str, None] = {}
            for statement in () if migration.effect is None else migration.effect.statements:
                for makes, lines in ((False, statement.patch.minus), (True, statement.patch.plus)):
                    for line in sorted(lines):
                        own[line] = None
                        self.touches.setdefault(line, []).append(Touch(place, statement.number, makes))
            self._lines.append(own)
            loose.update(line for line in own if any(matches(line, one) for one in migration.header.removes))
        self.loose = frozenset(loose)

    @cached_property
    def places(self) -> Mapping[int, int]:
        """The place of each migration by its version."""
        return {migration.version: place for place, migration in enumerate(self.order, start=1)}

    def lines(self, place: int) -> Collection[str]:
        """Returns every line that the migration at a place makes or takes away, be it for a moment."""
        return self._lines[place].keys()

    def at(self, line: str, place: int) -> bool:
        """Tells whether a line is there at a place."""
        last = self.last(line, place)
        return not self.touches[line][0].makes if last is None else last.makes

    def last(self, line: str, place: int) -> Touch | None:
        """Returns the last touch of a line up to a place; None where nothing has touched it."""
        return next((touch for touch in reversed(self.touches[line]) if touch.place <= place), None)

    def is_from_before(self, line: str, place: int) -> bool:
        """Tells whether a line was there before the first migration and nothing has touched it up to a place."""
        first = self.touches[line][0]
        return not first.makes and first.place > place

    def shown(self, lines: Collection[str]) -> frozenset[int]:
        """Returns the places of which a line is there that nothing before them makes: proof that they ran, in part.

        That something is not there proves nothing.
        """
        first = {
            line: next((touch.place for touch in touches if touch.makes), 0)
            for line, touches in self.touches.items()
            if touches[0].makes and line not in self.loose and line in lines
        }
        return frozenset(first.values())

    def explains(
        self, line: str, place: int, shown: Collection[int], began: Collection[tuple[int, int]], *, there: bool
    ) -> bool:
        """Tells whether a line may be there, or not, at a place where the sequence says otherwise.

        A later migration, done early by hand, made it, or took it away and shows by something else; or it is of the
        structure before the first migration, of which each database has its own.

        + shown: see ``shown``
        + began: see ``standing``
        """
        if not there and self.is_from_before(line, place):
            return True
        return any(
            touch.makes is there
            and touch.place > place
            and (there or touch.place in shown or (touch.place, touch.number) in began)
            for touch in reversed(self.touches[line])
        )


@dataclass(frozen=True)
class Standing:
    """Where in a sequence a database stands.

    + place: the first one that fits best
    + alike: later places that look just the same, oldest first
    + differing: lines that are otherwise there than the sequence says; wrong: those that nothing explains
    + evidence: the last place of which something is there or gone before its turn; at most ``place`` without any
    + proof: the last place up to there of which something is there that nothing before it makes
    """

    place: int
    alike: tuple[int, ...] = ()
    differing: frozenset[str] = frozenset()
    wrong: frozenset[str] = frozenset()
    evidence: int = 0
    proof: int = 0


def standing(
    timeline: Timeline,
    lines: Collection[str],
    *,
    first: int,
    only: int | None = None,
    began: Collection[tuple[int, int]] = (),
) -> Standing:
    """Returns where a database stands.

    + lines: its catalog
    + first: the place from which on it may stand: what is registered has run
    + only: the one place to look at
    + began: place and number of statements that a run of ours began, and did not come to register
    """
    shown = timeline.shown(lines)
    wrong, differing = _counts(timeline, lines, shown, began)
    places = range(first, len(timeline.order) + 1) if only is None else (only,)
    best = min((wrong[place], differing[place]) for place in places)
    fitting = [place for place in places if (wrong[place], differing[place]) == best]
    place = fitting[0]
    differ = frozenset(_differing(timeline, lines, place))
    return Standing(
        place=place,
        alike=tuple(fitting[1:]),
        differing=differ,
        wrong=frozenset(
            line for line in differ if not timeline.explains(line, place, shown, began, there=line in lines)
        ),
        evidence=max((_evidence(timeline, line, place, there=line in lines) for line in differ), default=place),
        proof=max((one for one in shown if one <= place), default=0),
    )


def _differing(timeline: Timeline, lines: Collection[str], place: int) -> Iterator[str]:
    for line in timeline.touches:
        if line not in timeline.loose and timeline.at(line, place) is not (line in lines):
            yield line


def _evidence(timeline: Timeline, line: str, place: int, *, there: bool) -> int:
    """Returns the first later place at which a line is as it is found; the place itself where there is none."""
    later = (touch.place for touch in timeline.touches[line] if touch.place > place and touch.makes is there)
    return place if not there and timeline.is_from_before(line, place) else next(later, place)


def _counts(
    timeline: Timeline, lines: Collection[str], shown: Collection[int], began: Collection[tuple[int, int]]
) -> tuple[list[int], list[int]]:
    """Returns for each place how many lines are wrong there, and how many differ; see ``Standing``.

    Counted in one pass: a line's state changes at its touches only.
    """
    size = len(timeline.order) + 2
    wrong, differing = [0] * size, [0] * size
    for line, touches in timeline.touches.items():
        if line in timeline.loose:
            continue
        there = line in lines
        # From this place on nothing explains a difference any more.
        settled = max(
            (
                touch.place
                for touch in touches
                if touch.makes is there and (there or touch.place in shown or (touch.place, touch.number) in began)
            ),
            default=0,
        )
        begin, state, untouched = 0, not touches[0].makes, True
        ends = [*((touch.place, touch.makes) for touch in touches), (size - 1, None)]
        for end, after in ends:
            if end > begin and state is not there:
                differing[begin] += 1
                differing[end] -= 1
                late = max(begin, settled)
                if late < end and not (untouched and not there):
                    wrong[late] += 1
                    wrong[end] -= 1
            if after is not None:
                begin, state, untouched = end, after, False
    for place in range(1, size):
        wrong[place] += wrong[place - 1]
        differing[place] += differing[place - 1]
    return wrong, differing
