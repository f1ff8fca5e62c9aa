"""Effects: what each statement of a migration does to the catalog, as recorded on a scratch server.

An effect file is text for reviewers, grouped by statement::

    statement 1: ALTER TABLE project_roles ADD COLUMN variant_name text ...
    lock AccessExclusiveLock project_roles
    needs table project_roles
    + column project_roles.variant_name text not null default 'default'::text
    hash 3f0c...

Names without a schema are in the target schema (host data pg_schema). Nothing here talks to a server.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from ..catalog.lines import Patch, as_read_again, key_of
from ..errors import Kind, PgMigrateError

FORMAT = 2


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock that a statement takes on a relation that was there before it.

    + mode: as pg_locks names it, such as ``AccessExclusiveLock``
    + relation: the table, as in the catalog's lines
    """

    mode: str
    relation: str


@dataclass(frozen=True, slots=True)
class StatementEffect:
    """What one statement did.

    + number: its place in the file, counted from 1
    + words: its first words
    + checksum: of its text; see ``statements.checksum_of``
    + patch: the lines it took away and added
    + locks: the strongest lock on each relation that was there before
    + rewrites: tables that it rewrote, row by row
    + needs: keys of the objects that it builds on, all there before it
    + touches: keys of objects that were there before, or of default privileges, whose owner, grants or comments it
      changed
    """

    number: int
    words: str
    checksum: str
    patch: Patch
    locks: tuple[Lock, ...] = ()
    rewrites: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    touches: tuple[str, ...] = ()


@dataclass(frozen=True)
class Effect:
    """What a migration does, statement by statement.

    + base: checksum of what it was recorded on: the baseline and all migrations before it
    """

    base: str
    statements: tuple[StatementEffect, ...]

    @cached_property
    def patch(self) -> Patch:
        """What the whole migration does."""
        return Patch.of_all(statement.patch for statement in self.statements)


def bases_of(baseline: str, checksums: Iterable[str]) -> Iterator[str]:
    """Yields for each migration the checksum that stands for the baseline and the migrations before it.

    + baseline: checksum of ``baseline.sql``; checksums: of the migrations, in order
    It is the SHA-256 of those checksums, a line each.
    """
    so_far = hashlib.sha256(baseline.encode())
    for checksum in checksums:
        yield so_far.hexdigest()
        so_far.update(f"\n{checksum}".encode())


def render(name: str, effect: Effect) -> str:
    """Returns the text of an effect file; the same effect gives the same bytes."""
    lines = [
        f'# effect of {name}, recorded by "pgmigrate record"; never edited by hand',
        f"format {FORMAT}",
        f"base {effect.base}",
    ]
    for statement in effect.statements:
        lines += ["", f"statement {statement.number}: {statement.words}"]
        lines += [f"lock {lock.mode} {lock.relation}" for lock in statement.locks]
        lines += [f"rewrite {table}" for table in statement.rewrites]
        lines += [f"needs {key}" for key in statement.needs]
        lines += [f"touches {key}" for key in statement.touches]
        lines += statement.patch.render()
        lines.append(f"hash {statement.checksum}")
    return "\n".join(lines) + "\n"


class _Group:
    """One statement's lines while they are being read."""

    def __init__(self, heading: str) -> None:
        number, self.words = heading.split(": ", 1)
        self.number = int(number)
        self.of_word: dict[str, list[str]] = {word: [] for word in ("lock", "rewrite", "needs", "touches", "-", "+")}

    def finished(self, checksum: str) -> StatementEffect:
        return StatementEffect(
            number=self.number,
            words=self.words,
            checksum=checksum,
            patch=Patch(frozenset(self.of_word["-"]), frozenset(self.of_word["+"])),
            locks=tuple(Lock(*lock.split(" ", 1)) for lock in self.of_word["lock"]),
            rewrites=tuple(self.of_word["rewrite"]),
            needs=tuple(self.of_word["needs"]),
            touches=tuple(self.of_word["touches"]),
        )


def parse(text: str, *, source: str) -> Effect:
    """Returns the effect that an effect file holds.

    + source: name of the file, for the message
    Raises PgMigrateError (effect) for a line that does not belong there, naming file and line.
    """
    base = ""
    group: _Group | None = None
    statements: list[StatementEffect] = []
    # A name may hold what Python, but not a file, takes for the end of a line.
    lines = text.removesuffix("\n").split("\n")
    for number, line in enumerate(lines, start=1):
        word, _, rest = line.partition(" ")
        try:
            if not line or word == "#" or (word == "format" and _is_ours(rest, source)):
                continue
            if word == "base":
                base = rest
            elif word == "statement" and group is None:
                group = _Group(rest)
            elif group is not None and word == "hash":
                statements.append(group.finished(rest))
                group = None
            elif group is not None:
                if word in "-+":
                    rest = as_read_again(rest)
                    key_of(rest)
                elif word == "lock":
                    Lock(*rest.split(" ", 1))
                group.of_word[word].append(rest)
            else:
                raise ValueError(line)
        except (ValueError, KeyError, TypeError) as error:
            raise _not_readable(source, number, line) from error
    if group is not None or not base:
        raise _not_readable(source, len(lines), "the end of the file")
    return Effect(base, tuple(statements))


def _is_ours(number: str, source: str) -> bool:
    if int(number) < FORMAT:
        raise PgMigrateError(
            Kind.EFFECT,
            f'cannot use effect "{source}": it was recorded by an older version',
            detail=f"Found format {number}; expected format {FORMAT}, which prints the catalog otherwise.",
            hint='Record all effects again: run "pgmigrate record".',
        )
    return int(number) == FORMAT


def _not_readable(source: str, number: int, line: str) -> PgMigrateError:
    return PgMigrateError(
        Kind.EFFECT,
        f'could not read effect "{source}": line {number} does not belong there',
        detail=f'Found "{line[:80]}"; expected what "pgmigrate record" writes (format {FORMAT}).',
        hint='Effects are recorded, not edited: run "pgmigrate record".',
    )
