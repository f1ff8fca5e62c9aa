"""Restore points of one database: what they stand on, and that they reached the archive.

Raises PgMigrateError (backup) for what cannot be done on this host; operations catch it, and other hosts go on.
"""

from __future__ import annotations

import shlex
from dataclasses import replace

from ..backup.keeper import Keeper
from ..errors import Kind, PgMigrateError
from ..psql.answer import Answer
from ..psql.command import Command
from ..psql.script import prepared
from ..registry.model import Observed
from ..resources import read_shell
from ..units import age, size
from .cover import Cover, Own, RestorePoint
from .pgbackrest import CHECK, INFO, SEGMENTS, Repository, gap, newest_segment, repositories

_GIB = 1024**3
_NO_PROGRAM = 127


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


def covering(keeper: Keeper, seen: Observed) -> Cover:
    """Returns the physical backup from which a restore point of now can be reached; asks the host, changes nothing.

    With pg_backup_check what that command says, otherwise the newest backup of the server in a repository of
    pgBackRest, with all of the write-ahead log since in its archive.
    """
    return Own(_own_answer(keeper)) if keeper.settings.backup_check is not None else _repository(keeper, seen)


def set_point(keeper: Keeper, cover: Cover) -> RestorePoint:
    """Returns a new restore point, once it is in the archive on which it stands."""
    session = keeper.session
    name = f"pgmigrate_{session.run.run_id}"
    text = prepared(session.run, keeper.settings.schema, "physical/restore_point", point_name=name)
    answer = keeper.psql(text, keeper.settings.connection, "create a restore point for").value("point")
    segment_bytes = answer.pop("segment_bytes")
    found = RestorePoint(**answer)
    if isinstance(cover, Repository):
        # It switches to the next segment, and waits until the one before it is in every repository.
        checked = _run(keeper, CHECK, cover.stanza)
        if checked.status != 0:
            raise _uncovered(
                keeper,
                f"pgbackrest --stanza={cover.stanza} check: {_said(checked)}",
                "the segment of the restore point in the archive",
                f"See why it does not arrive: pgbackrest --stanza={cover.stanza} check, as the user that runs psql",
            )
        _check_timeline(keeper, cover, found.segment)
        _check_archive(keeper, cover, _archived(keeper, cover), found.segment, segment_bytes)
    elif isinstance(cover, Own):
        cover = Own(_own_answer(keeper, point=found))
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


# An operator's own command.


def _own_answer(keeper: Keeper, point: RestorePoint | None = None) -> str:
    """Returns what the operator's command says covers now.

    + point: that has just been set; None: nothing is set yet, and the command is to change nothing
    """
    command = str(keeper.settings.backup_check)
    values = {
        "PGMIGRATE_DATABASE": keeper.database,
        "PGMIGRATE_RESTORE_POINT": "" if point is None else point.name,
        "PGMIGRATE_LSN": "" if point is None else point.lsn,
    }
    exports = "".join(f"{name}={shlex.quote(value)}; export {name}\n" for name, value in values.items())
    answer = _run(keeper, exports + command)
    if answer.status != 0:
        raise _uncovered(
            keeper,
            f"status {answer.status} of pg_backup_check: {_said(answer) or 'no word'}",
            "status 0, for a physical backup that covers this moment",
            f"Try by hand on the host, as the user that runs psql: {command}",
        )
    said = _said(answer).splitlines()
    return f"pg_backup_check: {said[-1]}" if said else "pg_backup_check"


# pgBackRest.


def _repository(keeper: Keeper, seen: Observed) -> Repository:
    answer = _run(keeper, INFO)
    if answer.status == _NO_PROGRAM:
        raise _uncovered(keeper, "no program pgbackrest in PATH and no pg_backup_check", "one of them", _choices(seen))
    try:
        found = repositories(_said(answer), keeper.identity().system_identifier)[0]
    except ValueError as error:
        raise _uncovered(keeper, str(error), "a backup of this server by pgBackRest", _choices(seen)) from error
    text = prepared(keeper.session.run, keeper.settings.schema, "physical/archiving")
    server = keeper.psql(text, keeper.settings.connection, "read the server", reads_only=True).value("archiving")
    if server["archive_mode"] == "off" or server["wal_level"] == "minimal":
        raise _uncovered(
            keeper,
            f"archive_mode {server['archive_mode']}, wal_level {server['wal_level']}",
            "a server that archives its write-ahead log",
            _choices(seen),
        )
    old_s = server["now_s"] - found.ended_s
    if old_s > keeper.settings.physical_max_age_h * 3600:
        raise _uncovered(
            keeper,
            f"{found.name}, {age(old_s)} old",
            f"one of at most {keeper.settings.physical_max_age_h:g} h (pg_physical_max_age_h)",
            f"Take another one: pgbackrest --stanza={found.stanza} --type=diff backup",
        )
    _check_timeline(keeper, found, server["segment"])
    archived = _archived(keeper, found)
    until = newest_segment(archived, found.start)
    _check_archive(keeper, found, archived, max(until, found.stop), server["segment_bytes"])
    keeper.session.tell(
        f"covered by {found.name}, {age(old_s)} old; its archive has all segments up to {until}", is_detail=True
    )
    return found


def _archived(keeper: Keeper, found: Repository) -> list[str]:
    """Returns the names of the WAL segments in an archive."""
    answer = _run(keeper, SEGMENTS, found.stanza, str(found.key), found.archive)
    if answer.status != 0:
        raise _uncovered(
            keeper,
            f"pgbackrest repo-ls: {_said(answer)}",
            "the segments in the archive",
            f"Try by hand: pgbackrest --stanza={found.stanza} --repo={found.key} repo-ls archive/{found.stanza}",
        )
    return _said(answer).split()


def _check_archive(keeper: Keeper, found: Repository, archived: list[str], until: str, segment_bytes: int) -> None:
    """Raises PgMigrateError where the archive does not have all segments from the backup up to one."""
    missing = gap(archived, found.start, until, segment_bytes)
    if missing is not None:
        raise _uncovered(
            keeper,
            f"no WAL segment {missing} in the archive of stanza {found.stanza}",
            f"all from {found.start} to {until}, as {found.name} needs them",
            f"Take another one: pgbackrest --stanza={found.stanza} --type=full backup",
        )


def _check_timeline(keeper: Keeper, found: Repository, segment: str) -> None:
    """Raises PgMigrateError where the server has been recovered or promoted since the backup.

    + segment: the WAL segment that the server writes, or one after it
    """
    if segment[:8] != found.start[:8]:
        raise _uncovered(
            keeper,
            f"{found.name}, of timeline {int(found.start[:8], 16)}; the server is on {int(segment[:8], 16)} by now",
            "a backup of the timeline that the server is on",
            f"Take another one: pgbackrest --stanza={found.stanza} --type=full backup",
        )


def _run(keeper: Keeper, text: str, *arguments: str) -> Answer:
    """Returns what a program on the host printed; nothing of it changes the database."""
    words = ["sh -c", shlex.quote(read_shell("physical/run")), "pgmigrate", shlex.quote(text)]
    command = Command(" ".join([*words, *map(shlex.quote, arguments)]), ("",))
    return keeper.session.call(command, reads_only=True)


def _said(answer: Answer) -> str:
    return answer.text("output") or answer.errors


def _choices(seen: Observed) -> str:
    needed = -(-seen.server.size_bytes // _GIB)
    return (
        f"To take a dump all the same: --data pg_full_proof_max_gib={needed}; "
        "otherwise see docs/guides/large-databases.md"
    )


def _uncovered(keeper: Keeper, found: str, expected: str, hint: str) -> PgMigrateError:
    """Returns the refusal of a database that no physical backup covers."""
    return PgMigrateError(
        Kind.BACKUP,
        f'could not secure database "{keeper.database}" on host {keeper.session.host.name}: it is larger than '
        f"{keeper.settings.full_proof_max_gib} GiB (pg_full_proof_max_gib), and no physical backup covers it",
        detail=f"Found {' '.join(found.split())}; expected {expected}. Nothing was changed.",
        hint=hint,
    )
