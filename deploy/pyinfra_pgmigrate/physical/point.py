"""Restore points of one database: what they stand on, and that they reached the archive.

Raises PgMigrateError (backup) for what cannot be done on this host; operations catch it, and other hosts go on.
"""

from __future__ import annotations

from dataclasses import replace

from ..backup.keeper import Keeper
from ..psql.script import prepared
from ..registry.model import Observed
from ..units import age, size
from .asking import has_arrived, own_answer
from .cover import Own, PhysicalBackup, RestorePoint

_GIB = 1024**3


def is_too_large(keeper: Keeper, seen: Observed) -> bool:
    """Tells whether a database is above pg_full_proof_max_gib, so that no dump of it is taken."""
    return seen.server.size_bytes > keeper.settings.full_proof_max_gib * _GIB


def full_proof(keeper: Keeper, seen: Observed) -> str:
    """Returns what a full proof of a database would cost, in words; asks the host."""
    store = keeper.look(seen)
    whole = seen.server.size_bytes
    dump = store.needed_bytes(whole, whole - seen.server.index_bytes)
    known = next((one for one in store.good if one.duration_ms and one.size_bytes), None)
    took = "how long it would take is not known, as there is no earlier backup"
    if known is not None:
        took = f"the dump alone about {age(known.duration_ms / 1000 * whole / known.size_bytes)}, at the rate of "
        took += f'backup "{known.label}"'
    room = "" if store.data_free_bytes is None else f", {size(store.data_free_bytes)} where the server keeps its data"
    return (
        f"{size(dump)} for the dump and {size(whole)} for the copy (free: {size(store.free_bytes)} in "
        f"{store.folder}{room}); {took}"
    )


def set_point(keeper: Keeper, cover: Own | PhysicalBackup) -> RestorePoint:
    """Returns a new restore point, once it is in the archive on which it stands."""
    session = keeper.session
    name = f"pgmigrate_{session.run.run_id}"
    text = prepared(session.run, keeper.settings.schema, "physical/restore_point", point_name=name)
    answer = keeper.psql(text, keeper.settings.connection, "create a restore point for").value("point")
    segment_bytes = answer.pop("segment_bytes")
    found = RestorePoint(**answer)
    if isinstance(cover, Own):
        cover = Own(own_answer(keeper, point=found))
    else:
        has_arrived(keeper, cover, found.segment, segment_bytes)
    return replace(found, covered_by=cover.name, recover=cover.recover(name=found.name, lsn=found.lsn))


def register_point(keeper: Keeper, point: RestorePoint) -> None:
    """Takes a restore point down in the registry, where there is one."""
    text = prepared(
        keeper.session.run,
        keeper.settings.schema,
        "physical/register_point",
        point_name=point.name,
        lsn=point.lsn,
        taken_at=point.taken_at,
        segment=point.segment,
        covered_by=point.covered_by,
        recover=point.recover,
    )
    answer = keeper.session.psql(text)
    if answer.status != 0:
        keeper.session.tell(
            f"    warning: could not record this restore point in the registry: {answer.message or answer.errors}"
        )
