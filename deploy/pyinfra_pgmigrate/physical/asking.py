"""Who is asked whether a physical backup covers now: pgBackRest, Barman, or a command of the operator's.

Raises PgMigrateError (backup) for what does not cover; nothing that is asked here changes the database.
"""

from __future__ import annotations

import shlex

from ..backup.keeper import Keeper
from ..errors import Kind, PgMigrateError
from ..psql.answer import Answer
from ..psql.command import Command
from ..psql.script import prepared
from ..registry.model import Observed
from ..resources import read_shell
from ..units import age
from .barman import Barman, backup_of, server_of
from .cover import Action, Own, PhysicalBackup, RestorePoint
from .pgbackrest import INFO, repositories
from .wal import gap, newest_segment, timeline

_GIB = 1024**3
_NO_PROGRAM = 127


def covering(keeper: Keeper, seen: Observed) -> Own | PhysicalBackup:
    """Returns the physical backup from which a restore point of now can be reached; asks the host, changes nothing.

    With pg_backup_check what that command says, otherwise the newest backup of the server that Barman has, with
    pg_barman, or pgBackRest, with all of the write-ahead log since in its archive.
    """
    settings = keeper.settings
    if settings.backup_check is not None:
        return Own(own_answer(keeper))
    if settings.barman is not None:
        return _current(keeper, seen, _of_barman(keeper, seen, Barman(settings.barman)))
    return _current(keeper, seen, _of_pgbackrest(keeper, seen), is_by_command=True)


def has_arrived(keeper: Keeper, found: PhysicalBackup, segment: str, segment_bytes: int) -> None:
    """Waits until a WAL segment is in the archive, with all before it; raises PgMigrateError where it is not.

    + segment: in which a restore point is
    """
    flushed = _run(keeper, found.flushes)
    by_hand = found.by_hand(Action.CHECK)
    if flushed.status != 0:
        raise _uncovered(
            keeper,
            f"{by_hand}: {_said(flushed)}",
            "the segment of the restore point in the archive",
            f"See why it does not arrive: {by_hand}",
        )
    _check_timeline(keeper, found, segment)
    _check_archive(keeper, found, _archived(keeper, found), segment, segment_bytes)


def own_answer(keeper: Keeper, point: RestorePoint | None = None) -> str:
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
    answer = _run(keeper, (exports + command,))
    if answer.status != 0:
        raise _uncovered(
            keeper,
            f"status {answer.status} of pg_backup_check: {_said(answer) or 'no word'}",
            "status 0, for a physical backup that covers this moment",
            f"Try by hand on the host, as the user that runs psql: {command}",
        )
    said = _said(answer).splitlines()
    return f"pg_backup_check: {said[-1]}" if said else "pg_backup_check"


# pgBackRest and Barman.


def _of_pgbackrest(keeper: Keeper, seen: Observed) -> PhysicalBackup:
    answer = _run(keeper, (INFO,))
    if answer.status == _NO_PROGRAM:
        raise _uncovered(
            keeper,
            "no program pgbackrest in PATH, and neither pg_barman nor pg_backup_check",
            "one of them",
            _choices(seen),
        )
    try:
        return repositories(_said(answer), keeper.identity().system_identifier)[0]
    except ValueError as error:
        raise _uncovered(keeper, str(error), "a backup of this server by pgBackRest", _choices(seen)) from error


def _of_barman(keeper: Keeper, seen: Observed, barman: Barman) -> PhysicalBackup:
    def said(command: tuple[str, ...], what: str) -> str:
        answer = _run(keeper, command)
        if answer.status != 0:
            raise _uncovered(
                keeper,
                f"{barman.command} {what}: {_said(answer) or 'no word'} (status {answer.status})",
                "a backup of this server by Barman, and no check that fails",
                f"Try by hand on the host, as the user that runs psql: {barman.command} {what}",
            )
        return _said(answer)

    try:
        server = server_of(said(barman.servers, "list-servers"), keeper.identity().system_identifier)
        said(barman.check(server.name), f"check {server.name}")
        printed = said(barman.backup_of(server.name), f"show-backup {server.name} latest")
        return backup_of(printed, barman, server)
    except ValueError as error:
        raise _uncovered(keeper, str(error), "a backup of this server by Barman", _choices(seen)) from error


def _current(keeper: Keeper, seen: Observed, found: PhysicalBackup, *, is_by_command: bool = False) -> PhysicalBackup:
    """Returns a backup if it is young enough, of this timeline, and without a gap after it.

    + is_by_command: its archive gets what archive_command is given, and nothing otherwise
    """
    text = prepared(keeper.session.run, keeper.settings.schema, "physical/archiving")
    server = keeper.psql(text, keeper.settings.connection, "read the server", reads_only=True).value("archiving")
    if (is_by_command and server["archive_mode"] == "off") or server["wal_level"] == "minimal":
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
            f"Take another one: {found.by_hand(Action.BACKUP)}",
        )
    _check_timeline(keeper, found, server["segment"])
    archived = _archived(keeper, found)
    until = newest_segment(archived, found.start)
    _check_archive(keeper, found, archived, max(until, found.stop), server["segment_bytes"])
    keeper.session.tell(
        f"covered by {found.name}, {age(old_s)} old; its archive has all segments up to {until}", is_detail=True
    )
    return found


def _archived(keeper: Keeper, found: PhysicalBackup) -> list[str]:
    """Returns the names of the WAL segments in an archive."""
    answer = _run(keeper, found.lists)
    if answer.status != 0:
        by_hand = found.by_hand(Action.LIST)
        raise _uncovered(
            keeper, f"{by_hand}: {_said(answer)}", "the segments in the archive", f"Try by hand: {by_hand}"
        )
    return _said(answer).split()


def _check_archive(keeper: Keeper, found: PhysicalBackup, archived: list[str], until: str, segment_bytes: int) -> None:
    """Raises PgMigrateError where the archive does not have all segments from the backup up to one."""
    missing = gap(archived, found.start, until, segment_bytes)
    if missing is not None:
        raise _uncovered(
            keeper,
            f"no WAL segment {missing} in the archive",
            f"all from {found.start} to {until}, as {found.name} needs them",
            f"Take another one: {found.by_hand(Action.FULL)}",
        )


def _check_timeline(keeper: Keeper, found: PhysicalBackup, segment: str) -> None:
    """Raises PgMigrateError where the server has been recovered or promoted since the backup.

    + segment: the WAL segment that the server writes, or one after it
    """
    if timeline(segment) != timeline(found.start):
        raise _uncovered(
            keeper,
            f"{found.name}, of timeline {timeline(found.start)}; the server is on {timeline(segment)} by now",
            "a backup of the timeline that the server is on",
            f"Take another one: {found.by_hand(Action.FULL)}",
        )


def _run(keeper: Keeper, command: tuple[str, ...]) -> Answer:
    """Returns what a program on the host printed; nothing of it changes the database.

    + command: text for sh, and its arguments
    """
    words = ["sh -c", shlex.quote(read_shell("physical/run")), "pgmigrate", *map(shlex.quote, command)]
    return keeper.session.call(Command(" ".join(words), ("",)), reads_only=True)


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
