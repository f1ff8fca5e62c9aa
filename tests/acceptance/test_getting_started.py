"""docs/getting-started.md, line by line, as a reader would type it."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.property.snapshot import dump
from tests.support.cli import PYINFRA
from tests.support.many_tables import make_tables
from tests.support.servers import ROOT, Server

pytestmark = pytest.mark.acceptance

PAGE = (ROOT / "docs" / "getting-started.md").read_text()


def script(section: str, files: Iterator[str]) -> str:
    """Returns the commands of a section as a shell script, the SQL and Python between them written into files.

    Commands within a list are for some readers only, and left out.

    + files: names for the files, in their order on the page
    """
    lines = ["set -eu"]
    text = PAGE.split(f"\n## {section}\n", 1)[1].split("\n## ", 1)[0]
    for found in re.finditer(r"^```(\w+)\n(.*?)^```$|^ {4}(\S[^\n]*)$", text, re.MULTILINE | re.DOTALL):
        language, body, line = found.groups()
        if line is not None:
            lines.append(line)
        elif language in ("sql", "python"):
            path = next(files)
            lines += [f"mkdir -p $(dirname {path})", f"cat >{path} <<'END'", body + "END"]
    return "\n".join(lines) + "\n"


@pytest.fixture
def environment(server: Server, tmp_path: Path) -> Iterator[Mapping[str, str]]:
    """A reader's account: the commands in its path, a server that it reaches without a word, a home of its own."""
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER"}
    variables = {names[key]: str(value) for key, value in server.conninfo.items() if key in names}
    # No account is known by its name: so backups are below that home, too, and nobody else's are looked at.
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "getent").write_text("#!/bin/sh\nexit 2\n")
    (programs / "getent").chmod(0o755)
    path = f"{programs}:{PYINFRA.parent}:{server.bin_dir}:{os.environ['PATH']}"
    yield {**os.environ, **variables, "PATH": path, "HOME": str(tmp_path)}
    assert (tmp_path / "pgmigrate-backups").is_dir()
    server.administer("DROP DATABASE IF EXISTS {} WITH (FORCE)", "shop")


def run(text: str, folder: Path, environment: Mapping[str, str]) -> str:
    ended = subprocess.run(
        ["bash", "-c", text], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    output = ended.stdout + ended.stderr
    assert ended.returncode == 0, output
    return output


def test_a_project_from_nothing(environment: Mapping[str, str], tmp_path: Path) -> None:
    files = iter(["sql/001_create_customers.sql", "inventories/dev.py", "deploy/migrate.py"])

    output = run(script("A project from nothing", files), tmp_path, environment)

    assert "1 migrations in sql: effects are current, rules are kept" in output
    assert "1 of 1 migrations applied" in output
    assert output.rstrip().splitlines()[-1].startswith("--> Report: ")
    # The page shows the effect that was recorded.
    (shown,) = re.findall(r"```text\n(statement 1.*?)```", PAGE, re.DOTALL)
    assert shown in (tmp_path / "shop" / "sql" / "001_create_customers.effect").read_text()


def a_reader_with_a_database(server: Server, folder: Path, template: str) -> None:
    """Makes database "shop" and the files that a reader of the second section has by then."""
    (folder / "inventories").mkdir()
    (folder / "sql").mkdir()
    (folder / "inventories" / "dev.py").write_text('dev = [("@local", {"pg_database": "shop"})]\n')
    (folder / "deploy").symlink_to(ROOT / "deploy")
    server.administer("CREATE DATABASE {} TEMPLATE {}", "shop", server.template(template))


def test_from_a_database_that_exists(server: Server, environment: Mapping[str, str], tmp_path: Path) -> None:
    a_reader_with_a_database(server, tmp_path, "legacy")

    files = iter(["sql/001_add_customer_phone.sql"])
    output = run(script("From a database that exists", files), tmp_path, environment)

    assert "would revert 001_add_customer_phone" in output
    draft = (tmp_path / "sql" / "rollback_001_001.sql").read_text()
    assert "TODO" not in draft
    assert draft.rstrip().endswith("ALTER TABLE customers DROP COLUMN IF EXISTS phone;")


def test_from_300_tables_of_another_tool(server: Server, environment: Mapping[str, str], tmp_path: Path) -> None:
    a_reader_with_a_database(server, tmp_path, "empty")
    make_tables(server, "shop")
    structure, rows = dump(server, "shop"), contents(server)
    text = script("From a database that exists", iter(["sql/001_add_customer_phone.sql"]))

    output = run(text, tmp_path, environment)

    # What is typed, without the lines that write files.
    typed = [line for line in text.split("\n") if line.startswith(("pgmigrate ", "pyinfra "))]
    assert 8 <= len(typed) < 15, typed
    assert "001_add_customer_phone: applied" in output
    assert "kept: what was not the default in column customers.phone" in output
    assert dump(server, "shop") == structure
    assert contents(server) == rows
    again = run("pyinfra -y inventories/dev.py deploy/migrate.py", tmp_path, environment)
    assert "001_add_customer_phone: applied" in again
    last = run("pyinfra -y inventories/dev.py deploy/migrate.py", tmp_path, environment)
    assert "nothing to do" in last
    assert contents(server) == rows


def contents(server: Server) -> list[tuple[object, ...]]:
    """Returns the rows of the table that the migration changes, without what it adds."""
    with server.connect("shop") as session:
        return session.execute("SELECT id, name, is_deleted, changed_at, contact FROM customers ORDER BY id").fetchall()
