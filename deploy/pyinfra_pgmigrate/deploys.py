"""Deploys: operations in order.

Two lines bring them into any provisioning::

    from pyinfra_pgmigrate import migrate_database
    migrate_database()

Settings are host data (``pg_database`` and so on, see docs/reference/settings.md); a keyword stands above the host's
own: ``migrate_database(database="shop")``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from pyinfra import logger
from pyinfra.api import DeployError, Host, State, deploy

from .drift.look import drift_of
from .errors import PgMigrateError, Refusal
from .host.events import Started
from .host.pyinfra_api import chosen_hosts, current_host, fail, keyed
from .operations import backup, restore, rollback, validate
from .operations import migrate as operations
from .planning.database import DatabaseSession
from .planning.plan import Plan
from .registry.model import Observed
from .report.console import headings, plan_lines, rollback_lines, validation_lines
from .report.journal import Drifted, Looked, Validated
from .report.status import Summary, status_parts, summary, table
from .rollback.look import plan_rollback
from .rollback.turn import Rollback
from .settings import PREFIX
from .units import visible
from .validation.compare import compared
from .validation.measure import comparisons
from .validation.query_cost import Comparison
from .validation.validate import checks_of
from .validation.verdict import Check, Verdict


def _engine(title: str, settings: Mapping[str, Any]) -> tuple[DatabaseSession, dict[str, Any]]:
    overrides = {f"{PREFIX}{name}": value for name, value in settings.items()}
    try:
        session = DatabaseSession.of(current_host(), overrides)
        session.announce(Started(title))
        return session, overrides
    except PgMigrateError as error:
        # The user's mistake, the same for all hosts: nothing is run anywhere.
        raise DeployError(visible(str(error))) from None


def _named(name: str, overrides: Mapping[str, Any]) -> str:
    """Returns what an operation is called: with the database where the call names it, as several are then migrated."""
    database = overrides.get(f"{PREFIX}database")
    return name if database is None else f"{database}: {name}"


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


@deploy("Migrate database")
def migrate_database(**settings: Any) -> None:
    """Brings a database to the last migration, or to pg_target, by state check.

    + settings: host data keys without their prefix, above the host's own

    Changes: what the effect files of the pending migrations say, and the registry; a second run
    changes nothing. Leaves a standby alone. Refuses: see ``plan``. Raises DeployError for mistakes in
    settings and files, before anything runs.
    """
    session, overrides = _engine("Migrate database", settings)
    _check_queries(session)
    host = session.host
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
    operations.prepared.keep(host, overrides, plan)
    versions = [migration.version for migration in session.migrations]
    batch = False
    if _tell_refusals(session, plan):
        fail(host)
    elif isinstance(plan, Plan):
        for line in plan_lines(plan, most=session.settings.batch_from):
            session.tell(line, is_detail=line.startswith("    ") and not line.startswith("    because: "))
        versions = [decision.migration.version for decision in plan.changes]
        batch = len(versions) >= session.settings.batch_from
        if session.settings.check and _is_behind(session, seen, plan):
            fail(host)
    operations.check(name=_named("Check", overrides), overrides=overrides, _retries=0)
    if _is_safeguarded(session) and not (isinstance(plan, Plan) and not plan.runs_statements):
        if isinstance(seen, Observed):
            _tell_safeguard(session, seen, len(versions))
        backup.safeguard(name=_named("Backup and rehearsal", overrides), overrides=overrides, _retries=0)
    _migrations(session, overrides, versions, batch=batch)
    if versions or session.settings.measure == "always":
        validate.validate(name=_named("Validation", overrides), overrides=overrides, _retries=0)


def _migrations(
    session: DatabaseSession, overrides: Mapping[str, Any], versions: Sequence[int], *, batch: bool
) -> None:
    """Declares one operation for all of them, or one each."""
    if batch:
        operations.migrations(
            name=_named(f"All from {session.settings.batch_from} pending on", overrides),
            overrides=overrides,
            _retries=0,
        )
        return
    for number, migration in enumerate(session.migrations):
        if migration.version in versions:
            with keyed(session.host, number):
                operations.migration(
                    name=_named(migration.name, overrides),
                    version=migration.version,
                    overrides=overrides,
                    _retries=0,
                )


def _is_safeguarded(session: DatabaseSession) -> bool:
    """Tells whether anything comes before the migrations."""
    return not session.settings.skip_backup or session.settings.rehearse == "schema"


def _tell_safeguard(session: DatabaseSession, seen: Observed, count: int) -> None:
    try:
        backup.check_may_rehearse(session)
        if not session.settings.skip_backup:
            session.tell(backup.would(session, seen))
        where = {"full": "on the restored copy", "schema": "on a copy of the structure", "off": ""}
        if where[session.settings.rehearse]:
            session.tell(
                f"would rehearse {count} migration{'s' if count > 1 else ''} {where[session.settings.rehearse]}"
            )
    except PgMigrateError as error:
        session.tell_refusal(error.refusal)
        fail(session.host)


def _is_behind(session: DatabaseSession, seen: Observed | Refusal, plan: Plan) -> bool:
    drifts = drift_of(session, seen) if isinstance(seen, Observed) else None
    return bool(plan.changes) or (drifts is not None and drifts.fails(strict=session.settings.strict))


@deploy("Roll back database")
def rollback_database(**settings: Any) -> None:
    """Takes migrations back, after a backup; see the operation ``rollback``.

    + settings: host data keys without their prefix, above the host's own; ``target`` is the version that stays

    A second run changes nothing. What goes is kept in the quarantine.
    """
    session, overrides = _engine("Roll back database", settings)
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
        fail(session.host)
    elif isinstance(found, Rollback):
        session.tell("\n".join(rollback_lines(found)))
    if not session.settings.skip_backup and isinstance(found, Rollback) and refusal is None:
        backup.backup(name=_named("Backup", overrides), overrides=overrides, _retries=0)
    rollback.rollback(name=_named("Rollback", overrides), overrides=overrides, _retries=0)


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
    session, _ = _engine("Validate database", settings)
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
        fail(session.host)


@deploy("Back up database")
def backup_database(**settings: Any) -> None:
    """Takes a backup of a database and proves that it restores; see the operation ``backup``.

    + settings: host data keys without their prefix, above the host's own

    A second run within pg_backup_max_age_s changes nothing, as long as the structure is the same.
    """
    session, overrides = _engine("Back up database", settings)
    seen = session.look()
    _note(session, seen)
    if isinstance(seen, Observed):
        session.tell(headings(seen))
        if not seen.server.in_recovery:
            try:
                session.tell(backup.would(session, seen, overrides))
            except PgMigrateError as error:
                session.tell_refusal(error.refusal)
                fail(session.host)
    else:
        _tell_refusals(session, seen)
        fail(session.host)
    backup.backup(name=_named("Backup", overrides), overrides=overrides, _retries=0)


@deploy("Restore database")
def restore_database(**settings: Any) -> None:
    """Puts a backup in the place of a database; see the operation ``restore``.

    + settings: host data keys without their prefix, above the host's own; ``backup`` names the backup
    """
    session, overrides = _engine("Restore database", settings)
    refusal = restore.unconfirmed(session)
    if refusal is not None:
        _tell_refusals(session, refusal)
        fail(session.host)
    else:
        try:
            session.tell(restore.would_restore(session))
        except PgMigrateError as error:
            session.tell_refusal(error.refusal)
            fail(session.host)
    restore.restore(name=_named("Restore", overrides), overrides=overrides, _retries=0)


# Hosts in one line each, of one start of the program.
_summaries: WeakKeyDictionary[State, dict[str, Summary]] = WeakKeyDictionary()


def _summarize(host: Host, row: Summary) -> None:
    """Keeps the line of a host; the last host that is asked tells those of all, where there are several.

    pyinfra prepares hosts side by side, in any order; one that it could not connect to is not asked.
    """
    rows = _summaries.setdefault(host.state, {})
    rows[host.name] = row
    chosen = chosen_hosts(host.state)
    if len(chosen) > 1 and all(one.name in rows for one in host.state.active_hosts):
        for line in table(rows.get(one.name, Summary(one.name)) for one in chosen):
            logger.info(visible(line))


@deploy("Database status")
def database_status(**settings: Any) -> None:
    """Tells which migrations hold on a database, by whom and since when, what is pending, held or drifted.

    + settings: host data keys without their prefix, above the host's own

    Changes: nothing; there is no operation in it, unless pg_quarantine_drop names a run: see the operation
    ``drop_quarantine``. With pg_check the exit status is 1 when something is pending or drifted.
    """
    session, overrides = _engine("Database status", settings)
    seen = session.look(asks=True)
    plan = seen if isinstance(seen, Refusal) else session.plan(observed=seen)
    _note(session, seen, plan)
    if isinstance(seen, Refusal) or isinstance(plan, Refusal):
        _tell_refusals(session, plan)
        fail(session.host)
        _summarize(session.host, Summary(session.host.name, verdict="unreadable"))
        return
    drifts = drift_of(session, seen)
    session.announce(Drifted(drifts))
    for part in status_parts(seen, plan, session.migrations, drifts):
        session.tell("\n".join(part.lines), colour=part.colour)
    strict = session.settings.strict
    _summarize(session.host, summary(session.host.name, seen, plan, session.migrations, drifts, strict=strict))
    if _tell_refusals(session, plan) or (session.settings.check and _is_behind(session, seen, plan)):
        fail(session.host)
    if session.settings.quarantine_drop is not None:
        refusal = rollback.dropping(session, seen)
        if refusal is not None:
            _tell_refusals(session, refusal)
            fail(session.host)
        for kept in rollback.in_quarantine(session, seen):
            session.tell(f"would drop what run {kept.run_id[:8]} kept of {kept.object}")
        rollback.drop_quarantine(name=_named("Drop quarantine", overrides), overrides=overrides, _retries=0)
