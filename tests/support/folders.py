"""SQL folders that a test writes: one text a migration."""

from __future__ import annotations

from pathlib import Path

from tests.support.migrations import record
from tests.support.servers import Server

HEADER = "-- purpose: of a test\n-- phase: schema\n"


def written(folder: Path, server: Server, *texts: str, header: str = HEADER) -> Path:
    """Writes migrations 001, 002, ... and records their effects on a server.

    + header: of each file
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number, text in enumerate(texts, start=1):
        (folder / f"{number:03}_m.sql").write_text(f"{header}\n{text}\n", encoding="utf-8")
    record(folder, server)
    return folder
