"""What a database must show to count as whole: checks with PASS, WARN or FAIL. Pure.

Whatever could not be looked at is FAIL: a check that is skipped says nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from .catalog import is_own, key_of, matches, parts_of
from .migration import Migration
from .observed import Observed, Verified
from .refusals import problems_of
from .statements import table_of_index

# What is looked at besides the verify queries and the lines from before; see warnings.sql.
WARNINGS = ("readers", "statistics", "unique rules", "valid indexes", "validated constraints")


class Verdict(Enum):
    """What a check found."""

    PASS = "PASS"  # noqa: S105  (no password)
    WARN = "WARN"
    FAIL = "FAIL"


@dataclass(frozen=True)
class Check:
    """One check of one object.

    + name: what was looked at; object: where
    + hint: the one next command or statement; empty where the name of the check says it all
    """

    verdict: Verdict
    name: str
    object: str
    found: str = ""
    expected: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Added:
    """What the applied migrations made, for warnings.sql.

    + columns: table, column and the migration; built: table and when it got an index, UTC
    """

    tables: tuple[str, ...]
    columns: tuple[tuple[str, str, str], ...]
    built: tuple[tuple[str, str], ...]


def added_by(migrations: Sequence[Migration], observed: Observed) -> Added:
    """Returns the tables, columns and indexes that the applied migrations made."""
    applied = [one for one in migrations if one.version in observed.applied and one.effect is not None]
    lines = [(one, line) for one in applied if one.effect is not None for line in sorted(one.effect.patch.plus)]
    tables = tuple(key_of(line).removeprefix("table ") for _, line in lines if line.startswith("table "))
    columns = [
        (*parts_of(key_of(line).removeprefix("column ")), one.name) for one, line in lines if line.startswith("column ")
    ]
    built: dict[str, str] = {}
    for one, line in lines:
        if line.startswith("index "):
            built[table_of_index(line.split(" ", 2)[2])] = observed.applied[one.version].applied_at
    return Added(tables, tuple(one for one in columns if one[0] not in tables), tuple(sorted(built.items())))


def validate(
    migrations: Sequence[Migration],
    observed: Observed,
    verified: Mapping[int, Verified],
    warnings: Collection[tuple[str, str, str, str]] | None,
) -> Iterator[Check]:
    """Yields every check of a database.

    + verified: answers of the verify queries, by version
    + warnings: name, object, found and expected of each finding; None where nobody could look
    """
    yield from _verify_checks(migrations, observed, verified)
    yield from _preserved_checks(migrations, observed)
    for name in WARNINGS:
        if warnings is None:
            yield Check(Verdict.FAIL, name, "the catalog", "could not be read", "an answer", "deploy/validate.py")
            continue
        found = [one for one in warnings if one[0] == name]
        for _, place, what, expected in found:
            yield _warning(name, place, what, expected)
        if not found:
            yield Check(Verdict.PASS, name, "all of them")


def _warning(name: str, place: str, found: str, expected: str) -> Check:
    """Returns the check for a finding of warnings.sql, with the statement, or what it takes, that mends it."""
    ident = place.split(" ", 1)[1]
    hint = "a migration of phase contract that replaces the rule, once the application knows the column"
    match name:
        case "valid indexes":
            hint = f"REINDEX INDEX CONCURRENTLY {ident}"
        case "validated constraints":
            table, constraint = parts_of(ident)
            hint = f"ALTER TABLE {table} VALIDATE CONSTRAINT {constraint}"
        case "readers" | "statistics":
            expected, hint = {"readers": "to read both", "statistics": "statistics that know it"}[name], expected
    return Check(Verdict.WARN, name, place, found, expected, hint)


def _verify_checks(
    migrations: Sequence[Migration], observed: Observed, verified: Mapping[int, Verified]
) -> Iterator[Check]:
    for migration in migrations:
        if migration.version not in observed.applied or migration.verify is None:
            continue
        answer = verified.get(migration.version)
        if answer is None:
            hint = "deploy/validate.py"
            yield Check(Verdict.FAIL, "verify", migration.name, "not asked", "no row from its verify query", hint)
        elif answer.holds:
            yield Check(Verdict.PASS, "verify", migration.name)
        else:
            found, hint = problems_of(answer), "deploy/migrate.py --data pg_repair=true, once the cause is known"
            yield Check(Verdict.FAIL, "verify", migration.name, found, "no row from its verify query", hint)


def _preserved_checks(migrations: Sequence[Migration], observed: Observed) -> Iterator[Check]:
    """Yields whether every line from before the first migration is there that no migration takes away.

    One that other hands took away before a run, which noted it, is WARN: somebody has seen it.
    """
    gone = None if observed.registry is None else observed.registry.gone_since_first
    if observed.registry is None or gone is None:
        yield Check(
            Verdict.FAIL,
            "preserved",
            "the catalog before",
            "not known: the registry does not hold it",
            "its lines",
            "deploy/migrate.py: its first run keeps them",
        )
        return
    applied = [one for one in migrations if one.version in observed.applied]
    missing = sorted(
        line
        for line in gone
        if not line.startswith("definition ") and not any(_takes(one, observed, line) for one in applied)
    )
    for line in missing:
        what = "missing" if is_own(line) else _instead(observed, line)
        hint = "deploy/status.py says how to put it back"
        if line in observed.registry.noted_gone:
            yield Check(
                Verdict.WARN, "preserved", key_of(line), f"{what}, by other hands before an earlier run", line, hint
            )
        else:
            yield Check(Verdict.FAIL, "preserved", key_of(line), what, line, hint)
    if not missing:
        yield Check(Verdict.PASS, "preserved", "every line from before that no migration takes away")


def _takes(migration: Migration, observed: Observed, line: str) -> bool:
    row = observed.applied[migration.version]
    if row.removed is not None and line in row.removed:
        return True
    if any(matches(line, pattern) for pattern in migration.header.removes):
        return True
    return migration.effect is not None and line in migration.effect.patch.minus


def _instead(observed: Observed, line: str) -> str:
    found = observed.catalog.by_key.get(key_of(line), ())
    return found[0] if found else "missing"
