"""How long recording effects takes: all of them, and again with one new file.

Usage: python -m tests.bench.recording [ROUNDS [COUNT ...]], by default three rounds with 100 and 1,000 migrations of one
line.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.figures import tell

ROUNDS = 3
COUNTS = (100, 1_000)


def recorded_s(folder: Path) -> float:
    """Returns how long ``pgmigrate record`` takes on a folder."""
    began = time.monotonic()
    program = Path(sys.executable).with_name("pgmigrate")
    subprocess.run([str(program), "record", str(folder)], check=True, capture_output=True)
    return time.monotonic() - began


def write(folder: Path, number: int) -> None:
    """Writes a migration of one line."""
    text = f"CREATE TABLE t{number} (id bigint PRIMARY KEY, name text);\n"
    (folder / f"{number:05}_one.sql").write_text(text)


def main(rounds: int = ROUNDS, *counts: int) -> None:
    """Runs all of it."""
    for count in counts or COUNTS:
        took: dict[str, list[float]] = {"all": [], "one new": [], "none new": []}
        for _ in range(rounds):
            with tempfile.TemporaryDirectory() as place:
                for number in range(1, count + 1):
                    write(Path(place), number)
                took["all"].append(recorded_s(Path(place)))
                write(Path(place), count + 1)
                took["one new"].append(recorded_s(Path(place)))
                took["none new"].append(recorded_s(Path(place)))
        tell(f"record {count}", "s", took, "of 1,000: all 3 s, one new 1 s above the start")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
