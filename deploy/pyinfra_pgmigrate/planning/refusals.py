"""The text of every refusal that the plan can come to, in one place."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ..catalog.lines import Catalog
from ..errors import Kind, Refusal
from ..importing.ledgers import Stated
from ..migrations.files import Migration
from ..registry.model import AppliedMigration, Observed, Server, Verified
from ..units import ranges
from .state import Clash, Judgement

_MOST_LINES = 5


def _some(lines: Sequence[str]) -> str:
    """Returns the first lines, joined, and how many more there are."""
    shown = "; ".join(lines[:_MOST_LINES])
    return shown if len(lines) <= _MOST_LINES else f"{shown}; and {len(lines) - _MOST_LINES} more"


def problems_of(verified: Verified) -> str:
    """Returns what a verify query found, in one sentence without a period."""
    if verified.count is None:
        return f"the verify query could not run: {verified.message} (SQLSTATE {verified.sqlstate})"
    shown = _some([f"{problem.object}: {problem.problem}" for problem in verified.problems[:_MOST_LINES]])
    rest = verified.count - min(verified.count, _MOST_LINES)
    return f"{shown}; and {rest} more" if rest else shown


def schema_missing(schema: str, observed: Observed) -> Refusal:
    """The target schema does not exist."""
    return Refusal(
        Kind.UNREADABLE,
        f'could not find schema "{schema}" in database "{observed.server.database}"',
        detail="Found no schema of that name that the role may use; expected the one the migrations are for.",
        hint=f"Correct pg_schema, or let its owner run: GRANT USAGE ON SCHEMA {schema} TO {observed.server.role}",
    )


def registry_newer(found: int, expected: int) -> Refusal:
    """A newer version of the tool made the registry."""
    return Refusal(
        Kind.REGISTRY,
        f"cannot use a registry of version {found}",
        detail=f"Found version {found} in pgmigrate.registry; expected at most {expected}.",
        hint="Upgrade the tool on this controller: pip install --upgrade pyinfra-pgmigrate",
    )


def of_another_kind(scope: str, others: Collection[str]) -> Refusal:
    """The database has migrations of its own, or its schemas have theirs: each would take the other's for drift."""
    if scope:
        return Refusal(
            Kind.REGISTRY,
            f'cannot migrate schema "{scope}" by itself: the registry holds migrations of the whole database',
            detail="Found migrations that were applied without pg_schemas; expected none.",
            hint="Leave pg_schemas out, or use another database.",
        )
    return Refusal(
        Kind.REGISTRY,
        f"cannot migrate the whole database: its registry holds migrations of {len(others)} schema(s)",
        detail=f"Found migrations of {', '.join(sorted(others)[:5])}; expected pg_schemas to name the schemas.",
        hint="Set pg_schemas in the inventory, public among them if it has migrations.",
    )


def elsewhere(migration: Migration, lines: Sequence[str], scope: str) -> Refusal:
    """A migration of one schema changes what is not in it."""
    return Refusal(
        Kind.FILE,
        f'cannot apply migration "{migration.name}" to schema "{scope}" alone: it changes what is not in its schema',
        detail=f"Found in its effect: {lines[0]}; expected names without a schema, and nothing that the whole database "
        "has, as pg_schemas is set.",
        hint="Move those statements to a migration of the schema that has them, or to what provisions the database.",
    )


def registry_damaged(damaged: Sequence[str]) -> Refusal:
    """Somebody had a hand in the registry."""
    return Refusal(
        Kind.REGISTRY,
        "cannot use the registry: it is damaged",
        detail=f"Found tables missing or without one of their columns: {', '.join(damaged)}; expected all of schema "
        "pgmigrate.",
        hint="Bring its tables back from a backup; or put it aside, and the run adopts what is in place: "
        "ALTER SCHEMA pgmigrate RENAME TO pgmigrate_damaged_1",
    )


def no_such_target(target: int, migrations: Sequence[Migration]) -> Refusal:
    """The target names no migration."""
    known = ", ".join(migration.name.split("_")[0] for migration in migrations) or "none"
    return Refusal(
        Kind.SETTINGS,
        f"could not find migration {target:03}, the target",
        detail=f"Found pg_target {target:03}; expected one of {known}.",
        hint="Correct --data pg_target=NNN, or leave it out to apply all.",
    )


def no_such_applied(version: int, migrations: Sequence[Migration]) -> Refusal:
    """The version up to which all ran by other means names no migration."""
    known = ", ".join(migration.name.split("_")[0] for migration in migrations) or "none"
    return Refusal(
        Kind.SETTINGS,
        f"could not find migration {version:03}, up to which all ran",
        detail=f"Found pg_applied {version:03}; expected one of {known}, or 0 for none.",
        hint="Correct --data pg_applied=NNN.",
    )


def ledger_unclear(stated: Stated) -> Refusal:
    """Another tool's ledger has a gap, or something in it failed."""
    return Refusal(
        Kind.AMBIGUOUS,
        f"cannot tell from table {stated.table} which migrations were applied",
        detail=f'Found "{stated.missing}" not applied to its end there, or others after it applied; expected all up to '
        "one of them, without a gap.",
        hint="Let that tool finish it, or name the last migration that was applied: --data pg_applied=NNN",
    )


def not_as_stated(version: int, wrong: Sequence[str], catalog: Catalog, nearest: int, table: str = "") -> Refusal:
    """The catalog is not what it would be had all up to a version run.

    + table: that says so; empty where the operator does
    """
    said = f" as table {table} says" if table else ""
    found = [f"{'there' if line in catalog.lines else 'missing'}: {line}" for line in wrong]
    return Refusal(
        Kind.CONFLICT,
        f"cannot register all migrations up to {version:03}: the database is not as they leave it",
        detail=f"Found {_some(found)}; expected the structure after {version:03}{said}. Nearest is the structure after "
        f"{nearest:03}.",
        hint=f"Name the last migration that ran: --data pg_applied={nearest}",
    )


def ambiguous(migration: Migration, statements: Sequence[int], before: int) -> Refusal:
    """The catalog cannot say whether a migration, or some statements of it, have run.

    + statements: those that leave no trace; empty: none of it does
    + before: version of the migration before it, 0 for the first
    """
    numbers = ranges(statements)
    one = len(statements) == 1
    what = f"statement{'' if one else 's'} {numbers} of it leave{'s' if one else ''} no trace" if statements else ""
    return Refusal(
        Kind.AMBIGUOUS,
        f'cannot tell whether migration "{migration.name}" has run: {what or "it leaves no trace in the catalog"}',
        detail="Found other migrations of this folder in place and no row in the registry; expected a verify query "
        f"({migration.name}.verify.sql) that shows it, or the last migration that ran (pg_applied).",
        hint=f"If it ran: --data pg_applied={migration.version}; if it did not: --data pg_applied={before}",
    )


def interrupted(migration: Migration, judgement: Judgement, done: str) -> Refusal:
    """A run of ours stopped in a migration, and the catalog has changed since."""
    found = [f"missing: {line}" for line in judgement.missing] + [f"there: {line}" for line in judgement.left]
    return Refusal(
        Kind.CONFLICT,
        f'cannot go on with migration "{migration.name}": the database is not as the run that stopped in it left it',
        detail=f"Found {_some(found) or 'all of it in place'}; expected what statements {done} leave, which are "
        "done by the registry (pgmigrate.events).",
        hint="Undo the change by hand, then run again.",
    )


def half_there(migration: Migration, judgement: Judgement, unseen: Sequence[int]) -> Refusal:
    """A migration is half there by hand, and it is not sure that running the rest is right.

    + unseen: statements of which the catalog cannot tell whether they ran
    """
    missing = [f"missing: {line}" for line in judgement.missing] + [f"still there: {line}" for line in judgement.left]
    numbers = ranges(unseen)
    why = (
        f"whether statement{'s' if len(unseen) > 1 else ''} {numbers} ran cannot be seen"
        if unseen
        else "running what is missing does not lead to what the whole migration makes"
    )
    return Refusal(
        Kind.AMBIGUOUS if unseen else Kind.CONFLICT,
        f'cannot finish migration "{migration.name}", which is half there: {why}',
        detail=f"Found {_some(missing) or 'lines of it that it only makes for a moment'}; expected all of its lines or "
        "none.",
        hint=f"Finish it by hand and run again with --data pg_applied={migration.version}, or undo by hand what is "
        "there of it"
        + ('; or write "-- repeatable: true" into its header, if its statements may run twice.' if unseen else "."),
    )


def leads_elsewhere(migration: Migration, wrong: Sequence[str], lines: Collection[str]) -> Refusal:
    """What the plan would run does not end where the migrations lead to."""
    found = [f"{'there' if line in lines else 'missing'}: {line}" for line in wrong]
    return Refusal(
        Kind.CONFLICT,
        f'cannot apply migration "{migration.name}": from what is there the plan does not lead to its end',
        detail=f"Found at the end {_some(found)}; expected what {migration.name}.effect and those after it say.",
        hint="Undo by hand what was changed there, then run again.",
    )


def target_is_behind(target: int, newest: int) -> Refusal:
    """The target is older than what is applied."""
    return Refusal(
        Kind.SETTINGS,
        f"cannot migrate to {target:03}: the database is at {newest:03}",
        detail=f"Found {newest:03} applied; expected nothing after the target {target:03}.",
        hint="To go back, run deploy/rollback.py; to stay, leave pg_target out.",
    )


def file_is_gone(row: AppliedMigration) -> Refusal:
    """An applied migration has no file any more."""
    return Refusal(
        Kind.ORDER,
        f'could not find the file of applied migration "{row.name}"',
        detail=f"Found it in the registry (applied {row.applied_at}); expected {row.name}.sql in the SQL folder.",
        hint=f"Bring the file back from version control: git log --all -- '*{row.name}.sql'",
    )


def older_is_pending(migration: Migration, newest: int) -> Refusal:
    """A pending migration is older than an applied one."""
    return Refusal(
        Kind.ORDER,
        f'cannot apply migration "{migration.name}" after {newest:03}',
        detail=f"Found {newest:03} applied and {migration.version:03} pending; expected them in order.",
        hint="Give the file the next free number, or run again with --data pg_out_of_order=true",
    )


def file_changed(migration: Migration, row: AppliedMigration) -> Refusal:
    """A file is not the one that was applied."""
    return Refusal(
        Kind.CHANGED,
        f'cannot use migration "{migration.name}": its file changed after it was applied',
        detail=f"Found checksum {migration.checksum} in the file; expected {row.checksum}, applied {row.applied_at} "
        f"by {row.applied_by}.",
        hint="Bring the applied file back from version control, and write the change as a new migration: "
        "pgmigrate new NAME",
    )


def drifted(migration: Migration, judgement: Judgement, verified: Verified | None) -> Refusal:
    """An applied migration is not in the catalog any more."""
    found = [f"missing: {line}" for line in judgement.missing]
    found += [f"there again: {line}" for line in judgement.left]
    found += [
        f"changed: {clash.found} (expected {clash.expected})" for clash in judgement.clashes if clash.found is not None
    ]
    if verified is not None and not verified.holds:
        found.append(problems_of(verified))
    return Refusal(
        Kind.DRIFT,
        f'schema drift: migration "{migration.name}" is recorded as applied, but some of its objects are missing',
        detail=f"Found {_some(found)}; expected what {migration.name}.effect says.",
        hint="Find out who changed it; to create it again: --data pg_repair=true",
    )


def not_repairable(migration: Migration, judgement: Judgement) -> Refusal:
    """Drift that no statement of the migration would mend."""
    found = [f"{clash.found or 'nothing'} (expected {clash.expected})" for clash in judgement.clashes]
    return Refusal(
        Kind.CONFLICT,
        f'cannot repair migration "{migration.name}": its objects exist with other definitions',
        detail=f"Found {_some(found) or 'a statement that is half there'}; expected what {migration.name}.effect says.",
        hint="Change the object back by hand, then run again.",
    )


def conflict(migration: Migration, judgement: Judgement) -> Refusal:
    """An object of that name exists with another definition, or a statement is half there."""
    clashing = [clash for clash in judgement.clashes if clash.found is not None] or list(judgement.clashes)
    first = clashing[0] if clashing else None
    if first is None:
        message = f'cannot apply migration "{migration.name}": one of its statements is half there'
        detail = f"Found still there: {_some(judgement.left)}; expected all of the statement's lines or none."
        return Refusal(Kind.CONFLICT, message, detail=detail, hint="Undo that change by hand, then run again.")
    if first.found is None:
        return Refusal(
            Kind.CONFLICT,
            f'cannot apply migration "{migration.name}": a statement is half there, {first.key} is missing',
            detail=f"Found the rest of the statement; expected also {_some([clash.expected for clash in clashing])}.",
            hint="Add what is missing by hand, or undo the rest of the statement, then run again.",
        )
    more = f" ({len(clashing) - 1} more)" if len(clashing) > 1 else ""
    return Refusal(
        Kind.CONFLICT,
        f'cannot apply migration "{migration.name}": {first.key} exists with another definition{more}',
        detail=f"Found {first.found}; expected {first.expected}.",
        hint="Rename or change the object that is there, then run again.",
    )


def other_there(migration: Migration, others: Sequence[Clash]) -> Refusal:
    """What a migration takes away is there with another definition, so that it is neither gone nor what is meant."""
    more = f" ({len(others) - 1} more)" if len(others) > 1 else ""
    return Refusal(
        Kind.CONFLICT,
        f'cannot apply migration "{migration.name}": {others[0].key}, which it drops, has another definition{more}',
        detail=f"Found {others[0].found}; expected {others[0].expected}, or nothing of that name.",
        hint="Remove it by hand where it is to go, then run again; where it is to stay: "
        f"--data pg_applied={migration.version}, which takes this migration and all before it as applied.",
    )


def lacking(migration: Migration, keys: Sequence[str], before: int) -> Refusal:
    """Something that a migration builds on is not there.

    + before: version of the migration before it, 0 for the first
    """
    stop = f", or stop before this migration with --data pg_target={before:03}" if before else ", then run again."
    return Refusal(
        Kind.NEEDS,
        f'cannot apply migration "{migration.name}": {keys[0]} is missing',
        detail=f"Found no {_some(list(keys))}; expected it, because the migration builds on it.",
        hint=f"Add what is missing{stop}",
    )


def not_owner(migration: Migration, table: str, owner: str, role: str) -> Refusal:
    """The role is not the owner of a table that a migration changes."""
    return Refusal(
        Kind.PRIVILEGE,
        f'cannot apply migration "{migration.name}" as role {role}: table {table} belongs to {owner}',
        detail=f"Found the owner {owner}; expected a role whose privileges {role} has.",
        hint=f"Connect as {owner} (pg_user), or let a superuser run: GRANT {owner} TO {role}",
    )


def may_not_create(what: str, role: str, privilege: str) -> Refusal:
    """The role may not make objects in a schema or a schema in the database."""
    return Refusal(
        Kind.PRIVILEGE,
        f"cannot migrate as role {role}: it may not create objects in {what}",
        detail=f"Found no CREATE privilege on {what}; expected it.",
        hint=f"Let its owner run: GRANT CREATE ON {privilege} TO {role}",
    )


def too_powerful(server: Server) -> Refusal:
    """What the application does is not tried as a superuser where others could have anything run by it."""
    return Refusal(
        Kind.PRIVILEGE,
        f'cannot try compatibility/*.sql on database "{server.database}" as superuser {server.role}',
        detail=f"Found {len(server.foreign_code)} function(s) of roles without that power, such as "
        f"{server.foreign_code[0]}; expected none, or a role that is no superuser: such a function, behind a trigger, "
        "would run with its rights, whichever role a file names.",
        hint="Connect as the owner of the database (pg_user), or leave pg_compatibility out: a rehearsal tries them.",
    )


def not_verified(migration: Migration, verified: Verified) -> Refusal:
    """The verify query finds problems that no statement of the migration would mend."""
    return Refusal(
        Kind.VERIFY,
        f'could not verify migration "{migration.name}": {verified.count or "some"} problem(s)',
        detail=f"Found {problems_of(verified)}; expected no row from {migration.name}.verify.sql.",
        hint="Correct these rows or objects, then run again.",
    )
