"""Three hosts with two databases each, by three connectors' ways, as an operator runs them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from tests.conftest import Machines
from tests.support.cli import MIGRATE, STALE_S, STATUS, Site
from tests.support.servers import Database

ALL = list(range(1, 7))


@dataclass(frozen=True)
class Fleet:
    """Hosts with their databases, in the order of the inventory."""

    inventory: dict[str, dict[str, Any]]
    databases: dict[tuple[str, str], Database]

    def applied(self) -> dict[tuple[str, str], list[int]]:
        """Returns the registered versions of each database; none without a registry."""
        return {place: _applied(database) for place, database in self.databases.items()}


def _applied(database: Database) -> list[int]:
    if database.value("SELECT to_regclass('pgmigrate.migrations')") is None:
        return []
    return [version for (version,) in database.rows("SELECT version FROM pgmigrate.migrations ORDER BY 1")]


@pytest.fixture
def fleet(machines: Machines) -> Iterator[Fleet]:
    """Two databases on each of three hosts: two containers, of 15 and 17, and this machine, with 18."""
    inventory: dict[str, dict[str, Any]] = {}
    databases: dict[tuple[str, str], Database] = {}
    with ExitStack() as stack:
        for version in (15, 17, 18):
            found = [stack.enter_context(machines.server(version).database("legacy")) for _ in range(2)]
            data = found[0].settings()
            del data["pg_database"]
            name = "@local"
            if version != 18:
                name = f"@docker/{machines.host(version).name}"
                data = {"_sudo": True, "_sudo_user": "postgres", "pg_skip_backup": True}
                data["pg_bin_dir"] = machines.host(version).bin_dir
            inventory[name] = {**data, "pg_databases": [one.name for one in found], "pg_run_stale_s": STALE_S}
            databases.update({(name, one.name): one for one in found})
        yield Fleet(inventory, databases)


def test_a_refusal_on_one_database_stops_no_other_and_the_table_has_a_line_each(site: Site, fleet: Fleet) -> None:
    target = site.write_inventory("fleet", fleet.inventory)
    places = list(fleet.databases)
    # The first database of the second host.
    spoiled = places[2]
    fleet.databases[spoiled].run("ALTER TABLE project_roles ADD COLUMN variant_name integer")

    first = site.run("-y", target, MIGRATE)
    applied = fleet.applied()
    told = site.run("-y", target, STATUS)
    fleet.databases[spoiled].run("ALTER TABLE project_roles DROP COLUMN variant_name")
    second = site.run("-y", target, MIGRATE)
    third = site.run("-y", target, MIGRATE)

    assert first.status == 1, first.output
    assert applied == {place: [] if place == spoiled else ALL for place in places}
    rows = [line.split() for line in told.output.splitlines() if line.split()[:1] in ([name] for name, _ in places)]
    assert [(row[0], row[1]) for row in rows] == places
    assert [row[-1] == "good" for row in rows] == [place != spoiled for place in places]
    assert second.status == 0, second.output
    assert fleet.applied() == dict.fromkeys(places, ALL)
    assert third.status == 0, third.output
    assert third.changed == []


def test_after_a_failure_no_other_host_is_begun(site: Site, fleet: Fleet) -> None:
    target = site.write_inventory("fleet", fleet.inventory)
    for database in fleet.databases.values():
        database.run("ALTER TABLE project_roles ADD COLUMN variant_name integer")

    # One host after the other, in an order that pyinfra chooses.
    ended = site.run("-y", "--serial", target, MIGRATE, "--data", "pg_stop_after=1")

    assert ended.status == 1
    assert ended.output.count(": not begun: pg_stop_after is 1, and so many databases failed before it (1)") >= 5, (
        ended.output
    )
    assert list(fleet.applied().values()) == [[]] * 6
