"""What of a changed catalog is no drift, or follows from something else. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from ..catalog.lines import INVALID, Patch, definition_of, is_own, key_of, matches, parts_of
from ..catalog.parts import IDENT, columns_of, hangs_on, is_harmless, is_property, is_setting, parents_in, subject_of
from .entries import Drift


class Remaining:
    """The lines that differ and that nothing explains so far."""

    def __init__(
        self,
        now: frozenset[str],
        drift: Patch,
        origins: Mapping[str, str],
        ignore: Sequence[str],
        *,
        version_num: int,
    ) -> None:
        self.now = now
        self.kept = (self.now - drift.plus) | drift.minus
        self.version_num = version_num
        self.origins = origins
        self.ignored = {line for line in drift.minus | drift.plus if any(matches(line, one) for one in ignore)}
        self.minus = set(drift.minus - self.ignored)
        self.plus = set(drift.plus - self.ignored)
        self.domains = {
            key_of(line).removeprefix("type ")
            for line in self.kept | self.now
            if line.startswith("type ") and definition_of(line).startswith("domain ")
        }
        self.entries: list[Drift] = []
        self.notes: list[str] = []
        self.harmless: set[str] = set()
        # What follows a line of its parent or table by itself: told with that.
        self.followers: defaultdict[str, set[str]] = defaultdict(set)

    def _take(self, lines: Iterable[str]) -> None:
        taken = set(lines)
        self.minus -= taken
        self.plus -= taken

    def _note(self, lines: Collection[str], text: str) -> None:
        if lines:
            self.harmless |= set(lines)
            self._take(lines)
            self.notes.append(text)

    def _leave_out_comments(self) -> None:
        found = {line for line in self.minus | self.plus if is_harmless(line)}
        keys = {key_of(line) for line in found}
        self._note(found, f"{len(keys)} comment{'s' if len(keys) > 1 else ''} changed")

    def _leave_out_settings(self) -> None:
        """Leaves out settings, told where their object is still there, and indexes that became valid."""
        others = {subject_of(line) for line in self.minus ^ self.plus if not is_property(line) and not is_own(line)}
        settings: defaultdict[str, set[str]] = defaultdict(set)
        for line in self.minus | self.plus:
            if is_setting(line):
                settings[subject_of(line)].add(line)
        for subject, lines in sorted(settings.items()):
            if subject in others:
                self.harmless |= lines
                self._take(lines)
            else:
                self._note(lines, f"settings of {subject} changed")
        for line in sorted(self.minus):
            valid = line.removesuffix(INVALID)
            if line.startswith("index ") and valid != line and valid in self.plus:
                self._note([line, valid], f"{key_of(line)} is valid now")

    def _leave_out_partitions(self) -> None:
        """Leaves out new partitions of tables that were there, with all that depends on them."""
        was = {key_of(line) for line in self.kept if line.startswith("table ")}
        parents = {
            key_of(line): f"table {found[1]}"
            for line in self.plus
            if (found := re.search(rf" partition of ({IDENT}) (?:FOR VALUES|DEFAULT)", line))
            and line.startswith("table ")
        }
        new: set[str] = set()
        while more := {one for one, of in parents.items() if one not in was | new and of in was | new}:
            new |= more
        for key in sorted(new):
            lines = [line for line in self.plus if key in (key_of(line), *hangs_on(line))]
            self._note(lines, f"{key} is a new partition of {parents[key].removeprefix('table ')}")

    def _leave_out_inherited(self) -> None:
        """Leaves out constraints that a table has from its parent, as its own or not."""
        parents = dict(parents_in(self.now))
        for line in sorted(self.minus | self.plus):
            if line.startswith("constraint "):
                table, name = parts_of(key_of(line).removeprefix("constraint "))
                rest = f"{name} {definition_of(line)}"
                if any(f"constraint {parent}.{rest}" in self.now & self.kept for parent in parents.get(table, ())):
                    self._note([line], f"{key_of(line)} is inherited")

    def _find_followers(self) -> None:
        """Finds columns that change because those of a parent do."""
        parents = dict(parents_in(self.kept | self.now))
        for lines in (self.minus, self.plus):
            for line in sorted(lines):
                if not line.startswith("column "):
                    continue
                table, name = parts_of(key_of(line).removeprefix("column "))
                rest = f"{name} {definition_of(line)}"
                for leader in (f"column {parent}.{rest}" for parent in parents.get(table, ())):
                    if leader in lines or any(leader in many for many in self.followers.values()):
                        self.followers[leader].add(line)
                        break
        self._take({follower for many in self.followers.values() for follower in many})

    def _overridden(self) -> Iterator[tuple[str, str, str]]:
        """Yields columns that are no longer as their table has them from a parent, or are so again, without a line.

        + returned: the line that came or went, and the lines before and after, one of which is not there
        """
        parents = dict(parents_in(self.kept | self.now))
        known = {key_of(line) for line in self.minus} & {key_of(line) for line in self.plus}
        for line in sorted(self.minus | self.plus):
            if line.startswith("column ") and key_of(line) not in known:
                is_gone = line in self.minus
                implied = _implied(key_of(line), self.now if is_gone else self.kept, parents)
                if implied is not None:
                    yield (line, line, implied) if is_gone else (line, implied, line)

    def _with_followers(self, lines: Iterable[str]) -> frozenset[str]:
        found = set(lines)
        while more := {follower for line in found for follower in self.followers.get(line, ())} - found:
            found |= more
        return frozenset(found)


def _implied(key: str, lines: Collection[str], parents: Mapping[str, Collection[str]]) -> str | None:
    """Returns the line of a column if it were as its table has it from a parent; None where it has it from none."""
    table, column = parts_of(key.removeprefix("column "))
    if not parents.get(table):
        return None
    definition = columns_of([one for one in lines if one.startswith(("table ", "column "))]).get(table, {}).get(column)
    return None if definition is None else f"{key} {definition}"
