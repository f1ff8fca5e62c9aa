"""Why a backup could not be restored into a copy."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace

from ..backup.contents import Contents
from ..backup.keeper import MOST_DIFFERENCES, Keeper, ServerNames
from ..backup.manifest import Manifest
from ..backup.verify import damaged
from ..errors import Kind, PgMigrateError
from ..psql.answer import Answer
from ..registry.model import Observed
from ..units import size
from . import restore_log
from .restore_log import MOST_COMMAND, Unfound


def check_complaints(
    keeper: Keeper, manifest: Manifest, contents: Contents, answer: Answer, roles: Collection[str]
) -> None:
    """Raises PgMigrateError for what pg_restore could not do, where the backup or the server is the reason."""
    output = answer.text("complaints")
    found = restore_log.complaints(output)
    judged = restore_log.judged(found, roles)
    outside = restore_log.outside(answer.value("status"), judged.failures)
    if outside:
        raise PgMigrateError(
            Kind.BACKUP,
            f'could not restore backup "{manifest.label}" into a copy',
            detail=f"Found: {outside}; expected pg_restore to end by itself. That says nothing of the backup, "
            "which is as it was, and not verified by this.",
            hint="Remove the cause, then run again.",
        )
    if answer.value("status") != 0 and not found:
        raise not_restored(keeper, manifest, [" ".join(output.split()[-60:])])
    unfound = restore_log.unfound(found, contents.catalog) if judged.failures else None
    if unfound is not None:
        raise not_restorable(keeper, manifest, unfound)
    if judged.failures:
        raise not_restored(keeper, manifest, judged.failures)


def not_restorable(keeper: Keeper, manifest: Manifest, unfound: Unfound) -> PgMigrateError:
    """Returns the refusal of a backup that nobody can restore, with the cure on the database itself."""
    complaint = unfound.complaint
    where = complaint.command[:MOST_COMMAND] or complaint.message
    schema = keeper.settings.schema
    path = schema if re.fullmatch("[a-z_][a-z0-9_]*", schema) else '"' + schema.replace('"', '""') + '"'
    return PgMigrateError(
        Kind.DAMAGED,
        f'could not restore backup "{manifest.label}" into a copy: function {unfound.function} does not name the '
        "schemas of what it uses",
        detail=f"Found: {complaint.message} (at: {where}); expected it to work without a search_path, as "
        "pg_restore has none: this database cannot be restored as it is. The database itself is as it was.",
        hint=f"On the database: ALTER FUNCTION {unfound.function} SET search_path = {path}, pg_temp; then take "
        "another backup: deploy/backup.py"
        if unfound.is_own
        else "It belongs to an extension, and a dump has nothing of such a function: update the extension, or drop "
        "what uses it; then take another backup: deploy/backup.py",
    )


def not_restored(keeper: Keeper, manifest: Manifest, problems: Collection[str]) -> PgMigrateError:
    """Returns the refusal of a backup whose copy is not what the backup says."""
    refusal = damaged(keeper, manifest.label, problems).refusal
    return PgMigrateError.of(
        replace(refusal, message=f'could not verify backup "{manifest.label}": the copy restored from it differs')
    )


def check_room_of_copy(keeper: Keeper, manifest: Manifest, seen: Observed | None) -> None:
    """Raises PgMigrateError (backup) where a copy does not fit beside the database."""
    free = keeper.look(seen).data_free_bytes
    needed = round(1.1 * manifest.size_bytes)
    if free is None or free >= needed:
        return
    raise PgMigrateError(
        Kind.BACKUP,
        f'could not restore backup "{manifest.label}" into a copy: not enough room where the server keeps its data',
        detail=f"Found {size(free)} free; expected {size(needed)}.",
        hint="Set pg_verify_host to another server, or: --data pg_verify=read --data pg_rehearse=schema",
    )


def not_copied(keeper: Keeper, differing: Sequence[str], *, has_sample: bool) -> PgMigrateError:
    """Returns the refusal of a copy of the structure that is not the same.

    + has_sample: it was to have some rows
    """
    return PgMigrateError(
        Kind.REHEARSAL,
        f'could not copy the structure of database "{keeper.database}"',
        detail=f"Found: {'; '.join(differing[:MOST_DIFFERENCES])}; expected the same catalog.",
        hint="To rehearse without rows: --data pg_rehearse=schema"
        if has_sample
        else "To go on without a rehearsal: --data pg_rehearse=off",
    )


def check_version(manifest: Manifest, names: ServerNames) -> None:
    """Raises PgMigrateError where a server is older than the one of a backup."""
    if names.version_num // 10000 < manifest.server_version_num // 10000:
        raise PgMigrateError(
            Kind.BACKUP,
            f'could not restore backup "{manifest.label}": the server there is older',
            detail=f"Found PostgreSQL {names.version}; expected {manifest.server_version} or later.",
            hint="Use a server of the same version, or leave pg_verify_host out.",
        )
