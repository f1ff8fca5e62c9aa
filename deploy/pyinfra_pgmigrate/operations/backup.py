"""Operations on the backups of one database: one that is verified is there; one is restored."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any, cast

from pyinfra import context
from pyinfra.api import FunctionCommand, Host, State, operation

from ..backup import fetch
from ..backup.claim import claimed_backups
from ..backup.keeper import Keeper, check_may_copy, young_backup
from ..backup.manifest import Manifest, Verification
from ..backup.store import Store
from ..backup.take import fetch_backup, prune_backups, take_backup
from ..backup.verify import damage_of, named_backup, note_verification, verify_by_reading
from ..copies.copy import Copies, Copy, NoLoginError
from ..errors import Kind, PgMigrateError, Refusal
from ..host.failures import on_one_host, refusal_of
from ..host.pyinfra_api import current_host, is_preparing
from ..host.run import Prepared
from ..planning.database import DatabaseSession
from ..registry.model import Observed
from ..report.journal import Secured
from ..settings import Connection
from ..units import size

# Whether another backup would be taken, as it was found in the prepare phase.
prepared: Prepared[bool] = Prepared()


def work(session: DatabaseSession, title: str, function: Callable[[], object]) -> FunctionCommand:
    """Returns the command that does something on this host, and fails this host alone where it cannot.

    + title: what it does, for the report
    """

    def execute(state: State, host: Host) -> bool:
        with session.phase(title):
            try:
                function()
            except Exception as error:
                return session.refuse(refusal_of(error))
            return True

    return FunctionCommand(execute, (), {})


def would(session: DatabaseSession, seen: Observed, overrides: Mapping[str, Any] | None = None) -> str:
    """Returns what the operation ``backup`` will do, in one line; asks the host.

    + overrides: of that operation, where it follows
    """
    keeper = Keeper(session)
    if session.settings.backup is not None:
        return f'would verify backup "{session.settings.backup}" again'
    store = keeper.look(seen)
    young = young_backup(keeper, store, seen)
    if young is None and session.settings.verify == "restore":
        check_may_verify(keeper)
    if overrides is not None:
        prepared.keep(session.host, overrides, young is None)
    if young is not None:
        return f'backup "{young.label}" is verified and young enough: no new one'
    if session.settings.scope:
        secured, key = session.context.secured, _database_of(session)
        if key in secured:
            age_s = session.settings.backup_max_age_s
            return f"would use the backup before the first schema of this run, for {age_s:.0f} s (pg_backup_max_age_s)"
        secured[key] = None
    how = {
        "restore": "verify it by restoring it into a copy",
        "read": "read it from end to end",
        "none": "not verify it",
    }[session.settings.verify]
    return f"would take a backup ({size(seen.server.size_bytes)} of database) into {store.folder} and {how}"


def check_may_verify(keeper: Keeper) -> None:
    """Raises PgMigrateError where the role may not make the copy with which a backup is verified."""
    check_may_copy(keeper, "verify by a restore a backup of", "--data pg_verify=read")


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
    session = DatabaseSession.of(current_host(), overrides)
    if is_preparing() and prepared.of(session.host, overrides) == [True]:
        yield FunctionCommand(lambda state, host: False, (), {})  # only counted: a change is expected
        return
    seen = session.look()
    if isinstance(seen, Refusal):
        refusal = seen
        yield FunctionCommand(lambda state, host: session.refuse(refusal), (), {})
        return
    if seen.server.in_recovery:
        context.host.noop("this server is a standby: its primary is backed up")
        return
    observed = seen
    keeper = Keeper(session)
    if session.settings.backup is not None:
        yield work(session, "Verification of a backup", lambda: verify_again(keeper, observed))
        return
    try:
        young = young_backup(keeper, keeper.look(seen), seen)
        if young is not None and not is_preparing() and damage_of(keeper, young) is not None:
            young = None
    except PgMigrateError as error:
        refusal = error.refusal
        yield FunctionCommand(lambda state, host: session.refuse(refusal), (), {})
        return
    if young is not None and is_where_wanted(session, young):
        session.memory.backup = young.label
        context.host.noop(f'backup "{young.label}" of {young.taken_at} is verified and young enough')
        return
    yield work(session, "Backup", lambda: ensure(keeper, observed))


def _still_good(keeper: Keeper, manifest: Manifest) -> Manifest | None:
    """Returns a verified backup whose files are as they were then; None, and notes it, where they are not."""
    damage = damage_of(keeper, manifest)
    if damage is None:
        return manifest
    keeper.session.tell_refusal(damage)
    keeper.session.tell("it does not count as verified any more: taking another one")
    note_verification(keeper, manifest, Verification("failed", keeper.now(), notes=(damage.detail,)))
    return None


def verify_again(keeper: Keeper, seen: Observed) -> None:
    """Verifies the backup that pg_backup names, and notes the result with it."""
    session = keeper.session
    with claimed_backups(keeper):
        manifest = named_backup(keeper, str(session.settings.backup), failed=True)
        session.tell(f'verifying backup "{manifest.label}" of {manifest.taken_at}')
        if session.settings.verify == "restore":
            _by_restore(keeper, manifest, seen, None, is_new=True)
        elif session.settings.verify == "read":
            _noted(keeper, manifest, lambda: verify_by_reading(keeper, manifest))


def secured_young(keeper: Keeper, seen: Observed) -> Manifest | None:
    """Returns the verified backup that makes another one needless, whatever would be taken; asks the host."""
    return young_backup(keeper, keeper.look(seen), seen)


def is_where_wanted(session: DatabaseSession, manifest: Manifest) -> bool:
    """Tells whether a backup need not be copied to the controller any more."""
    target = session.settings.backup_fetch
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
    session = keeper.session
    with claimed_backups(keeper):
        if is_due is not None and not is_due():
            return None
        if keeper.waited:
            found = session.look()
            if isinstance(found, Refusal):
                raise PgMigrateError.of(found)
            seen = found
        store = keeper.look(seen)
        manifest = _of_this_run(session, store) or young_backup(keeper, store, seen)
        if manifest is not None:
            manifest = _still_good(keeper, manifest)
        is_new = manifest is None
        if manifest is None:
            if session.settings.verify == "restore":
                check_may_verify(keeper)
            manifest = take_backup(keeper, seen, store)
        else:
            session.tell(f'backup "{manifest.label}" of {manifest.taken_at} is verified and young enough')
        if use is not None or (is_new and session.settings.verify == "restore"):
            manifest = _by_restore(keeper, manifest, seen, use, is_new=is_new)
        elif is_new and session.settings.verify == "read":
            taken = manifest
            manifest = _noted(keeper, taken, lambda: verify_by_reading(keeper, taken))
        if session.settings.backup_fetch is not None:
            if not manifest.is_verified:
                raise PgMigrateError(
                    Kind.BACKUP,
                    f'could not fetch backup "{manifest.label}": it is not verified',
                    detail="Found pg_verify none; expected a backup that was restored or read.",
                    hint="Leave pg_backup_fetch out, or: --data pg_verify=read",
                )
            fetch_backup(keeper, manifest, Path(session.settings.backup_fetch))
        if is_new:
            prune_backups(keeper, seen)
        _remember(keeper, manifest)
    return manifest


def _remember(keeper: Keeper, manifest: Manifest) -> None:
    session = keeper.session
    session.announce(Secured(manifest))
    session.memory.taken, session.memory.backup = manifest, manifest.label
    session.memory.backup_folder = keeper.folder
    if session.settings.scope:
        session.context.secured[_database_of(session)] = manifest


def _database_of(session: DatabaseSession) -> tuple[str, Connection]:
    return session.host.name, session.settings.connection


def _of_this_run(session: DatabaseSession, store: Store) -> Manifest | None:
    """Returns the backup before another schema of the database, while it is young; None where there is none."""
    settings = session.settings
    found = cast("Manifest | None", session.context.secured.get(_database_of(session)) if settings.scope else None)
    if found is not None and store.is_young(found, max_age_s=settings.backup_max_age_s, how=settings.verify):
        return found
    return None


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
                found = note_verification(keeper, manifest, verification)
            if use is not None:
                use(copy)
        return found

    try:
        return _noted(keeper, manifest, restore_and_use)
    except NoLoginError as error:
        why, taken = error.refusal, manifest
        if is_new:
            manifest = _noted(keeper, taken, lambda: verify_by_reading(keeper, taken, why))
        if use is not None:
            # A migration that was to be rehearsed does not run unrehearsed.
            raise
        keeper.session.tell(f"    note: verified by reading alone: {why.message}")
        keeper.session.tell(f"    {why.detail}")
        keeper.session.tell(f"    {why.hint}")
        return manifest


def _noted(keeper: Keeper, manifest: Manifest, function: Callable[[], Manifest]) -> Manifest:
    """Returns what a verification returns; notes with the backup that it failed where it does."""
    try:
        return function()
    except PgMigrateError as error:
        if error.refusal.kind is Kind.DAMAGED:
            note_verification(keeper, manifest, Verification("failed", keeper.now(), notes=(error.refusal.detail,)))
        raise
