"""What a restore point is, and what it stands on. Pure."""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True)
class Own:
    """What the command in pg_backup_check says."""

    name: str

    def recover(self, *, name: str, lsn: str) -> str:
        """Returns what is to be done."""
        target = f"restore point {name} (LSN {lsn})" if name else f"LSN {lsn}"
        return f"with the tool that pg_backup_check asks, to {target}"
