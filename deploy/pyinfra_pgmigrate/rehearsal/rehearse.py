"""Rehearsal: what a plan would run, run first on a copy of the database, by the same code."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from ..application.compatibility import Use
from ..application.totals import Answers, are_equal, described
from ..backup.contents import Contents, contents_of, contents_script, tables_of
from ..catalog.lines import Catalog, is_own, key_of, parts_of
from ..copies.copy import Copy
from ..copies.ownership import is_beyond_a_copy
from ..copies.restore_log import differences
from ..errors import Kind, PgMigrateError, Refusal
from ..execution.runner import execute
from ..execution.trace import Rehearsed, StatementTrace, compared_lines, rehearsed_lines
from ..migrations.files import Migration
from ..planning.database import DatabaseSession
from ..planning.decision import decision_lines
from ..psql.script import prepared
from ..registry.model import Observed
from ..rollback.look import plan_rollback
from ..rollback.runner import revert
from ..rollback.scripts import load_rollbacks
from ..rollback.turn import Rollback
from ..validation.compare import answered, known_contents
from ..validation.data import catalog_name
from .compatibility import Trial
from .moments import Tried

# Keys that a message names.
_MOST_KEYS = 5

# A statement that does nothing.
_NOTHING = "SELECT"

# How a refusal says that the role lacked a right; source: PostgreSQL manual, "Error Codes".
_NO_RIGHT = "SQLSTATE 42501"
_HINT_OF_POWER = (
    "It takes more than the role of a copy may. If you trust all that others left in the database, rehearse with the "
    "rights of the connection: --data pg_copy_role=connection; or without a rehearsal: --data pg_rehearse=off"
)


@dataclass(frozen=True)
class _Before:
    """The copy before the migrations, to compare the way back with.

    + columns: of the tables that have a column already which a migration takes over, the other columns
    + rest: rows and content hash of these tables, over those columns
    """

    contents: Contents
    columns: Mapping[str, tuple[str, ...]]
    rest: Mapping[str, tuple[int, str]]


def rehearse(session: DatabaseSession, versions: Collection[int], copy: Copy) -> None:
    """Runs migrations on a copy, back where a rollback script covers them, and forward again.

    + versions: those that the plan for the database itself would run
    Changes: the copy. Raises PgMigrateError (rehearsal) for the first that does not end well; tells what each
    statement did there.
    """
    on_copy = replace(
        session,
        settings=replace(session.settings, connection=copy.connection, release=True),
        prefix=f"{session.prefix}rehearsal: ",
        is_copy=True,
    )
    if copy.has_role:
        on_copy = replace(
            on_copy, migrations=tuple(_without_power(session, one, versions) for one in session.migrations)
        )
    session.tell(f"rehearsing {len(versions)} migration{'s' if len(versions) > 1 else ''} on the copy")
    traces: list[StatementTrace] = []
    refusal = _prepared(on_copy)
    seen = on_copy.look()
    if isinstance(seen, Observed):
        # What it has before the migrations is what it must go on having.
        uses, totals = session.applying(session.uses, seen), session.applying(session.totals, seen)
        on_copy = replace(on_copy, uses=_without_roles(session, uses) if copy.has_role else uses, totals=totals)
    # Counting and hashing takes a while: only where there may be a way back to compare with.
    has_scripts = bool(load_rollbacks(session.settings.sql_dir))
    before = _before(on_copy, versions) if refusal is None and has_scripts else None
    answers = answered(on_copy, on_copy.totals) if refusal is None else {}
    trial = Trial(on_copy, seen)
    refusal = refusal or _unanswered(on_copy, answers) or _tried_and_migrated(on_copy, seen, versions, traces, trial)
    session.announce(Tried(trial.table))
    refusal = refusal or _other_totals(on_copy, answers)
    if refusal is None:
        for line in rehearsed_lines(traces, most=session.settings.batch_from):
            session.tell(line, is_detail="note: " not in line)
        refusal = _and_back(on_copy, versions, before, has_role=copy.has_role)
    if refusal is not None:
        raise PgMigrateError(
            Kind.REHEARSAL,
            f'could not rehearse on a copy of database "{session.settings.connection.database}": {refusal.message}',
            detail=f"{refusal.detail} Nothing was run on the database itself.",
            hint=_HINT_OF_POWER
            if copy.has_role and _NO_RIGHT in refusal.detail
            else "Correct the rows or the migration that it names, then run again."
            + (" Where only a sample of the rows breaks it: --data pg_rehearse=schema" if copy.is_sample else ""),
        )
    session.memory.rehearsed = tuple(traces)
    session.announce(Rehearsed(tuple(traces)))


def _without_power(session: DatabaseSession, migration: Migration, versions: Collection[int]) -> Migration:
    """Returns a migration as the role of a copy can run it: there everything is its own, and there is no other role.

    + versions: of which something is said
    """
    statements = []
    for statement in migration.statements:
        is_left_out = is_beyond_a_copy(statement.node, statement.text)
        if is_left_out and migration.version in versions:
            session.tell(f"    note: {migration.name}: not rehearsed, as a copy has one role only: {statement.words}")
        statements.append(replace(statement, text=_NOTHING) if is_left_out else statement)
    return replace(migration, statements=tuple(statements))


def _without_roles(session: DatabaseSession, uses: Sequence[Use]) -> tuple[Use, ...]:
    """Returns what the application does as nobody in particular; the rights of other roles a copy does not have."""
    for use in uses:
        if use.role:
            session.tell(f"    note: compatibility/{use.name}.sql is not tried on the copy: it has no role {use.role}")
    return tuple(use for use in uses if not use.role)


def _prepared(on_copy: DatabaseSession) -> Refusal | None:
    """Returns why the copy cannot be used, or None."""
    ended = on_copy.psql(prepared(on_copy.run, on_copy.settings.schema, "rehearsal/end_runs"))
    if ended.status == 0:
        return None
    return Refusal(Kind.REHEARSAL, ended.message or "no answer", "Found no way to use the copy.", "Run again.")


def _contents(on_copy: DatabaseSession) -> Contents | None:
    """Returns what the application has on the copy; None where it cannot be read."""
    answer = on_copy.psql(contents_script(on_copy.run, on_copy.settings.schema))
    if answer.status != 0:
        return None
    found = contents_of(answer)
    return replace(
        found, tables={name: value for name, value in found.tables.items() if not name.startswith("pgmigrate.")}
    )


def _unanswered(on_copy: DatabaseSession, totals: Mapping[str, Answers]) -> Refusal | None:
    """Returns why a total could not be asked before the migrations, or None."""
    for total in on_copy.totals:
        if totals[total.name].problem:
            return Refusal(
                Kind.REHEARSAL,
                f"could not ask totals/{total.name}.sql before the migrations",
                f"Found: {totals[total.name].problem}; expected a value for each key, or a header requires that names "
                "what not every database has.",
                "Correct the file.",
            )
    return None


def _other_totals(on_copy: DatabaseSession, before: Mapping[str, Answers]) -> Refusal | None:
    """Returns which total the migrations changed, or None; nobody else writes to the copy."""
    if not before:
        return None
    after = answered(on_copy, on_copy.totals)
    for total in on_copy.totals:
        was, now = before[total.name], after[total.name]
        if now.problem or not are_equal(was, now):
            return Refusal(
                Kind.REHEARSAL,
                f"totals/{total.name}.sql answers otherwise after the migrations: {total.purpose}",
                f"Found {now.problem or described(was, now)}; expected the same as before.",
                "Correct the migration.",
            )
    keys = ", ".join(f"{name} ({answers.count} keys)" for name, answers in sorted(before.items()))
    on_copy.tell(f"the same totals before and after: {keys}")
    return None


def _tried_and_migrated(
    on_copy: DatabaseSession,
    seen: Observed | Refusal,
    versions: Collection[int],
    traces: list[StatementTrace],
    trial: Trial,
) -> Refusal | None:
    """Returns why the migrations did not run, or what the application cannot do any more after one, or None.

    + seen: the copy before them; nobody else changes it
    """
    plan = seen if isinstance(seen, Refusal) else on_copy.plan(observed=seen)
    if isinstance(plan, Refusal) or plan.refusals:
        return plan if isinstance(plan, Refusal) else plan.refusals[0]
    ordered = [one.migration for one in plan.changes if one.migration.version in versions]
    pieces = [[one] for one in ordered]
    if not on_copy.uses or len(ordered) >= on_copy.settings.batch_from:
        pieces = [ordered]
    with trial.of(len(pieces) + 1):
        refusal = trial.at([])
        for number, piece in enumerate(pieces):
            # The last one ends the run: that shows in a plan of what is left only.
            found = on_copy.plan() if number and piece is pieces[-1] else plan
            if isinstance(found, Refusal):
                return refusal or found
            refusal = refusal or execute(on_copy, found, [one.version for one in piece], traces) or trial.at(piece)
    return refusal or _second_run(on_copy, versions)


def _migrated(on_copy: DatabaseSession, versions: Collection[int], traces: list[StatementTrace]) -> Refusal | None:
    """Returns why the migrations did not run, or would run a second time, or None."""
    plan = on_copy.plan()
    if isinstance(plan, Refusal):
        return plan
    refusal = plan.refusals[0] if plan.refusals else execute(on_copy, plan, versions, traces)
    return refusal or _second_run(on_copy, versions)


def _before(on_copy: DatabaseSession, versions: Collection[int]) -> _Before | None:
    """Returns the copy as it is before the migrations; None where it cannot be read."""
    contents = _contents(on_copy)
    if contents is None:
        return None
    effects = [one.effect for one in on_copy.migrations if one.version in versions and one.effect is not None]
    there = {line for effect in effects for line in effect.patch.plus} & contents.catalog.lines
    taken = [parts_of(key_of(line).removeprefix("column ")) for line in there if line.startswith("column ")]
    has: dict[str, list[str]] = {}
    for key in contents.catalog.by_key:
        if key.startswith("column "):
            table, column = parts_of(key.removeprefix("column "))
            has.setdefault(table, []).append(column)
    names = {ident: catalog_name(ident, on_copy.settings.schema) for ident in contents.tables}
    rest = {
        ident: tuple(column for column in has[name] if (name, column) not in taken)
        for ident, name in names.items()
        if any(table == name for table, _ in taken) and not any(line.startswith(f"table {name}") for line in there)
    }
    return _Before(contents, rest, _hashed(on_copy, rest))


def _hashed(on_copy: DatabaseSession, columns: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[int, str]]:
    """Returns rows and content hash of tables over some of their columns; nothing of one that cannot be read."""
    if not columns:
        return {}
    return tables_of(on_copy.psql(known_contents(columns, on_copy.run, on_copy.settings.schema, is_copy=True)))


def _not_as_before(on_copy: DatabaseSession, before: _Before | None, rollback: Rollback) -> list[str]:
    """Returns what the way back left otherwise than it was.

    What the migrations found in place and took over goes with them, and with that what others had built on it.
    """
    after = _contents(on_copy)
    if before is None or after is None:
        return ["it cannot be read"]
    was = before.contents
    went = rollback.patch.minus.union(*(one.lines for one in rollback.kept)) & was.catalog.lines
    names = {f"table {catalog_name(ident, on_copy.settings.schema)}": ident for ident in was.tables}
    gone = {names[key] for line in went if not is_own(line) and (key := key_of(line)) in names}
    expected = {ident: value for ident, value in was.tables.items() if ident not in gone}
    return list(
        differences(
            replace(was, tables={**expected, **before.rest}, catalog=Catalog(was.catalog.lines - went)),
            replace(after, tables={**after.tables, **_hashed(on_copy, before.columns)}),
        )
    )


def _and_back(
    on_copy: DatabaseSession, versions: Collection[int], before: _Before | None, *, has_role: bool
) -> Refusal | None:
    """Returns why the way back and forward again does not work, or None; tells where there is none.

    + has_role: the copy has a role of its own
    """
    stays = max((one.version for one in on_copy.migrations if one.version < min(versions)), default=0)
    # Only what was in place before can have anything on it that others built: it is made again on the way forward.
    on_copy = replace(on_copy, settings=replace(on_copy.settings, dependents="quarantine"))
    try:
        found = plan_rollback(on_copy, target=stays)
    except PgMigrateError as error:
        found = error.refusal
    if isinstance(found, Refusal) and found.kind in (Kind.ORDER, Kind.FILE):
        on_copy.tell(f"no rollback script covers just these, so none is rehearsed: {found.message}")
        return None
    if found is None or isinstance(found, Refusal):
        return found
    if has_role:
        back = _without_power(on_copy, found.decision.migration, [found.decision.migration.version])
        found = replace(found, decision=replace(found.decision, migration=back))
    refusal = revert(on_copy, found, target=stays)
    if refusal is not None:
        return refusal
    changed = _not_as_before(on_copy, before, found)
    if changed:
        return Refusal(
            Kind.REHEARSAL,
            f"rollback script {found.decision.migration.name} does not lead back",
            f"Found: {'; '.join(changed[:5])}; expected rows and catalog as before the migrations.",
            "Correct the script.",
        )
    refusal = _migrated(on_copy, versions, [])
    if refusal is None and found.found_there:
        refusal = _still_kept(on_copy)
    if refusal is None:
        but = f", but for what the migrations found in place ({_some(found.found_there)})" if found.found_there else ""
        on_copy.tell(f"rolled back to the same rows and catalog as before{but}, and migrated again")
    return refusal


def _some(keys: Collection[str]) -> str:
    more = f", and {len(keys) - _MOST_KEYS} more" if len(keys) > _MOST_KEYS else ""
    return ", ".join(sorted(keys)[:_MOST_KEYS]) + more


def _still_kept(on_copy: DatabaseSession) -> Refusal | None:
    """Returns why not all is there again that was kept of what the migrations had found in place, or None."""
    seen = on_copy.look()
    if isinstance(seen, Refusal):
        return seen
    kept = () if seen.registry is None else seen.registry.quarantines
    left = [f"{one.rows} rows of {one.object}" for one in kept if one.run_id == on_copy.run.run_id]
    if not left:
        return None
    return Refusal(
        Kind.REHEARSAL,
        "objects that were in place before are missing after rolling back and migrating again",
        f"Found in the quarantine still: {'; '.join(left[:5])}; expected nothing of this run.",
        "Complete by hand what is half there, or take it back, then run again.",
    )


def _second_run(on_copy: DatabaseSession, versions: Collection[int]) -> Refusal | None:
    """Returns why a second run would change something, or None."""
    plan = on_copy.plan()
    if isinstance(plan, Refusal):
        return plan
    again = [decision for decision in plan.changes if decision.migration.version in versions]
    if not again:
        return None
    return Refusal(
        Kind.REHEARSAL,
        f'migration "{again[0].migration.name}" would be run a second time',
        f"Found: {' '.join(decision_lines(again[0]))}; expected nothing to do after it ran.",
        "See why its lines or its verify query say that it is not applied.",
    )


def tell_compared(session: DatabaseSession, traces: Sequence[StatementTrace]) -> None:
    """Tells rehearsal against run for what has just been run on the database itself."""
    rehearsed = session.memory.rehearsed
    if rehearsed:
        for line in compared_lines(rehearsed, traces, most=session.settings.batch_from):
            session.tell(line, is_detail="note: " not in line)
