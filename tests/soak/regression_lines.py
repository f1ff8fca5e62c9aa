"""PostgreSQL's own regression SQL, statement by statement on all versions: do the lines say the same of each?

Not part of the suite: the SQL is PostgreSQL's and is fetched, for example by ``apt-get source postgresql-15``.
Usage: python -m tests.soak.regression_lines FOLDER [FILE ...]; FOLDER holds the .sql files.
"""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.conftest import ALL_VERSIONS, Machines
from tests.support.lockstep import Found, run_in_step, sessions_of, statements_of
from tests.support.summary import Summary


def main(folder: Path, names: list[str]) -> int:
    """Runs the files and prints what differs, and which DDL leaves no line."""
    whole = Found()
    with ExitStack() as stack:
        machines = Machines(stack, Path(stack.enter_context(tempfile.TemporaryDirectory())), Summary())
        servers = {version: machines.server(version) for version in ALL_VERSIONS}
        for path in [folder / f"{name}.sql" for name in names] or sorted(folder.glob("*.sql")):
            print(f"== {path.name}", flush=True)
            one = Found()
            with ExitStack() as made:
                databases = {v: made.enter_context(server.database("empty")) for v, server in servers.items()}
                sessions = made.enter_context(sessions_of(databases))
                run_in_step(sessions, statements_of(path.read_text(encoding="utf-8", errors="replace")), one)
            for text, lines in one.differing:
                print(f"DIFFERS {' '.join(text.split())[:300]}")
                for version, found in lines.items():
                    print("\n".join(f"    {version} {line[:400]}" for line in found) or f"    {version} nothing")
            for text in one.silent:
                print(f"SILENT {' '.join(text.split())[:200]}")
            print(
                f"   {one.ran} ran on all, {one.structural} of them DDL, {len(one.differing)} differ, {len(one.silent)} silent"
            )
            whole.ran += one.ran
            whole.structural += one.structural
            whole.differing += one.differing
            whole.silent += one.silent
    print(
        f"== all: {whole.ran} ran on all versions, {whole.structural} of them DDL, {len(whole.differing)} differ, "
        f"{len(whole.silent)} leave no line"
    )
    return 1 if whole.differing else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
