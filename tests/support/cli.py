"""Runs the pyinfra command itself, as an operator would."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.docker.hosts import DockerHost
from tests.support.servers import ROOT

PYINFRA = Path(sys.executable).with_name("pyinfra")
PGMIGRATE = Path(sys.executable).with_name("pgmigrate")

MIGRATE, STATUS = "deploy/migrate.py", "deploy/status.py"

# Whoever comes after a killed run waits that long; half of the default.
STALE_S = 5

# psql is run by postgres; backups are taken only where they are wanted.
_COMMON: dict[str, Any] = {
    "_sudo": True,
    "_sudo_user": "postgres",
    "pg_database": "stage",
    "pg_skip_backup": True,
    "pg_run_stale_s": STALE_S,
}

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Ended:
    """What a command printed, without colours, and its exit status."""

    status: int
    output: str

    def results(self) -> dict[str, tuple[str, ...]]:
        """Returns the rows of pyinfra's table of results: operation -> hosts, success, error, no change."""
        rows = re.findall(
            r"^ +\w+(?: up| back)? database \| (.+?) {2,}(\S+) +(\S+) +(\S+) +(\S+)", self.output, re.MULTILINE
        )
        return {name: tuple(numbers) for name, *numbers in rows}

    @property
    def changed(self) -> list[str]:
        """Names of the operations that changed something."""
        return [name for name, (_, success, _, _) in self.results().items() if success != "-"]


@dataclass(frozen=True)
class Site:
    """A folder as an operations team has it: inventories of its own, deploys and SQL of this project."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> Site:
        """Returns a site with the inventories of this project, which a test may change."""
        shutil.copytree(ROOT / "inventories", folder / "inventories", ignore=shutil.ignore_patterns("*.hosts", "__*"))
        (folder / "deploy").symlink_to(ROOT / "deploy")
        (folder / "sql").symlink_to(ROOT / "sql")
        return cls(folder)

    def write_inventory(self, name: str, hosts: Mapping[str, Mapping[str, Any]]) -> str:
        """Writes an inventory of hosts with their data and returns its path."""
        path = self.folder / "inventories" / f"{name}.py"
        path.write_text(f"{name} = {list(hosts.items())!r}\n")
        return f"inventories/{name}.py"

    def docker(self, host: DockerHost, **data: Any) -> str:
        """Returns an inventory that reaches a host through @docker, psql run by postgres; backups only where wanted."""
        return self.write_inventory("docker", {f"@docker/{host.name}": {**_COMMON, **data}})

    def reach(self, host: DockerHost, **data: Any) -> str:
        """Returns an inventory that does so over SSH: where the connector is of no matter, it takes half of the time.

        It names the folder of the programs, too: Debian's own psql is a script that looks for it each time.
        """
        given = {**self.over_ssh(host), "pg_bin_dir": host.bin_dir, **data}
        return self.write_inventory("reached", {host.address: given})

    def over_ssh(self, host: DockerHost) -> dict[str, Any]:
        """Returns the host data with which a host is reached over SSH."""
        known_hosts = f"{self.folder}/known_hosts"
        return {"ssh_user": "deploy", "ssh_key": str(host.key), "ssh_known_hosts_file": known_hosts, **_COMMON}

    def ssh(self, host: DockerHost, *more: str) -> str:
        """Returns the staging inventory with a host that is reached over SSH; backups only where wanted.

        Its account deploy may become postgres and nobody else.
        """
        hosts = self.folder / "inventories" / "staging.hosts"
        ssh = f"ssh_user=deploy ssh_key={host.key} ssh_known_hosts_file={self.folder}/known_hosts"
        data = " ".join(("pg_skip_backup=true", "_sudo_user=postgres", f"pg_run_stale_s={STALE_S}", *more))
        hosts.write_text(f"# written by a test\n{host.address} {ssh} {data}\n")
        return "inventories/staging.py"

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Starts pyinfra in the background, in a process group of its own."""
        return subprocess.Popen(
            [str(PYINFRA), *arguments],
            cwd=self.folder,
            env={**os.environ, "PYINFRA_PROGRESS": "off", **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, **environment: str) -> Ended:
        """Runs pyinfra to its end."""
        process = self.start(*arguments, **environment)
        output, _ = process.communicate(timeout=300)
        return Ended(process.returncode, _COLOURS.sub("", output))
