"""Totals of the business, by key: what must be the same before and after migrations. Pure: no I/O but the files.

A file ``totals/NAME.sql`` of the SQL folder has a header with ``purpose``, and ``requires`` where not every database
has what it asks for, and one SELECT of two columns, a key and a value. Its answers are taken in the snapshot of a
backup, and on the copy before and after the migrations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import Kind, PgMigrateError
from ..migrations.header import read_header
from ..migrations.script import read_statements
from ..psql.answer import Answer
from ..psql.question import Question
from ..psql.script import Run, joined, session_of, settings_of
from ..resources import read_sql
from ..sqltext.parser import is_query
from .requirements import KEY, Requirement, read_requirements

HEADER_KEYS = ("purpose", KEY)

# Keys that a message names.
MOST_SHOWN = 5


@dataclass(frozen=True)
class Total:
    """A file of the folder ``totals``.

    + query: one SELECT of two columns, a key and a value
    + requires: what it needs of a database
    """

    name: str
    purpose: str
    query: str
    requires: tuple[Requirement, ...] = ()

    @property
    def path(self) -> str:
        """Where it is in the SQL folder."""
        return f"totals/{self.name}.sql"


@dataclass(frozen=True)
class Answers:
    """What the query of a total answered at one moment.

    + count: keys; digest: of all keys and values, whatever their order
    + values: value by key; None where there are too many to keep, see totals.sql
    + problem: why it could not be asked; empty where it could
    """

    count: int = 0
    digest: str = ""
    values: Mapping[str, str] | None = None
    problem: str = ""


@dataclass(frozen=True)
class Change:
    """A key whose value is another one; None stands for a key that is not there."""

    key: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        before, after = ("missing" if value is None else value for value in (self.before, self.after))
        return f"{self.key}: {before} before, {after} after"


def load_totals(folder: Path) -> tuple[Total, ...]:
    """Returns the files ``totals/*.sql`` of an SQL folder, by name.

    Raises PgMigrateError (file) for the first that breaks a rule, naming it.
    """
    return tuple(_read(path) for path in sorted((folder / "totals").glob("*.sql")))


def _read(path: Path) -> Total:
    text, values = read_header(path, HEADER_KEYS)
    statements = read_statements(text, path.name)
    if len(statements) != 1 or not is_query(text):
        raise PgMigrateError(
            Kind.FILE,
            f"cannot use {path.name}: it is not one SELECT",
            detail=f"Found {len(statements)} statement(s); expected one SELECT of two columns, a key and a value.",
            hint="Correct the file; several totals are several files.",
        )
    requires = read_requirements(text, values.get(KEY), source=path.name)
    return Total(path.stem, values["purpose"], statements[0].text, requires)


def answers_of(found: Mapping[str, Any]) -> Answers:
    """Returns the answers that a JSON object describes. Raises KeyError and TypeError where it does not."""
    values = found["values"]
    kept = None if values is None else dict(values)
    problem = str(found["problem"])
    if kept is not None and len(kept) != found["count"]:
        problem = f"it answers {found['count']} rows for {len(kept)} keys; expected one row a key"
    return Answers(found["count"], found["digest"], kept, problem)


def as_json(answers: Answers) -> dict[str, Any]:
    """Returns answers as they stand in the description of a backup; the other way round of ``answers_of``."""
    values = None if answers.values is None else sorted(answers.values.items())
    return {"count": answers.count, "digest": answers.digest, "values": values, "problem": answers.problem}


def changes(before: Answers, after: Answers) -> list[Change]:
    """Returns the keys whose values differ, by key; none where the values were not kept."""
    if before.values is None or after.values is None:
        return []
    was, now = before.values, after.values
    return [Change(key, was.get(key), now.get(key)) for key in sorted({*was, *now}) if was.get(key) != now.get(key)]


def are_equal(before: Answers, after: Answers) -> bool:
    """Tells whether two answers are the same, key by key."""
    return (before.count, before.digest) == (after.count, after.digest)


def described(before: Answers, after: Answers) -> str:
    """Returns how two answers differ, with the first keys.

    >>> described(Answers(1, "a", {"p1": "5.00"}), Answers(1, "b", {"p1": "6.00"}))
    '1 of 1 keys: p1: 5.00 before, 6.00 after'
    """
    found = changes(before, after)
    if not found:
        many = f"{before.count} keys before, {after.count} after"
        return f"other values, too many keys to name them ({many})"
    keys = len({*(before.values or ()), *(after.values or ())})
    shown = "; ".join(map(str, found[:MOST_SHOWN]))
    more = f"; and {len(found) - MOST_SHOWN} more" if len(found) > MOST_SHOWN else ""
    return f"{len(found)} of {keys} keys: {shown}{more}"


def ask_totals(totals: Sequence[Total], run: Run, schema: str) -> Question[dict[str, Answers]]:
    """Asks totals, by name; it cannot write."""
    parts = [*session_of(run, schema, "totals"), "BEGIN TRANSACTION READ ONLY;", *totals_asked(totals), "ROLLBACK;"]
    return Question("totals", joined(parts), totals_of)


def totals_of(answer: Answer) -> dict[str, Answers]:
    """Returns the answers of totals by name, as totals.sql tells them. Raises ValueError for one that it cannot be."""
    return {name: answers_of(found) for name, found in answer.values("total")}


def totals_asked(asked: Sequence[Total]) -> list[str]:
    """Returns the part of a script that asks totals, within its transaction."""
    return [
        part
        for one in asked
        for part in (settings_of({"total": one.name, "query": one.query}), read_sql("application/totals"))
    ]
