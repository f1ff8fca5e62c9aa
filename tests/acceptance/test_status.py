"""status.py as an operator runs it: one host, several hosts, in a pipe."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

from tests.conftest import Machines
from tests.support.cli import PYINFRA, Site
from tests.support.harness import backup, migrate
from tests.support.servers import Database


def test_one_host_is_told_in_lines_of_80_characters_without_escape_codes_in_a_pipe(
    legacy: Database, site: Site, tmp_path: Path
) -> None:
    assert migrate(legacy.settings()).ok
    data = legacy.settings(pg_backup_dir=str(tmp_path / "backups"))
    assert backup(data).ok
    legacy.run("CREATE TABLE by_hand (id integer); ALTER TABLE equipment ALTER COLUMN stock SET DEFAULT 1")
    where = site.write_inventory("one", {"@local": data})

    process = site.start("-y", where, "deploy/status.py")
    output, _ = process.communicate(timeout=60)

    told = [line.removeprefix("    [@local] ") for line in output.splitlines() if line.startswith("    [@local] ")]
    assert process.returncode == 0, output
    assert "\x1b" not in output
    assert "6 of 6 migrations applied" in told
    assert any(re.match(r"backup \d+ s old, restored and compared, [\d.]+ [KM]iB: ", line) for line in told)
    assert "drift since the last run: 1 changed, 1 extra" in told
    assert "    changed  column equipment.stock" in told
    assert "host  server" not in output
    names = (legacy.name, "backup ", "applied  ")
    assert [line for line in told if len(line) > 80 and not any(name in line for name in names)] == []


def test_colours_are_for_a_terminal(legacy: Database, site: Site) -> None:
    assert migrate(legacy.settings()).ok
    legacy.run("CREATE TABLE by_hand (id integer)")
    where = site.write_inventory("one", {"@local": legacy.settings()})
    command = shlex.join([str(PYINFRA), "-y", where, "deploy/status.py"])

    # What script gives a command is a terminal.
    ended = subprocess.run(
        ["script", "-qec", command, "/dev/null"],
        cwd=site.folder,
        env={**os.environ, "TERM": "xterm-256color"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )

    (line,) = [one for one in ended.stdout.splitlines() if "drift since the last run: 1 extra" in one]
    assert "\x1b[33m" in line


def test_a_database_without_a_verified_backup_is_told_so(legacy: Database, site: Site) -> None:
    shown = site.run("-y", site.write_inventory("one", {"@local": legacy.settings()}), "deploy/status.py")

    assert "no verified backup" in shown.output
    assert "no registry yet: nothing is known about drift" in shown.output


def test_several_hosts_end_in_a_table_also_where_one_cannot_be_reached(
    machines: Machines, legacy: Database, site: Site
) -> None:
    assert migrate(legacy.settings()).ok
    with machines.server(17).database("legacy") as behind:
        assert migrate(behind.settings(pg_target=5)).ok
        behind.run("DROP INDEX idx_projects_owner")
        there = {"_sudo": True, "_sudo_user": "postgres", "pg_database": behind.name}
        missing = {**there, "pg_database": "not_there"}
        hosts = {
            "127.0.0.1": {"ssh_port": 1, "ssh_connect_retries": 0, "pg_database": "stage"},
            f"@docker/{machines.host(17).name}": there,
            f"@docker/{machines.host(15).name}": missing,
            "@local": legacy.settings(),
        }

        where = site.write_inventory("several", hosts)
        shown = site.run("-y", where, "deploy/status.py")
        limited = site.run("-y", where, "deploy/status.py", "--limit", "@local")

    lines = shown.output.splitlines()
    begin = next(place for place, line in enumerate(lines) if line.split()[:2] == ["host", "database"])
    rows = {line.split()[0]: line.split()[1:] for line in lines[begin + 1 : begin + 5]}
    assert list(rows) == list(hosts)
    nowhere, drifted, unreadable, good = rows.values()
    assert nowhere == [*["-"] * 8, "not", "reached"]
    assert drifted[0] == behind.name
    assert drifted[1].startswith("17.")
    assert drifted[2] == "primary"
    assert drifted[5:] == ["5/6", "1", "none", "1", "drifted"]
    assert unreadable == ["not_there", *["-"] * 7, "unreadable"]
    assert good[5:] == ["6/6", "0", "none", "0", "good"]
    # One host alone needs no table, and what --limit leaves out is not told as not reached.
    assert "not reached" not in limited.output
    # A host that could not be asked is an error, as for pyinfra itself.
    assert shown.status != 0
