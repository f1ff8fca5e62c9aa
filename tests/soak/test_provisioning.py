"""docs/guides/provisioning.md: a host from nothing, in one run, and a second one that changes nothing."""

from __future__ import annotations

import io
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.docker.hosts import debian, engine
from tests.support.cli import Site
from tests.support.folders import written
from tests.support.servers import ROOT, Server

if TYPE_CHECKING:
    from docker.models.containers import Container

PAGE = (ROOT / "docs" / "guides" / "provisioning.md").read_text()

# Debian with what a package manager would fetch, as a bridge may have no name server.
RECIPE = """
FROM {base}
RUN rm -f /etc/apt/apt.conf.d/docker-clean; apt-get update -qq && apt-get install -y -qq sudo \
    && apt-get install -y -qq --download-only postgresql
"""

# Starts a cluster that is there, as a service manager would.
SERVICES = """
while :; do
    for place in /etc/postgresql/*; do
        version=${place##*/}
        [ -f "/var/lib/postgresql/$version/main/PG_VERSION" ] || continue
        pg_ctlcluster "$version" main status >/dev/null 2>&1 || pg_ctlcluster "$version" main start
    done
    sleep 0.2
done
"""


@pytest.fixture(params=["bookworm", "trixie"])
def empty(request: pytest.FixtureRequest) -> Iterator[Container]:
    """A host without PostgreSQL."""
    name = f"pgmigrate-empty:{request.param}"
    recipe = RECIPE.format(base=debian(request.param))
    engine().images.build(fileobj=io.BytesIO(recipe.encode()), tag=name, network_mode="host", rm=True)
    container = engine().containers.run(
        name,
        ["sh", "-c", SERVICES],
        name=f"pgmigrate-empty-{os.getpid()}-{secrets.token_hex(2)}",
        detach=True,
        init=True,
    )
    try:
        yield container
    finally:
        container.remove(force=True, v=True)


def test_a_host_from_nothing(empty: Container, server: Server, tmp_path: Path) -> None:
    site = Site(tmp_path)
    (tmp_path / "inventories").mkdir()
    (tmp_path / "deploy").mkdir()
    (example,) = re.findall(r"```python\n(from pyinfra\.operations.*?)```", PAGE, re.DOTALL)
    (tmp_path / "deploy" / "site.py").write_text(example)
    written(
        tmp_path / "sql",
        server,
        "CREATE TABLE customers (id integer PRIMARY KEY);",
        "ALTER TABLE customers ADD n text;",
    )
    where = site.write_inventory("one", {f"@docker/{empty.name}": {}})

    looked = site.run("--dry", where, "deploy/site.py")
    first = site.run("-y", where, "deploy/site.py")
    second = site.run("-y", where, "deploy/site.py")

    assert looked.status == 0, looked.output
    for said in (looked.output, first.output):
        assert 'database "shop" is looked at once the operations before have run (now: ' in said
        prepared = re.split("--> (?:Detected changes|Skipping change detection)", said)[0]
        assert not re.search("DETAIL|HINT|could not|[Ee]rror|warning", prepared), prepared
    assert first.status == 0, first.output
    assert "shop: 002_m: applied" in first.output
    assert second.status == 0, second.output
    assert "shop: nothing to do" in second.output
    assert second.output.count("No changes") == 5
