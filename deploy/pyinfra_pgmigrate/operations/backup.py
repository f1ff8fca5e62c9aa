"""Operations on the backups of one database: one that is verified is there; one is restored."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Mapping
from pathlib import Path
from typing import Any

from pyinfra import context
from pyinfra.api import FunctionCommand, Host, State, operation

from ..backup import fetch
from ..backup.copy import Copies, Copy, NoLoginError
from ..backup.keeper import Keeper
from ..backup.manifest import Manifest, Verification
from ..errors import Kind, PgMigrateError, Refusal
from ..host.failures import on_one_host, refusal_of
from ..host.session import Engine, current_host, is_preparing
from ..registry.model import Observed
from ..rehearsal.rehearse import rehearse
from ..report import console


def work(engine: Engine, title: str, function: Callable[[], object]) -> FunctionCommand:
    """Returns the command that does something on this host, and fails this host alone where it cannot.

    + title: what it does, for the report
    """

    def execute(state: State, host: Host) -> bool:
        with engine.journal.phase(title):
            try:
                function()
            except Exception as error:
                return engine.refuse(refusal_of(error))
            return True

    return FunctionCommand(execute, (), {})


def would(engine: Engine, seen: Observed) -> str:
    """Returns what the operation ``backup`` will do, in one line; asks the host."""
    keeper = Keeper(engine)
    if engine.settings.backup is not None:
        return f'would verify backup "{engine.settings.backup}" again'
    store = keeper.look(seen)
    young = keeper.young(store, seen)
    if young is None and engine.settings.verify == "restore":
        check_may_verify(keeper)
    if young is not None:
        return f'backup "{young.label}" is verified and young enough: no new one'
    how = {
        "restore": "verify it by restoring it into a copy",
        "read": "read it from end to end",
        "none": "not verify it",
    }[engine.settings.verify]
    return f"would take a backup ({console.size(seen.server.size_bytes)} of database) into {store.folder} and {how}"


def check_may_verify(keeper: Keeper) -> None:
    """Raises PgMigrateError where the role may not make the copy with which a backup is verified."""
    keeper.check_may_copy("verify by a restore a backup of", "--data pg_verify=read")


def check_may_rehearse(engine: Engine) -> None:
    """Raises PgMigrateError where the role may not make the copy on which migrations run first."""
    keeper, how = Keeper(engine), engine.settings.rehearse
    if how == "schema" or (how == "full" and not engine.settings.skip_backup):
        keeper.check_may_copy("rehearse migrations of", "--data pg_verify=read --data pg_rehearse=off")


@operation()
@on_one_host
def backup(overrides: Mapping[str, Any]) -> Generator[FunctionCommand, None, None]:
    """Ensures that there is a verified backup of the database as it is, younger than pg_backup_max_age_s.

    With pg_backup it verifies the one of that label again, whatever its age.

    + overrides: host data keys (``pg_...``) that stand above the host's own

    Changes: the folder pg_backup_dir on the host: a new backup, and those that pg_backup_keep lets go.
    Refuses: without room, without pg_dump, and where the restored copy is not what it should be; then the
    earlier backups stay as they are. Needs: a role that may read all tables, and CREATEDB to verify by restore.
    Locks: reads only (ACCESS SHARE on every table while it lasts).
    """
    engine = Engine.of(current_host(), overrides)
    seen = engine.look()
    if isinstance(seen, Refusal):
        refusal = seen
        yield FunctionCommand(lambda state, host: engine.refuse(refusal), (), {})
        return
    if seen.server.in_recovery:
        context.host.noop("this server is a standby: its primary is backed up")
        return
    observed = seen
    keeper = Keeper(engine)
    if engine.settings.backup is not None:
        yield work(engine, "Verification of a backup", lambda: verify_again(keeper, observed))
        return
    try:
        young = keeper.young(keeper.look(seen), seen)
        if young is not None and not is_preparing() and keeper.damage(young) is not None:
            young = None
    except PgMigrateError as error:
        refusal = error.refusal
        yield FunctionCommand(lambda state, host: engine.refuse(refusal), (), {})
        return
    if young is not None and is_where_wanted(engine, young):
        engine.remember_backup(young.label)
        context.host.noop(f'backup "{young.label}" of {young.taken_at} is verified and young enough')
        return
    yield work(engine, "Backup", lambda: ensure(keeper, observed))


def _still_good(keeper: Keeper, manifest: Manifest) -> Manifest | None:
    """Returns a verified backup whose files are as they were then; None, and notes it, where they are not."""
    damage = keeper.damage(manifest)
    if damage is None:
        return manifest
    keeper.engine.tell_refusal(damage)
    keeper.engine.tell("it does not count as verified any more: taking another one")
    keeper.note(manifest, Verification("failed", keeper.now(), notes=(damage.detail,)))
    return None


def verify_again(keeper: Keeper, seen: Observed) -> None:
    """Verifies the backup that pg_backup names, and notes the result with it."""
    engine = keeper.engine
    with keeper.claimed():
        manifest = keeper.named(str(engine.settings.backup), failed=True)
        engine.tell(f'verifying backup "{manifest.label}" of {manifest.taken_at}')
        if engine.settings.verify == "restore":
            _by_restore(keeper, manifest, seen, None, is_new=True)
        elif engine.settings.verify == "read":
            _noted(keeper, manifest, lambda: keeper.verify_by_reading(manifest))


@operation()
@on_one_host
def safeguard(overrides: Mapping[str, Any]) -> Generator[FunctionCommand, None, None]:
    """Ensures, before migrations run, that a verified backup is there and that they succeeded on a copy.

    + overrides: host data keys (``pg_...``) that stand above the host's own

    Changes: as ``backup``; the copy is dropped at the end. Refuses: as ``backup``, and when a migration fails on
    the copy: then nothing is run on the database itself.
    """
    engine = Engine.of(current_host(), overrides)
    if is_preparing():
        yield FunctionCommand(lambda state, host: True, (), {})  # only counted: a change is expected
        return
    seen = engine.look(asks=True)
    plan = seen if isinstance(seen, Refusal) else engine.plan(observed=seen)
    refusals = (plan,) if isinstance(plan, Refusal) else plan.refusals
    if refusals:
        yield FunctionCommand(lambda state, host: engine.refuse(refusals[0]), (), {})
    elif isinstance(seen, Refusal) or isinstance(plan, Refusal) or seen.server.in_recovery or not plan.runs_statements:
        context.host.noop("no statement is pending")
    else:
        versions = [decision.migration.version for decision in plan.changes]
        observed = seen
        yield work(engine, "Backup and rehearsal", lambda: _safeguard(engine, observed, versions))


def _safeguard(engine: Engine, seen: Observed, versions: Collection[int]) -> None:
    keeper = Keeper(engine)
    how = engine.settings.rehearse
    pending = set(versions)
    check_may_rehearse(engine)

    def use(copy: Copy) -> None:
        rehearse(engine, pending, copy)

    def is_due() -> bool:
        # Whoever had the claim before may have applied them.
        nonlocal pending
        pending = _still_pending(engine, seen, pending)
        if not pending:
            engine.tell("another run has applied it meanwhile: nothing is left to do")
        return bool(pending)

    if not engine.settings.skip_backup:
        ensure(keeper, seen, use if how == "full" else None, is_due)
    if how == "schema":
        with keeper.claimed():
            if is_due():
                with Copies(keeper).copy_of_structure(seen) as copy:
                    use(copy)


def _still_pending(engine: Engine, seen: Observed, versions: Collection[int]) -> set[int]:
    """Returns which migrations a run would still change, by the database as it is once no other run is at work on it.

    + seen: the database as it was when they were pending
    Raises PgMigrateError where it refuses now.
    """
    found = engine.wait_for_turn()
    if isinstance(found, Refusal):
        raise PgMigrateError.of(found)
    if found.applied == seen.applied and found.catalog.lines == seen.catalog.lines:
        return set(versions)
    again = engine.look(asks=True)
    plan = again if isinstance(again, Refusal) else engine.plan(observed=again)
    refusals = (plan,) if isinstance(plan, Refusal) else plan.refusals
    if refusals or isinstance(plan, Refusal):
        raise PgMigrateError.of(refusals[0])
    return {one.migration.version for one in plan.changes} if plan.runs_statements else set()


def is_where_wanted(engine: Engine, manifest: Manifest) -> bool:
    """Tells whether a backup need not be copied to the controller any more."""
    target = engine.settings.backup_fetch
    return target is None or fetch.is_fetched(Path(target) / manifest.label)


def ensure(
    keeper: Keeper,
    seen: Observed,
    use: Callable[[Copy], None] | None = None,
    is_due: Callable[[], bool] | None = None,
) -> Manifest | None:
    """Returns a verified backup of a database, an earlier one or a new one.

    + use: what is done with a restored copy of it, if anything
    + is_due: tells, once no other run is at work on the backups, whether it is still wanted; None is returned otherwise
    """
    engine = keeper.engine
    with keeper.claimed():
        if is_due is not None and not is_due():
            return None
        if keeper.waited:
            found = engine.look()
            if isinstance(found, Refusal):
                raise PgMigrateError.of(found)
            seen = found
        manifest = keeper.young(keeper.look(seen), seen)
        if manifest is not None:
            manifest = _still_good(keeper, manifest)
        is_new = manifest is None
        if manifest is None:
            if engine.settings.verify == "restore":
                check_may_verify(keeper)
            manifest = keeper.take(seen)
        else:
            engine.tell(f'backup "{manifest.label}" of {manifest.taken_at} is verified and young enough')
        if use is not None or (is_new and engine.settings.verify == "restore"):
            manifest = _by_restore(keeper, manifest, seen, use, is_new=is_new)
        elif is_new and engine.settings.verify == "read":
            taken = manifest
            manifest = _noted(keeper, taken, lambda: keeper.verify_by_reading(taken))
        if engine.settings.backup_fetch is not None:
            if not manifest.is_verified:
                raise PgMigrateError(
                    Kind.BACKUP,
                    f'could not fetch backup "{manifest.label}": it is not verified',
                    detail="Found pg_verify none; expected a backup that was restored or read.",
                    hint="Leave pg_backup_fetch out, or: --data pg_verify=read",
                )
            keeper.fetch(manifest, Path(engine.settings.backup_fetch))
        if is_new:
            keeper.prune(seen)
        engine.journal.backup = manifest
        engine.remember_backup(manifest.label)
    return manifest


def _by_restore(
    keeper: Keeper, manifest: Manifest, seen: Observed, use: Callable[[Copy], None] | None, *, is_new: bool
) -> Manifest:
    """Returns the manifest after it was restored into a copy.

    + is_new: the result is to be noted with the backup
    """

    def restore_and_use() -> Manifest:
        found = manifest
        with Copies(keeper).copy(manifest, seen) as copy:
            if is_new:
                verification = Verification("restore", keeper.now(), copy.server_version, copy.notes)
                found = keeper.note(manifest, verification)
            if use is not None:
                use(copy)
        return found

    try:
        return _noted(keeper, manifest, restore_and_use)
    except NoLoginError as error:
        why, taken = error.refusal, manifest
        if is_new:
            manifest = _noted(keeper, taken, lambda: keeper.verify_by_reading(taken, why))
        if use is not None:
            # A migration that was to be rehearsed does not run unrehearsed.
            raise
        keeper.engine.tell(f"    note: verified by reading alone: {why.message}")
        keeper.engine.tell(f"    {why.detail}")
        keeper.engine.tell(f"    {why.hint}")
        return manifest


def _noted(keeper: Keeper, manifest: Manifest, function: Callable[[], Manifest]) -> Manifest:
    """Returns what a verification returns; notes with the backup that it failed where it does."""
    try:
        return function()
    except PgMigrateError as error:
        if error.refusal.kind is Kind.DAMAGED:
            keeper.note(manifest, Verification("failed", keeper.now(), notes=(error.refusal.detail,)))
        raise


@operation()
@on_one_host
def restore(overrides: Mapping[str, Any]) -> Generator[FunctionCommand, None, None]:
    """Puts a verified backup in the place of the database; the one that was there is kept under a dated name.

    + overrides: host data keys (``pg_...``) that stand above the host's own; pg_backup names the backup

    Changes: the database, by renaming two; connections are refused and ended for that moment only. Not
    idempotent: each run restores. Refuses: a backup that is not what its manifest says, and without
    pg_confirm where pg_needs_confirm is set. Needs: a role with CREATEDB that owns the database and may end
    sessions.
    """
    engine = Engine.of(current_host(), overrides)
    refusal = unconfirmed(engine)
    if refusal is not None:
        found = refusal
        yield FunctionCommand(lambda state, host: engine.refuse(found), (), {})
        return
    yield work(engine, "Restore", lambda: _restore(engine))


def unconfirmed(engine: Engine) -> Refusal | None:
    """Returns why a restore may not begin: no backup named, or the database not named where it must be."""
    settings, database = engine.settings, engine.settings.connection.database
    if settings.backup is None:
        return Refusal(
            Kind.SETTINGS,
            f'could not find out which backup of database "{database}" to restore',
            "Found no host data key pg_backup; expected the label of a backup, or latest.",
            "Name it: --data pg_backup=latest",
        )
    if settings.table is not None:
        return None
    return engine.unnamed(
        "restore",
        "What was written since the backup will not be in the restored database, only in the one that is kept beside.",
    )


def would_restore(engine: Engine) -> str:
    """Returns what the operation ``restore`` will do, in one line; asks the host."""
    manifest = Keeper(engine).named(str(engine.settings.backup))
    if engine.settings.table is not None:
        return f'would restore table {engine.settings.table} of backup "{manifest.label}" into a schema beside'
    told = (
        f'would restore backup "{manifest.label}" of {manifest.taken_at} ({manifest.rows} rows, verified by '
        f'{manifest.verification.how}) and keep database "{engine.settings.connection.database}" under a dated name'
    )
    return "\n".join([told, *_not_kept(Keeper(engine), manifest)])


def _not_kept(keeper: Keeper, manifest: Manifest) -> list[str]:
    """Returns what a restore does not bring with the database, a line each.

    Raises PgMigrateError for what keeps the database from being renamed.
    """
    there = keeper.left_behind()
    if there.prepared:
        gids = ["'" + gid.replace("'", "''") + "'" for gid in there.prepared]
        raise PgMigrateError(
            Kind.RESTORE,
            f'could not put a backup in the place of database "{keeper.database}": it has prepared transactions',
            detail=f"Found {', '.join(gids)} in pg_prepared_xacts; expected none: a database with one keeps its name. "
            "Nothing was changed.",
            hint=f"End each, connected to that database: ROLLBACK PREPARED {gids[0]}; or COMMIT PREPARED.",
        )
    stays = "stays with the database that is kept beside"
    lines = [
        f'note: logical replication slot "{name}" {stays}, and keeps WAL for it; whoever follows it needs a new one '
        f"and all rows again; to drop it: SELECT pg_drop_replication_slot('{name}')"
        for name in there.slots
    ]
    lines += [
        f'note: subscription "{name}" {stays}, and goes on writing there; '
        "drop it there, and make it anew in the restored one"
        for name in there.subscriptions
    ]
    tablespace = keeper.properties(manifest).get("tablespace") or "pg_default"
    if tablespace not in there.tablespaces:
        lines.append(
            f'note: tablespace "{tablespace}" is not on this server, or this role may not use it: '
            "the restored database lies in the default one"
        )
    return lines


def _restore(engine: Engine) -> None:
    keeper = Keeper(engine)
    seen = engine.look()
    with keeper.claimed():
        manifest = keeper.named(str(engine.settings.backup))
        if isinstance(seen, Refusal):
            engine.tell("the database cannot be read now; it is replaced, or made where it is missing")
        keeper.check_may_copy("restore", "", on_verify_host=False)
        for line in _not_kept(keeper, manifest) if engine.settings.table is None else ():
            engine.tell(line)
        engine.tell(f'restoring backup "{manifest.label}" of {manifest.taken_at}')
        if engine.settings.table is not None:
            side = Copies(keeper).restore_table(manifest, engine.settings.table)
            engine.tell(f'table {engine.settings.table} as it was at {manifest.taken_at} is in schema "{side}"')
            engine.tell(f'    without indexes and keys; once it is not needed: DROP SCHEMA "{side}" CASCADE')
            return
        kept = Copies(keeper).restore(manifest)
    database = engine.settings.connection.database
    engine.tell(f'database "{database}" is as it was at {manifest.taken_at}')
    if kept:
        engine.tell(f'    the one before is kept as "{kept}"; once it is not needed: DROP DATABASE "{kept}"')
