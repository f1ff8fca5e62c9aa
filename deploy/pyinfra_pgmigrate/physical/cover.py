"""What a restore point is, and what it stands on. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol


@dataclass(frozen=True)
class RestorePoint:
    """A moment to which a physical backup leads back.

    + name: empty where the role may create no restore point: then the LSN is the target
    + lsn: where it is in the write-ahead log; segment: the file of it
    + taken_at: ISO 8601, UTC
    + covered_by: the physical backup, in words; recover: the command, or what is to be done with it
    """

    name: str
    lsn: str
    segment: str
    taken_at: str
    covered_by: str = ""
    recover: str = ""

    def __str__(self) -> str:
        return f"restore point {self.name} at {self.lsn}" if self.name else f"LSN {self.lsn}"


class Cover(Protocol):
    """What a restore point stands on."""

    @property
    def name(self) -> str:
        """What it is, in words."""
        ...

    def recover(self, *, name: str, lsn: str) -> str:
        """Returns the command that leads back, or what is to be done."""
        ...


class PhysicalBackup(Cover, Protocol):
    """The newest backup that a tool has of a server, and the WAL archive that it keeps beside it.

    Commands are texts for sh and their arguments, in messages one command to be typed.
    """

    @property
    def ended_s(self) -> int:
        """When it was complete, seconds since 1970."""
        ...

    @property
    def start(self) -> str:
        """The first WAL segment that it needs."""
        ...

    @property
    def stop(self) -> str:
        """The last WAL segment that it needs."""
        ...

    @property
    def lists(self) -> tuple[str, ...]:
        """Command that prints the names of the WAL segments in the archive, a line each."""
        ...

    @property
    def flushes(self) -> tuple[str, ...]:
        """Command that has the server begin another segment, and waits until the one before is in the archive."""
        ...

    def by_hand(self, what: Action) -> str:
        """Returns a command to be typed."""
        ...


class Action(Enum):
    """What somebody may be told to do by hand."""

    LIST = "list the WAL archive"
    CHECK = "see whether segments arrive in it"
    FULL = "take another full backup"
    BACKUP = "take another backup"


@dataclass(frozen=True)
class Own:
    """What the command in pg_backup_check says."""

    name: str

    def recover(self, *, name: str, lsn: str) -> str:
        """Returns what is to be done."""
        target = f"restore point {name} (LSN {lsn})" if name else f"LSN {lsn}"
        return f"with the tool that pg_backup_check asks, to {target}"
