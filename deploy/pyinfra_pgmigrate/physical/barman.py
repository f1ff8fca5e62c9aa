"""What Barman says of its servers: which one is ours, and its newest backup. Pure.

Source: Barman's manual, "Commands", and what versions 3.4 and 3.13 print.
"""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass

from .cover import Action
from .wal import timeline

# For sh, after what defines call. Of the settings of a server only these: others hold passwords.
_SERVERS = r"""names=$(call list-servers --minimal) || { status=$?; printf '%s\n' "$names"; exit "$status"; }
for name in $names; do
    printf 'server %s\n' "$name"
    call show-server "$name" | sed -n 's/^[[:space:]]*\(postgres_systemid\|streaming_systemid\|ssh_command\): /\1 /p'
done"""
_BACKUP = 'call -f json show-backup "$0" latest'
_CHECK = r"""found=$(call check "$0") || { status=$?; printf '%s\n' "$found" | grep FAILED; exit "$status"; }"""
_SEGMENTS = r"""found=$(call list-files --target wal "$0" "$1") || { status=$?; echo "$found"; exit "$status"; }
printf '%s\n' "$found" | sed 's|.*/||'"""
_FLUSH = 'call switch-wal --force --archive --archive-timeout 60 "$0"'

# What a server may be called: it is put into commands.
_NAME = re.compile(r"[\w][\w.-]*", re.ASCII)


# Copied; whether the segments that it needs are there is looked at here.
_COPIED = ("DONE", "WAITING_FOR_WALS")


@dataclass(frozen=True)
class Barman:
    """How Barman is called.

    + command: for sh, such as ``ssh barman@backup barman``
    """

    command: str

    @property
    def servers(self) -> tuple[str, ...]:
        """Command that prints the servers."""
        return self._text(_SERVERS)

    def backup_of(self, server: str) -> tuple[str, ...]:
        """Returns the command that prints the newest backup of a server."""
        return self._text(_BACKUP, server)

    def check(self, server: str) -> tuple[str, ...]:
        """Returns the command that says whether all is well with a server."""
        return self._text(_CHECK, server)

    def segments(self, server: str, backup: str) -> tuple[str, ...]:
        """Returns the command that prints the WAL segments from a backup on."""
        return self._text(_SEGMENTS, server, backup)

    def flush(self, server: str) -> tuple[str, ...]:
        """Returns the command that has a server begin another segment, and waits for the one before."""
        return self._text(_FLUSH, server)

    def _text(self, text: str, *arguments: str) -> tuple[str, ...]:
        return f'call() {{ {self.command} "$@"; }}\n{text}', *arguments


@dataclass(frozen=True)
class BarmanServer:
    """A server of Barman.

    + ssh_command: how Barman reaches its host; empty where it does not
    """

    name: str
    ssh_command: str = ""


@dataclass(frozen=True)
class BarmanBackup:
    """The newest backup that Barman has of a server.

    + label: its id; ended_s: when it was complete, seconds since 1970
    + start, stop: first and last WAL segment that it needs
    + folder: of the server's data
    """

    barman: Barman
    server: BarmanServer
    label: str
    ended_s: int
    start: str
    stop: str
    folder: str

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return f"Barman backup {self.label} of server {self.server.name}"

    @property
    def lists(self) -> tuple[str, ...]:
        """Command that prints the names of the WAL segments from this backup on."""
        return self.barman.segments(self.server.name, self.label)

    @property
    def flushes(self) -> tuple[str, ...]:
        """Command that has the server begin another segment, and waits until the one before is in the archive."""
        return self.barman.flush(self.server.name)

    def by_hand(self, what: Action) -> str:
        """Returns a command to be typed."""
        arguments = {
            Action.LIST: f"list-files --target wal {self.server.name} {self.label}",
            Action.CHECK: f"check {self.server.name}",
            Action.FULL: f"backup {self.server.name}",
            Action.BACKUP: f"backup {self.server.name}",
        }
        return f"{self.barman.command} {arguments[what]}"

    def recover(self, *, name: str, lsn: str) -> str:
        """Returns the command, for Barman's host, that leads back to a restore point, or to an LSN without a name."""
        target = f"--target-name {name}" if name else f"--target-lsn {lsn}"
        to = self.server.ssh_command
        remote = f" --remote-ssh-command {shlex.quote(to)}" if to else ""
        return (
            f"barman recover {target} --target-tli {timeline(self.start)} --target-action promote{remote} "
            f"{self.server.name} {self.label} {shlex.quote(self.folder)}"
        )


def server_of(printed: str, system_identifier: str) -> BarmanServer:
    """Returns the server of Barman that is ours.

    + printed: a line a server and a line a setting, as Barman.servers prints them
    Raises ValueError where there is none, with what is there.
    """
    found: dict[str, dict[str, str]] = {}
    of: dict[str, str] = {}
    for line in printed.splitlines():
        word, _, value = line.partition(" ")
        if word == "server":
            of = found.setdefault(value, {})
        else:
            of[word] = value
    for name, settings in found.items():
        known = {settings.get("postgres_systemid"), settings.get("streaming_systemid")} - {None, "None"}
        if known == {system_identifier} and _NAME.fullmatch(name):
            ssh_command = settings.get("ssh_command", "None")
            return BarmanServer(name, "" if ssh_command == "None" else ssh_command)
    there = ", ".join(found) or "none"
    raise ValueError(f"servers of Barman: {there}; none of them has the system identifier {system_identifier}")


def backup_of(printed: str, barman: Barman, server: BarmanServer) -> BarmanBackup:
    """Returns the newest backup of a server.

    + printed: what ``barman -f json show-backup SERVER latest`` prints
    Raises ValueError for what it did not print, and for a backup that is not complete.
    """
    try:
        backup = json.loads(printed)[server.name]
        label, status = backup["backup_id"], backup["status"]
        if status not in _COPIED:
            raise ValueError(f"Barman backup {label} of server {server.name}, with status {status}")
        if not _NAME.fullmatch(label):
            raise ValueError(f"a backup of Barman with the id {label!r}")
        base = backup["base_backup_information"]
        return BarmanBackup(
            barman=barman,
            server=server,
            label=label,
            ended_s=int(base["end_time_timestamp"]),
            start=base["begin_wal"],
            stop=base["end_wal"],
            folder=backup["pgdata_directory"],
        )
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"an answer of barman show-backup that cannot be read: {error!r}") from error
