"""What a proven backup costs: our backup against pg_dump, our verification against pg_restore.

Usage: python -m tests.bench.backups [PROJECTS [ROUNDS]], by default about 2 GB, three rounds. The four are
run one after the other in each round, on one server, with the same jobs and the same compression; printed
are the seconds of each round and the ratios of their medians.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import legacy_data
from pyinfra_pgmigrate.embedded import scratch_server

from tests.support.harness import Result, backup
from tests.support.servers import Database, Server

PROJECTS, ROUNDS, JOBS = 300_000, 3, 2


def timed(function: Callable[[], object]) -> float:
    """Returns the seconds that a function takes."""
    started = time.monotonic()
    function()
    return time.monotonic() - started


def run(*command: str) -> None:
    """Runs a program that must succeed."""
    subprocess.run(command, check=True)


def succeeded(result: Result) -> None:
    """Raises RuntimeError where a deploy did not succeed."""
    if not result.ok:
        raise RuntimeError(result.text)


def main(projects: int = PROJECTS, rounds: int = ROUNDS) -> None:
    """Makes the database, runs the rounds and prints seconds and ratios."""
    with scratch_server(version=18) as found, tempfile.TemporaryDirectory(prefix="pgmigrate-bench-") as name:
        folder = Path(name)
        server = Server(18, {"host": found.host, "port": found.port, "user": found.user}, found.bin_dir)
        with server.database("empty") as database:
            with server.connect(database.name) as connection:
                connection.execute(legacy_data.BASELINE.read_bytes())
                legacy_data.fill(connection, legacy_data.Size(projects=projects))
                connection.execute("VACUUM ANALYZE")
            size = database.value("SELECT pg_size_pretty(pg_database_size(current_database()))")
            print(f"database of {size}, {projects} projects, PostgreSQL {found.version}, {JOBS} jobs, gzip")
            seconds = [round_of(server, database, folder) for _ in range(rounds)]
    for what in ("pg_dump", "backup", "pg_restore", "verify"):
        print(f"{what:12}" + "  ".join(f"{one[what]:6.1f} s" for one in seconds))
    for ours, plain, wanted in (("backup", "pg_dump", 1.6), ("verify", "pg_restore", 1.35)):
        ratio = median(one[ours] for one in seconds) / median(one[plain] for one in seconds)
        print(f"{ours} / {plain}: {ratio:.2f} (wanted: at most {wanted})")


def round_of(server: Server, database: Database, folder: Path) -> dict[str, float]:
    """Returns the seconds of each of the four, in one round."""
    plain, kept = folder / "plain", folder / "kept"
    shutil.rmtree(plain, ignore_errors=True)
    shutil.rmtree(kept, ignore_errors=True)
    programs, jobs = server.bin_dir, str(JOBS)
    conninfo = " ".join(f"{key}='{value}'" for key, value in server.conninfo.items())
    settings = database.settings(pg_skip_backup=False, pg_backup_dir=str(kept), pg_jobs=JOBS, pg_compress="gzip")
    dump = (
        f"{programs}/pg_dump",
        f"--dbname={conninfo} dbname={database.name}",
        "--format=directory",
        "--compress=gzip",
    )
    found = {"pg_dump": timed(lambda: run(*dump, "--jobs", jobs, "--file", str(plain)))}
    found["backup"] = timed(lambda: succeeded(backup({**settings, "pg_verify": "none"})))
    server.administer("CREATE DATABASE {} TEMPLATE template0", "plain")
    restore = (f"{programs}/pg_restore", f"--dbname={conninfo} dbname=plain", "--jobs", jobs, str(plain))
    found["pg_restore"] = timed(lambda: run(*restore))
    server.administer("DROP DATABASE {}", "plain")
    (label,) = (path.name for path in kept.iterdir() if path.is_dir())
    found["verify"] = timed(lambda: succeeded(backup({**settings, "pg_backup": label})))
    print("  ".join(f"{what} {value:.1f} s" for what, value in found.items()), flush=True)
    return found


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
