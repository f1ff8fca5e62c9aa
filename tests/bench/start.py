"""What a run costs that finds nothing to do, beside pyinfra running one psql command.

Usage: python -m tests.bench.start [ROUNDS], by default nine rounds. In each, pyinfra runs three times as an operator runs
it, in turns: on a file with one psql command, on deploy/migrate.py and on deploy/status.py; with 5 and with 1,000
migrations applied; and what memory it takes.
"""

from __future__ import annotations

import compileall
import subprocess
import sys
import tempfile
from pathlib import Path

from pyinfra_pgmigrate.embedded import scratch_server

from tests.bench.figures import tell
from tests.bench.migrations import write
from tests.bench.status import seconds
from tests.support.cli import PYINFRA, Site
from tests.support.servers import ROOT, Server

ROUNDS = 9
APPLIED = (5, 1_000)
BARE = """
from pyinfra.operations import server

server.shell(commands=["{psql} -X -h {host} -p {port} -U {user} -d postgres -c 'SELECT 1'"])
"""


# Says at the end how long the process itself worked, and how much memory it had at most.
USED = """
import atexit, re, runpy, sys, time
from pathlib import Path
def tell():
    print("used", time.process_time(), re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
atexit.register(tell)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def used(site: Site, *arguments: str) -> tuple[float, float]:
    """Returns the processor time of pyinfra itself in seconds, and its memory at most in MiB.

    Raises CalledProcessError where it fails.
    """
    command = [sys.executable, "-c", USED, str(PYINFRA), "-y", *arguments]
    ended = subprocess.run(command, cwd=site.folder, capture_output=True, text=True, check=True)
    seconds_of, kib = ended.stdout.rsplit("used ", 1)[1].split()
    return float(seconds_of), int(kib) / 1024


def main(rounds: int = ROUNDS) -> None:
    """Runs all of it."""
    # Python modules come compiled to an operator.
    compileall.compile_dir(ROOT / "deploy" / "pyinfra_pgmigrate", quiet=2)
    with tempfile.TemporaryDirectory() as place, scratch_server(version=18) as found:
        server = Server(18, {"host": found.host, "port": found.port, "user": found.user}, found.bin_dir)
        site = Site.make(Path(place))
        bare = BARE.format(psql=found.bin_dir / "psql", host=found.host, port=found.port, user=found.user)
        (site.folder / "bare.py").write_text(bare)
        for count in APPLIED:
            made = [f"CREATE TABLE t{number} (id bigint PRIMARY KEY, name text)" for number in range(count)]
            sql = write(Path(place) / f"applied{count}", made, server)
            with server.database("empty") as database:
                inventory = site.write_inventory(f"n{count}", {"@local": database.settings(pg_sql_dir=str(sql))})
                seconds(site, inventory, "deploy/migrate.py")
                files = {
                    "migrate.py": "deploy/migrate.py",
                    "status.py": "deploy/status.py",
                    "pyinfra and psql": "bare.py",
                }
                took: dict[str, list[float]] = {name: [] for name in files}
                for number in range(rounds + 1):
                    for name, file in files.items():
                        one = seconds(site, inventory, file)
                        # The first round fills caches.
                        if number:
                            took[name].append(one)
                peaks = {name: [used(site, inventory, file)[1]] for name, file in files.items()}
            tell(f"nothing to do, {count} applied", "s", took, "1.15 times pyinfra and psql")
            tell(f"memory, nothing to do, {count} applied", "MiB", peaks, "15 MiB more than pyinfra and psql")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
