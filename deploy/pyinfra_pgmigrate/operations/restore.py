"""The operation that puts a verified backup in the place of a database."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

from pyinfra.api import FunctionCommand, operation

from ..backup.claim import claimed_backups
from ..backup.keeper import Keeper, check_may_copy, left_behind
from ..backup.manifest import Manifest
from ..backup.verify import named_backup, properties_of
from ..copies.copy import Copies
from ..copies.restore import restore_database_from, restore_table_from
from ..errors import Kind, PgMigrateError, Refusal
from ..host.failures import on_one_host
from ..host.pyinfra_api import current_host
from ..planning.database import DatabaseSession
from .backup import work


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
    session = DatabaseSession.of(current_host(), overrides)
    refusal = unconfirmed(session)
    if refusal is not None:
        found = refusal
        yield FunctionCommand(lambda state, host: session.refuse(found), (), {})
        return
    yield work(session, "Restore", lambda: _restore(session))


def unconfirmed(session: DatabaseSession) -> Refusal | None:
    """Returns why a restore may not begin: no backup named, or the database not named where it must be."""
    settings, database = session.settings, session.settings.connection.database
    if settings.backup is None:
        return Refusal(
            Kind.SETTINGS,
            f'could not find out which backup of database "{database}" to restore',
            "Found no host data key pg_backup; expected the label of a backup, or latest.",
            "Name it: --data pg_backup=latest",
        )
    if settings.table is not None:
        return None
    return session.unnamed(
        "restore",
        "What was written since the backup will not be in the restored database, only in the one that is kept beside.",
    )


def would_restore(session: DatabaseSession) -> str:
    """Returns what the operation ``restore`` will do, in one line; asks the host."""
    manifest = named_backup(Keeper(session), str(session.settings.backup))
    if session.settings.table is not None:
        return f'would restore table {session.settings.table} of backup "{manifest.label}" into a schema beside'
    told = (
        f'would restore backup "{manifest.label}" of {manifest.taken_at} ({manifest.rows} rows, verified by '
        f'{manifest.verification.how}) and keep database "{session.settings.connection.database}" under a dated name'
    )
    return "\n".join([told, *_not_kept(Keeper(session), manifest)])


def _not_kept(keeper: Keeper, manifest: Manifest) -> list[str]:
    """Returns what a restore does not bring with the database, a line each.

    Raises PgMigrateError for what keeps the database from being renamed.
    """
    there = left_behind(keeper)
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
        f'note: subscription "{name}" {stays}, and continues to write there; '
        "drop it there, and create it in the restored one"
        for name in there.subscriptions
    ]
    tablespace = properties_of(keeper, manifest).get("tablespace") or "pg_default"
    if tablespace not in there.tablespaces:
        lines.append(
            f'note: tablespace "{tablespace}" is not on this server, or this role may not use it: '
            "the restored database lies in the default one"
        )
    return lines


def _restore(session: DatabaseSession) -> None:
    keeper = Keeper(session)
    seen = session.look()
    with claimed_backups(keeper):
        manifest = named_backup(keeper, str(session.settings.backup))
        if isinstance(seen, Refusal):
            session.tell("the database cannot be read now; it is replaced, or made where it is missing")
        check_may_copy(keeper, "restore", "", on_verify_host=False)
        for line in _not_kept(keeper, manifest) if session.settings.table is None else ():
            session.tell(line)
        session.tell(f'restoring backup "{manifest.label}" of {manifest.taken_at}')
        if session.settings.table is not None:
            side = restore_table_from(Copies(keeper), manifest, session.settings.table)
            session.tell(f'table {session.settings.table} as it was at {manifest.taken_at} is in schema "{side}"')
            session.tell(f'    without indexes and keys; once it is not needed: DROP SCHEMA "{side}" CASCADE')
            return
        kept = restore_database_from(Copies(keeper), manifest)
    database = session.settings.connection.database
    session.tell(f'database "{database}" is as it was at {manifest.taken_at}')
    if kept:
        session.tell(f'    the one before is kept as "{kept}"; once it is not needed: DROP DATABASE "{kept}"')
