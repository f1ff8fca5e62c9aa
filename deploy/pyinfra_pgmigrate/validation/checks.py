"""What a database must show to count as whole: checks with PASS, WARN or FAIL. Pure.

Whatever could not be looked at is FAIL: a check that is skipped says nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..application.compatibility import Use
from ..catalog.lines import definition_of, is_own, key_of, matches, parts_of
from ..catalog.parts import is_harmless, is_setting
from ..drift.entries import Change, Drift, Drifts
from ..migrations.files import Migration
from ..planning.refusals import problems_of
from ..registry.model import Observed, Verified
from ..sqltext.unique_rules import table_of_index
from .verdict import Check, Verdict

# What is looked at besides the verify queries and the lines from before; see warnings.sql.
WARNINGS = ("readers", "statistics", "unique rules", "valid indexes", "validated constraints")


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
            built[table_of_index(definition_of(line))] = observed.applied[one.version].applied_at
    return Added(tables, tuple(one for one in columns if one[0] not in tables), tuple(sorted(built.items())))


def validate(
    migrations: Sequence[Migration],
    observed: Observed,
    verified: Mapping[int, Verified],
    warnings: Collection[tuple[str, str, str, str]] | None,
    drifts: Drifts | None,
    *,
    strict: bool = False,
) -> Iterator[Check]:
    """Yields every check of a database.

    + verified: answers of the verify queries, by version
    + warnings: name, object, found and expected of each finding; None where nobody could look
    + drifts: what others changed since the last run; None where nobody knows
    + strict: what is extra fails too
    """
    yield _rights_check(observed)
    yield from _verify_checks(migrations, observed, verified)
    lost = _lost(migrations, observed)
    yield from _preserved_checks(observed, lost, drifts)
    if observed.registry is not None and "last" in observed.registry.of_older_form:
        yield _of_older_form("drift", "the catalog of the last run")
    else:
        yield from _drift_checks(lost, drifts, strict=strict)
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


def _rights_check(observed: Observed) -> Check:
    """Returns whether what others wrote can run with the rights of a superuser through the role that connects."""
    server = observed.server
    if not server.foreign_code:
        return Check(Verdict.PASS, "rights", f"role {server.role}")
    more = f" and {len(server.foreign_code) - 1} more" if len(server.foreign_code) > 1 else ""
    return Check(
        Verdict.WARN,
        "rights",
        f"role {server.role}",
        f"is a superuser, and roles that are none wrote {server.foreign_code[0]}{more}",
        "the owner of the database, whose power is all that such a function can use",
        "pg_user=OWNER, see docs/security.md",
    )


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


def _lost(migrations: Sequence[Migration], observed: Observed) -> tuple[str, ...] | None:
    """Returns the lines from before the first migration that no migration takes away; None where nobody knows."""
    gone = None if observed.registry is None else observed.registry.gone_since_first
    if gone is None:
        return None
    applied = [one for one in migrations if one.version in observed.applied]
    return tuple(
        line
        for line in sorted(gone)
        if not line.startswith("definition ")
        and not is_harmless(line)
        and not is_setting(line)
        and not any(_takes(one, observed, line) for one in applied)
    )


def _preserved_checks(observed: Observed, lost: Sequence[str] | None, drifts: Drifts | None) -> Iterator[Check]:
    """Yields whether every line from before the first migration is there that no migration takes away.

    One that others took away before a run, which noted it, is WARN: somebody has seen it.
    """
    if observed.registry is not None and "first" in observed.registry.of_older_form:
        yield _of_older_form("preserved", "the catalog before")
        return
    if observed.registry is None or lost is None:
        yield Check(
            Verdict.FAIL,
            "preserved",
            "the catalog before",
            "not known: the registry does not hold it",
            "its lines",
            "deploy/migrate.py: its first run keeps them",
        )
        return
    told = _before(lost, drifts)
    covered = {line for one in told for line in one.patch.minus}
    if drifts is not None:
        covered |= drifts.harmless | drifts.ignored
    for one in told:
        yield _drift_check("preserved", one, Verdict.FAIL)
    missing = [line for line in lost if line not in covered]
    for line in missing:
        what = "missing" if is_own(line) else _instead(observed, line)
        hint = "deploy/status.py says how to put it back"
        if line in observed.registry.noted_gone:
            yield Check(
                Verdict.WARN,
                "preserved",
                key_of(line),
                f"{what}, outside of the migrations, before an earlier run",
                line,
                hint,
            )
        else:
            yield Check(Verdict.FAIL, "preserved", key_of(line), what, line, hint)
    if not missing and not told:
        yield Check(Verdict.PASS, "preserved", "every line from before that no migration takes away")


def _of_older_form(name: str, what: str) -> Check:
    return Check(
        Verdict.WARN,
        name,
        what,
        "not known: an earlier version of this tool kept it in another form",
        "its lines in the form of this version",
        "deploy/migrate.py keeps it with the next migration",
    )


def _before(lost: Sequence[str] | None, drifts: Drifts | None) -> list[Drift]:
    """Returns the differences from before the first migration: they are told once, as not preserved."""
    entries = () if drifts is None else drifts.entries
    return [one for one in entries if one.patch.minus & set(lost or ())]


def _drift_checks(lost: Sequence[str] | None, drifts: Drifts | None, *, strict: bool) -> Iterator[Check]:
    """Yields what others changed since the last run, besides what was there before the first."""
    if drifts is None:
        yield Check(
            Verdict.FAIL, "drift", "the catalog of the last run", "not known: there is no registry", "its lines"
        )
        return
    told = _before(lost, drifts)
    rest = [one for one in drifts.entries if one not in told]
    for one in rest:
        bad = strict or one.kind is not Change.EXTRA
        yield _drift_check("drift", one, Verdict.FAIL if bad else Verdict.WARN)
    if not rest:
        but = f", but for {len(told)} reported above" if told else ""
        ignored = f"; {len(drifts.ignored)} lines ignored by pg_drift_ignore" if drifts.ignored else ""
        yield Check(Verdict.PASS, "drift", f"nothing has changed since the last run{but}{ignored}")


def _drift_check(name: str, one: Drift, verdict: Verdict) -> Check:
    return Check(verdict, name, one.key, one.found, one.expected, one.repair)


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


def compatibility_checks(
    uses: Sequence[Use], answers: Mapping[str, str] | None, applied: Collection[int], names: Mapping[int, str]
) -> Iterator[Check]:
    """Yields whether each use works.

    + answers: why it does not, by name, empty where it does; None where nobody could try
    + applied: versions of the migrations that hold; names: of migrations by version
    """
    newest = names.get(max(applied, default=0), "before the first migration")
    for use in uses:
        why = "not tried" if answers is None else answers.get(use.name, "not tried")
        if not why:
            yield Check(Verdict.PASS, "compatibility", use.name)
        elif use.until is not None and use.until in applied:
            until = names.get(use.until, f"{use.until:03}")
            expected, hint = (
                f"no more: it was to work until {until}",
                "nothing, once the application does it another way",
            )
            yield Check(Verdict.WARN, "compatibility", use.name, why, expected, hint)
        else:
            expected = f"that it still works at {newest}: {use.purpose}"
            yield Check(Verdict.FAIL, "compatibility", use.name, why, expected, "deploy/rollback.py takes it back")
