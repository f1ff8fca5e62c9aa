"""The wheel alone, in an empty environment on Debian's own Python and PostgreSQL: what the first page says, typed there."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.acceptance.test_getting_started import script
from tests.docker.hosts import DockerHost, docker_host, engine, image
from tests.support.servers import ROOT

# PostgreSQL of a Debian release, and its Python.
PYTHONS = {15: "3.11", 17: "3.13"}

MANY_LINUX = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")


def wheels(folder: Path, python: str) -> None:
    """Puts the wheel of this project, and those of all that it needs, into a folder.

    + python: version of the interpreter that will install them
    """
    pip = [sys.executable, "-m", "pip", "--quiet"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", str(folder), str(ROOT)], check=True)
    (own,) = folder.glob("pyinfra_pgmigrate-*.whl")
    platforms = [f"--platform={one}" for one in MANY_LINUX]
    subprocess.run(
        [
            *pip,
            "download",
            "--only-binary=:all:",
            f"--python-version={python}",
            *platforms,
            "--dest",
            str(folder),
            f"{own}[embedded]",
        ],
        check=True,
    )


@contextmanager
def debian(version: int, folder: Path) -> Iterator[DockerHost]:
    """Starts a host with Debian's own PostgreSQL and Python, and nothing of ours."""
    recipe = f"FROM {image(version)}\nRUN apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-venv\n"
    name = f"pgmigrate-python:{version}"
    engine().images.build(fileobj=io.BytesIO(recipe.encode()), tag=name, network_mode="host", rm=True)
    with docker_host(version, folder, made_of=name) as host:
        yield host


def put(host: DockerHost, folder: Path, place: str) -> None:
    """Copies a folder into a folder of a host that is there."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.add(folder, arcname=folder.name)
    host.container.put_archive(place, packed.getvalue())


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("version", PYTHONS, ids=lambda version: f"pg{version}")
def test_does_all_of_it_without_a_clone(version: int, tmp_path: Path) -> None:
    folder = tmp_path / "wheels"
    folder.mkdir()
    wheels(folder, PYTHONS[version])

    with debian(version, tmp_path) as host:
        put(host, folder, "/srv")
        host.run("psql", "-qc", "CREATE ROLE deploy LOGIN CREATEDB CREATEROLE", user="postgres")

        def typed(text: str) -> str:
            whole = f'set -eu\nexport HOME=/home/deploy PATH="/home/deploy/env/bin:$PATH"\n{text}'
            try:
                return host.run("bash", "-c", f"{{ {whole}\n}} 2>&1", user="deploy")
            except subprocess.CalledProcessError as error:
                raise AssertionError(error.output) from None

        typed(
            "python3 -m venv ~/env && pip install --quiet --no-index --find-links /srv/wheels 'pyinfra-pgmigrate[embedded]'"
        )
        said = typed("pgmigrate --version; python -m pyinfra_pgmigrate --version; pyinfra-pgmigrate --version")
        files = iter(["sql/001_create_customers.sql", "inventories/dev.py", "deploy/migrate.py"])
        first = typed("mkdir ~/one && cd ~/one\n" + script("A project from nothing", files))
        existing = typed(
            "dropdb shop && createdb shop && psql -qd shop -c 'CREATE TABLE customers (id int PRIMARY KEY, name text)'\n"
            "mkdir ~/two && cd ~/two && pgmigrate init .\n"
            'echo \'dev = [("@local", {"pg_database": "shop"})]\' >inventories/dev.py\n'
            + script("From a database that exists", iter(["sql/001_add_customer_phone.sql"]))
        )

    assert len(set(said.split("\n"))) <= 3, said
    assert "1 of 1 migrations applied" in first
    assert "would revert 001_add_customer_phone" in existing
