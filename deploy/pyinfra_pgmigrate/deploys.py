"""Deploys: operations in order.

Two lines bring them into any provisioning::

    from pyinfra_pgmigrate import migrate_database
    migrate_database()

Settings are host data (``pg_database`` and so on, see docs/reference/settings.md); a keyword stands above the host's
own: ``migrate_database(database="shop")``. Where there is ``pg_databases``, each of them is worked on in turn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pyinfra.api import DeployError, deploy

from .databases import each_database, not_chosen
from .drift.look import drift_of
from .errors import PgMigrateError, Refusal
from .host.events import Started
from .host.pyinfra_api import command_line_data, count_operations, current_host, keyed
from .operations import backup, restore, restore_point, rollback, safeguard, validate
from .operations import migrate as operations
from .planning.database import DatabaseSession
from .planning.plan import Plan
from .registry.model import Observed
from .report.console import headings, plan_lines, rollback_lines, validation_lines
from .report.journal import Drifted, Looked, Validated
from .report.overview import rows_of, tell_table
from .report.status import Summary, status_parts, summary
from .rollback.look import plan_rollback
from .rollback.turn import Rollback
from .settings import PREFIX
from .units import visible
from .validation.compare import compared
from .validation.measure import comparisons
from .validation.query_cost import Comparison
from .validation.validate import checks_of
from .validation.verdict import Check, Verdict

# A deploy of one database, with host data keys that stand above the host's own, and global arguments of operations.
_Deploy = Callable[[DatabaseSession, dict[str, Any], dict[str, Any]], None]


def _on_each(
    title: str, work: _Deploy, settings: Mapping[str, Any], *, only_one: str = "", as_a_whole: bool = False
) -> None:
    """Runs a deploy for each database, or schema, that the host data, or the call, name.

    + only_one: what is done, as a verb, where that may be to one of them only
    + as_a_whole: a database is worked on once, whatever its schemas
    """
    host = current_host()
    given = {f"{PREFIX}{name}": value for name, value in settings.items()}
    try:
        data: dict[str, Any] = host.data.dict()  # type: ignore[no-untyped-call]
        several = each_database(data, given, command_line_data(host), as_a_whole=as_a_whole)
        if only_one and len(several) > 1:
            raise not_chosen(only_one, [keys[f"{PREFIX}database"] for keys in several])
        databases = [(DatabaseSession.of(host, {**given, **keys}), {**given, **keys}) for keys in several]
    except PgMigrateError as error:
        # The user's mistake, the same for all hosts: nothing is run anywhere.
        raise DeployError(visible(str(error))) from None
    # Of one of several pyinfra is not to leave the host alone: see ``on_one_host``.
    arguments = {"_retries": 0, **({"_ignore_errors": True} if len(databases) > 1 else {})}
    for number, (session, overrides) in enumerate(databases):
        session.announce(Started(title))
        before, declared = count_operations(host), session.context.declared
        session.memory.follows_others = before > declared[host.name]
        with keyed(host, number):
            work(session, overrides, arguments)
        declared[host.name] += count_operations(host) - before


def _named(name: str, overrides: Mapping[str, Any]) -> str:
    """Returns what an operation is called: with database and schema where there are several, or the call names them."""
    called = [overrides.get(f"{PREFIX}{key}") for key in ("database", "schema")]
    place = ".".join(str(one) for one in called if one is not None)
    return f"{place}: {name}" if place else name


def _check_queries(session: DatabaseSession) -> None:
    """Raises DeployError where a file of sql/queries breaks a rule: only deploys that measure want them."""
    try:
        _ = session.queries
    except PgMigrateError as error:
        raise DeployError(visible(str(error))) from None


def _note(session: DatabaseSession, seen: Observed | Refusal, found: Plan | Rollback | Refusal | None = None) -> None:
    """Takes down, for the report, what was found before anything is run."""
    session.announce(
        Looked(seen if isinstance(seen, Observed) else None, found if isinstance(found, (Plan, Rollback)) else None)
    )


def _tell_refusals(session: DatabaseSession, found: Plan | Refusal) -> bool:
    refusals = (found,) if isinstance(found, Refusal) else found.refusals
    for refusal in refusals:
        session.tell_refusal(refusal)
    return bool(refusals)


def _may_come(session: DatabaseSession, refusal: Refusal) -> bool:
    """Tells whether a database that cannot be read may be there once the operations before ours have run; says so."""
    if not session.memory.follows_others:
        return False
    why = refusal.message.partition(": ")[2]
    session.tell(
        f'database "{session.settings.connection.database}" is looked at once the operations before have run '
        f"(now: {why})"
    )
    session.tell(f"    {refusal.detail}", is_detail=True)
    if session.settings.check:
        # All of it is pending.
        session.fail()
    return True


@deploy("Migrate database")
def migrate_database(**settings: Any) -> None:
    """Brings a database to the last migration, or to pg_target, by state check.

    + settings: host data keys without their prefix, above the host's own

    Changes: what the effect files of the pending migrations say, and the registry; a second run
    changes nothing. Leaves a standby alone. Refuses: see ``plan``. Raises DeployError for mistakes in
    settings and files, before anything runs.
    """
    _on_each("Migrate database", _migrate, settings)


def _migrate(session: DatabaseSession, overrides: dict[str, Any], arguments: dict[str, Any]) -> None:
    _check_queries(session)
    seen = session.look(asks=True)
    if isinstance(seen, Observed):
        session.memory.saw(seen, session.schema, before_all=True)
    plan = seen if isinstance(seen, Refusal) else session.plan(observed=seen)
    _note(session, seen, plan)
    if isinstance(seen, Observed):
        session.tell(headings(seen))
        drifts = drift_of(session, seen)
        session.announce(Drifted(drifts))
        if drifts is not None and drifts.entries:
            session.tell(f"warning: schema drift since the last run: {drifts.counts}; deploy/status.py says how")
        if seen.server.in_recovery:
            session.tell("this server is a standby: it follows its primary and is left alone")
            return
    operations.prepared.keep(session.host, overrides, plan)
    versions = [migration.version for migration in session.migrations]
    batch = len(versions) >= session.settings.batch_from
    if isinstance(seen, Refusal) and _may_come(session, seen):
        pass
    elif _tell_refusals(session, plan):
        session.fail()
    elif isinstance(plan, Plan):
        for line in plan_lines(plan, most=session.settings.batch_from):
            session.tell(line, is_detail=line.startswith("    ") and not line.startswith("    because: "))
        versions = [decision.migration.version for decision in plan.changes]
        batch = len(versions) >= session.settings.batch_from
        if session.settings.check and _is_behind(session, seen, plan):
            session.fail()
    operations.check(name=_named("Check", overrides), overrides=overrides, **arguments)
    if _is_safeguarded(session) and not (isinstance(plan, Plan) and not plan.runs_statements):
        if isinstance(seen, Observed):
            _tell_safeguard(session, seen, len(versions))
        safeguard.safeguard(name=_named("Backup and rehearsal", overrides), overrides=overrides, **arguments)
    _migrations(session, overrides, arguments, versions, batch=batch)
    if versions or session.settings.measure == "always":
        validate.validate(name=_named("Validation", overrides), overrides=overrides, **arguments)


def _migrations(
    session: DatabaseSession,
    overrides: Mapping[str, Any],
    arguments: Mapping[str, Any],
    versions: Sequence[int],
    *,
    batch: bool,
) -> None:
    """Declares one operation for all of them, or one each."""
    if batch:
        operations.migrations(
            name=_named(f"All from {session.settings.batch_from} pending on", overrides),
            overrides=overrides,
            **arguments,
        )
        return
    for number, migration in enumerate(session.migrations):
        if migration.version in versions:
            with keyed(session.host, number):
                operations.migration(
                    name=_named(migration.name, overrides),
                    version=migration.version,
                    overrides=overrides,
                    **arguments,
                )


def _is_safeguarded(session: DatabaseSession) -> bool:
    """Tells whether anything comes before the migrations."""
    return not session.settings.skip_backup or session.settings.rehearse == "schema"


def _tell_safeguard(session: DatabaseSession, seen: Observed, count: int) -> None:
    try:
        session.tell("\n".join(safeguard.would(session, seen, count)))
    except PgMigrateError as error:
        session.tell_refusal(error.refusal)
        session.fail()


def _is_behind(session: DatabaseSession, seen: Observed | Refusal, plan: Plan) -> bool:
    drifts = drift_of(session, seen) if isinstance(seen, Observed) else None
    return bool(plan.changes) or (drifts is not None and drifts.fails(strict=session.settings.strict))


@deploy("Roll back database")
def rollback_database(**settings: Any) -> None:
    """Takes migrations back, after a backup; see the operation ``rollback``.

    + settings: host data keys without their prefix, above the host's own; ``target`` is the version that stays

    A second run changes nothing. What goes is kept in the quarantine.
    """
    _on_each("Roll back database", _roll_back, settings)


def _roll_back(session: DatabaseSession, overrides: dict[str, Any], arguments: dict[str, Any]) -> None:
    seen = session.look()
    if isinstance(seen, Observed) and seen.server.in_recovery:
        _note(session, seen)
        session.tell(f"{headings(seen)}\nthis server is a standby: it follows its primary and is left alone")
        return
    found = seen if isinstance(seen, Refusal) else _rollback(session, seen)
    refusal = found if isinstance(found, Refusal) else session.unnamed("roll back")
    if refusal is None and isinstance(found, Rollback) and isinstance(seen, Observed):
        refusal = rollback.no_room(session, seen, found)
    rollback.prepared.keep(session.host, overrides, found if refusal is None else refusal)
    _note(session, seen, found)
    if isinstance(seen, Observed):
        session.memory.saw(seen, session.schema, before_all=True)
        session.tell(headings(seen))
    if refusal is not None:
        _tell_refusals(session, refusal)
        session.fail()
    elif isinstance(found, Rollback):
        session.tell("\n".join(rollback_lines(found)))
    if not session.settings.skip_backup and isinstance(found, Rollback) and refusal is None:
        if isinstance(seen, Observed) and restore_point.told(session, seen):
            restore_point.restore_point(name=_named("Restore point", overrides), overrides=overrides, **arguments)
        else:
            backup.backup(name=_named("Backup", overrides), overrides=overrides, **arguments)
    rollback.rollback(name=_named("Rollback", overrides), overrides=overrides, **arguments)


def _rollback(session: DatabaseSession, seen: Observed) -> Rollback | Refusal | None:
    try:
        return plan_rollback(session, target=session.settings.target, observed=seen)
    except PgMigrateError as error:
        # A rollback script that breaks a rule: the same for all hosts.
        raise DeployError(visible(str(error))) from None


@deploy("Validate database")
def validate_database(**settings: Any) -> None:
    """Checks a database: verify queries, what was there before, rows and totals, what the structure cannot do.

    + settings: host data keys without their prefix, above the host's own

    Changes: nothing; there is no operation in it. Where rows differ from the backup, those of that table are restored
    into a database beside, dropped at the end. The exit status is 1 when a check fails, or could not be made.
    """
    _on_each("Validate database", _validate, settings)


def _validate(session: DatabaseSession, overrides: dict[str, Any], arguments: dict[str, Any]) -> None:
    _check_queries(session)
    seen = session.look(asks=True)
    plan = seen if isinstance(seen, Refusal) else session.plan(observed=seen)
    _note(session, seen, plan)
    if isinstance(seen, Observed):
        session.tell(headings(seen))
    refused = _tell_refusals(session, plan)
    with session.phase("Validation"):
        queries: tuple[Comparison, ...] = ()
        if isinstance(seen, Observed):
            queries = comparisons(session, seen)
            checks = [*checks_of(session, seen, queries), *compared(session, seen)]
        else:
            place = f'database "{session.settings.connection.database}"'
            checks = [Check(Verdict.FAIL, "every check", place, "it could not be read", "an answer", seen.hint)]
        session.announce(Validated(tuple(checks), queries))
    session.tell("\n".join(validation_lines(checks)))
    if refused or any(check.verdict is Verdict.FAIL for check in checks):
        session.fail()


@deploy("Back up database")
def backup_database(**settings: Any) -> None:
    """Takes a backup of a database and proves that it restores; see the operation ``backup``.

    + settings: host data keys without their prefix, above the host's own

    A second run within pg_backup_max_age_s changes nothing, as long as the structure is the same.
    """
    _on_each("Back up database", _back_up, settings, as_a_whole=True)


def _back_up(session: DatabaseSession, overrides: dict[str, Any], arguments: dict[str, Any]) -> None:
    seen = session.look()
    _note(session, seen)
    if isinstance(seen, Observed):
        session.tell(headings(seen))
        if not seen.server.in_recovery:
            try:
                session.tell(backup.would(session, seen, overrides))
            except PgMigrateError as error:
                session.tell_refusal(error.refusal)
                session.fail()
    elif not _may_come(session, seen):
        _tell_refusals(session, seen)
        session.fail()
    backup.backup(name=_named("Backup", overrides), overrides=overrides, **arguments)


@deploy("Restore database")
def restore_database(**settings: Any) -> None:
    """Puts a backup in the place of a database; see the operation ``restore``.

    + settings: host data keys without their prefix, above the host's own; ``backup`` names the backup
    """
    _on_each("Restore database", _restore, settings, only_one="restore", as_a_whole=True)


def _restore(session: DatabaseSession, overrides: dict[str, Any], arguments: dict[str, Any]) -> None:
    refusal = restore.unconfirmed(session)
    if refusal is not None:
        _tell_refusals(session, refusal)
        session.fail()
    else:
        try:
            session.tell(restore.would_restore(session))
        except PgMigrateError as error:
            session.tell_refusal(error.refusal)
            session.fail()
    restore.restore(name=_named("Restore", overrides), overrides=overrides, **arguments)


@deploy("Database status")
def database_status(**settings: Any) -> None:
    """Tells which migrations hold on a database, by whom and since when, what is pending, held or drifted.

    + settings: host data keys without their prefix, above the host's own

    Changes: nothing; there is no operation in it, unless pg_quarantine_drop names a run: see the operation
    ``drop_quarantine``. With pg_check the exit status is 1 when something is pending or drifted.
    """
    _on_each("Database status", _status, settings)
    tell_table(current_host())


def _status(session: DatabaseSession, overrides: dict[str, Any], arguments: dict[str, Any]) -> None:
    seen = session.look(asks=True)
    rows = rows_of(session.host)
    plan = seen if isinstance(seen, Refusal) else session.plan(observed=seen)
    _note(session, seen, plan)
    if isinstance(seen, Refusal) or isinstance(plan, Refusal):
        _tell_refusals(session, plan)
        session.fail()
        rows.append(Summary(session.host.name, session.settings.name, verdict="unreadable"))
        return
    drifts = drift_of(session, seen)
    session.announce(Drifted(drifts))
    for part in status_parts(seen, plan, session.migrations, drifts):
        session.tell("\n".join(part.lines), colour=part.colour)
    strict = session.settings.strict
    rows.append(
        summary(session.host.name, session.settings.name, seen, plan, session.migrations, drifts, strict=strict)
    )
    if _tell_refusals(session, plan) or (session.settings.check and _is_behind(session, seen, plan)):
        session.fail()
    if session.settings.quarantine_drop is not None:
        refusal = rollback.dropping(session, seen)
        if refusal is not None:
            _tell_refusals(session, refusal)
            session.fail()
        for kept in rollback.in_quarantine(session, seen):
            session.tell(f"would drop what run {kept.run_id[:8]} kept of {kept.object}")
        rollback.drop_quarantine(name=_named("Drop quarantine", overrides), overrides=overrides, **arguments)
