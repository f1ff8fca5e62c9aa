"""A database in the hands of one ordinary role, as docs/least_privilege.sql puts it there."""

from __future__ import annotations

import subprocess

from tests.property.snapshot import environment
from tests.support.servers import ROOT, Database

SCRIPT = ROOT / "docs" / "least_privilege.sql"


def give_to(database: Database, owner: str) -> str:
    """Runs the script as a superuser would, and returns what it prints."""
    command = [str(database.server.bin_dir / "psql"), "-X", "-v", f"owner={owner}", "-f", str(SCRIPT), database.name]
    return subprocess.run(command, env=environment(database.server), capture_output=True, text=True, check=True).stdout
