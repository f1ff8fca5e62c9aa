"""Plausible data of a given size for the structure of baseline.sql: for the demo, tests and benchmarks.

    python sql/legacy_data.py --projects 2000 "dbname=stage"

The same seed gives the same rows. Rows go in by COPY; as a superuser with triggers off, and what the
application's triggers would have computed (prices, costs) is computed here in the same way.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from pyinfra_pgmigrate.embedded import ensure_server

BASELINE = Path(__file__).with_name("baseline.sql")

# A project type and how often it occurs among a hundred projects.
PROJECT_TYPES = {"artist": 50, "corporate": 25, "broadcast": 15, "dry_hire": 10}

_ARTISTS = ("Aurora", "Kelp", "Nordlys", "The Tides", "Silver Fern", "Lowland", "Mira", "Paper Birds")
_OCCASIONS = ("tour", "festival", "club night", "album release", "gala", "conference", "live show", "theatre")
_CITIES = ("Oslo", "Bergen", "Stavanger", "Trondheim", "Drammen", "Hamar", "Molde", "Narvik")
_GROUPS = (
    "Backline", "FOH", "Monitors", "Lights", "Rigging", "Video", "Cables", "Microphones", "Drums", "Playback",
    "Power", "Stage", "Trucks", "Effects", "Intercom", "Recording",
)  # fmt: skip
_ROLES = (
    "FOH engineer", "Monitor engineer", "Light designer", "Backline technician", "Stage manager", "Rigger",
    "Video operator", "Playback engineer", "Driver", "Producer", "Tour manager", "Stagehand",
)  # fmt: skip
_EQUIPMENT = (
    "mixing desk",
    "line array",
    "moving head",
    "wireless set",
    "amplifier",
    "drum kit",
    "truss",
    "camera",
)
_EVENT_TYPES = {
    "Preparation": "0.75",
    "Rehearsal": "0.80",
    "Show": "1.00",
    "Double show": "1.50",
    "Travel": "0.50",
}


@dataclass(frozen=True)
class Size:
    """How much there is of everything.

    + groups, roles, events: of each project
    + equipment: pieces in each group
    """

    projects: int = 200
    groups: int = 5
    roles: int = 4
    events: int = 3
    equipment: int = 2


@dataclass(frozen=True)
class _Kinds:
    """Ids of what projects refer to; equipment with its price."""

    types: dict[str, UUID]
    customers: list[UUID]
    crew: list[UUID]
    roles: list[UUID]
    equipment: list[tuple[UUID, Decimal]]
    event_types: list[UUID]
    owners: list[UUID]


class _Generator:
    def __init__(self, connection: psycopg.Connection[Any], size: Size, seed: int) -> None:
        self.connection = connection
        self.size = size
        self.random = random.Random(seed)  # noqa: S311  (data for trying out, no secret)
        self.start = datetime(2024, 1, 1, 8, 0, tzinfo=timezone.utc)

    def id(self) -> UUID:
        return UUID(int=self.random.getrandbits(128), version=4)

    def moment(self) -> datetime:
        return self.start + timedelta(minutes=self.random.randrange(60 * 24 * 600))

    def copy(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Copies rows; created_at and updated_at of each are one moment of the past."""
        names = sql.SQL(", ").join(map(sql.Identifier, [*columns, "created_at", "updated_at"]))
        statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), names)
        with self.connection.cursor().copy(statement) as copy:
            for row in rows:
                moment = self.moment()
                copy.write_row((*row, moment, moment))

    def kinds(self) -> _Kinds:
        count = max(10, self.size.projects // 20)
        kinds = _Kinds(
            types={code: self.id() for code in PROJECT_TYPES},
            customers=[self.id() for _ in range(count)],
            crew=[self.id() for _ in range(count)],
            roles=[self.id() for _ in range(max(len(_ROLES), self.size.roles))],
            equipment=[(self.id(), Decimal(self.random.randrange(100, 90000)) / 100) for _ in range(count)],
            event_types=[self.id() for _ in _EVENT_TYPES],
            owners=[self.id() for _ in range(max(4, self.size.projects // 100))],
        )
        self.copy(
            "project_types",
            ("id", "code", "name"),
            [(one, code, code.title()) for code, one in kinds.types.items()],
        )
        self.copy(
            "customers",
            ("id", "name"),
            [(one, f"{self.random.choice(_ARTISTS)} AS") for one in kinds.customers],
        )
        self.copy("crew_members", ("id", "name"), [(one, f"Crew {place}") for place, one in enumerate(kinds.crew)])
        self.copy(
            "crew_roles",
            ("id", "name"),
            [(one, _ROLES[place] if place < len(_ROLES) else f"Role {place}") for place, one in enumerate(kinds.roles)],
        )
        self.copy(
            "equipment",
            ("id", "name", "rental_price", "stock"),
            [
                (one, f"{self.random.choice(_EQUIPMENT)} {place}", price, self.random.randrange(1, 40))
                for place, (one, price) in enumerate(kinds.equipment)
            ],
        )
        self.copy(
            "event_types",
            ("id", "name", "rate_multiplier"),
            [(one, *item) for one, item in zip(kinds.event_types, _EVENT_TYPES.items(), strict=True)],
        )
        return kinds

    def projects(self, kinds: _Kinds) -> list[UUID]:
        projects = [self.id() for _ in range(self.size.projects)]
        codes = self.random.choices(list(PROJECT_TYPES), weights=list(PROJECT_TYPES.values()), k=len(projects))
        self.copy(
            "projects",
            ("id", "name", "project_type_id", "customer_id", "owner_id"),
            (
                (
                    one,
                    f"{self.random.choice(_ARTISTS)}, {self.random.choice(_OCCASIONS)} {self.random.choice(_CITIES)}",
                    kinds.types[code],
                    self.random.choice(kinds.customers),
                    self.random.choice(kinds.owners),
                )
                for one, code in zip(projects, codes, strict=True)
            ),
        )
        return projects

    def roles(self, kinds: _Kinds, projects: list[UUID]) -> None:
        self.copy(
            "project_roles",
            ("id", "project_id", "role_id", "daily_rate", "hourly_rate", "hourly_category", "preferred_id"),
            (
                (
                    self.id(),
                    project,
                    role,
                    self.random.randrange(200, 900) * 10,
                    self.random.randrange(40, 120) * 10,
                    self.random.choice(("flat", "flat", "corporate", "broadcast")),
                    self.random.choice([None, self.random.choice(kinds.crew)]),
                )
                for project in projects
                for role in self.random.sample(kinds.roles, self.size.roles)
            ),
        )

    def groups(self, kinds: _Kinds, projects: list[UUID]) -> None:
        pieces: list[tuple[UUID, UUID, UUID, UUID, int]] = []

        def groups() -> Iterable[Sequence[Any]]:
            for project in projects:
                for place in range(self.size.groups):
                    group = self.id()
                    total = Decimal(0)
                    for equipment, price in self.random.sample(kinds.equipment, self.size.equipment):
                        quantity = self.random.randrange(1, 9)
                        total += price * quantity
                        pieces.append((self.id(), project, equipment, group, quantity))
                    name = _GROUPS[place] if place < len(_GROUPS) else f"Group {place}"
                    yield group, project, name, place, total

        self.copy("project_equipment_groups", ("id", "project_id", "name", "sort_order", "total_price"), groups())
        self.copy("project_equipment", ("id", "project_id", "equipment_id", "group_id", "quantity"), pieces)

    def events(self, kinds: _Kinds, projects: list[UUID]) -> None:
        events = [(self.id(), project, place) for project in projects for place in range(self.size.events)]
        first = date(2026, 1, 1)
        self.copy(
            "project_events",
            ("id", "project_id", "date", "name", "event_type_id"),
            (
                (
                    event,
                    project,
                    first + timedelta(days=self.random.randrange(700)),
                    f"{self.random.choice(_CITIES)} {place + 1}",
                    self.random.choice(kinds.event_types),
                )
                for event, project, place in events
            ),
        )
        self.copy(
            "project_event_equipment",
            ("id", "project_id", "event_id", "equipment_id", "quantity"),
            (
                (
                    self.id(),
                    project,
                    event,
                    self.random.choice(kinds.equipment)[0],
                    self.random.randrange(1, 9),
                )
                for event, project, _ in events
            ),
        )
        self.connection.execute("ANALYZE project_events, project_roles, event_types")
        # Bookings take their rates from the project's roles and their cost from the rate function.
        self.connection.execute(
            """
            INSERT INTO project_event_roles (
                id, project_id, event_id, role_id, daily_rate, hourly_rate, hourly_category, hours_worked, total_cost,
                created_at, updated_at
            )
            SELECT
                pg_catalog.md5(e.id::text || r.id::text)::uuid, e.project_id, e.id, r.role_id, r.daily_rate,
                r.hourly_rate, r.hourly_category, h.hours,
                calculate_role_cost(r.hourly_category, r.daily_rate, r.hourly_rate, h.hours, t.rate_multiplier),
                e.created_at, e.created_at
            FROM project_events AS e
            JOIN event_types AS t ON t.id = e.event_type_id
            JOIN (
                SELECT p.*, pg_catalog.row_number() OVER (PARTITION BY p.project_id ORDER BY p.id) AS place
                FROM project_roles AS p
            ) AS r ON r.project_id = e.project_id AND r.place <= 2
            CROSS JOIN LATERAL (SELECT (4 + (pg_catalog.hashtext(e.id::text) & 7))::numeric AS hours) AS h
            """
        )


def fill(connection: psycopg.Connection[Any], size: Size | None = None, *, seed: int = 1) -> None:
    """Fills the tables of baseline.sql with rows of a given size, in one transaction.

    + connection: of a database with the legacy structure and no rows; as a superuser it is fast
    + size: None means ``Size()``
    + seed: the same one gives the same rows
    """
    generator = _Generator(connection, size or Size(), seed)
    with connection.transaction():
        is_superuser = connection.execute("SELECT current_setting('is_superuser')").fetchone() == ("on",)
        if is_superuser:
            connection.execute("SET LOCAL session_replication_role = replica")
        kinds = generator.kinds()
        projects = generator.projects(kinds)
        parts: tuple[Callable[[_Kinds, list[UUID]], None], ...] = (
            generator.roles,
            generator.groups,
            generator.events,
        )
        for part in parts:
            part(kinds, projects)


def ensure_database(server_conninfo: str, name: str, size: Size, *, seed: int = 1) -> bool:
    """Makes a database with the legacy structure and rows, unless it is there; returns whether it did.

    + server_conninfo: of any database of the server; needs CREATEDB
    """
    with psycopg.connect(server_conninfo, autocommit=True) as administrator:
        found = administrator.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
        if found is not None:
            return False
        # Under its own name only when it is complete: a run that was cut off begins anew.
        draft = f"{name}_partial"
        drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(draft))
        administrator.execute(drop)
        administrator.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(draft)))
        with psycopg.connect(server_conninfo, dbname=draft, autocommit=True) as connection:
            connection.execute(BASELINE.read_bytes())
            fill(connection, size, seed=seed)
            connection.execute("ANALYZE")
        rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
        administrator.execute(rename.format(sql.Identifier(draft), sql.Identifier(name)))
        return True


def _main() -> int:
    parser = argparse.ArgumentParser(description="Fill a database that has the legacy structure.")
    parser.add_argument("conninfo", nargs="?", help="connection string, such as dbname=stage")
    parser.add_argument("--embedded", type=Path, metavar="FOLDER", help="an embedded server with its data there")
    parser.add_argument("--database", help="make this database first, unless it is there")
    for name, default in vars(Size()).items():
        parser.add_argument(f"--{name}", type=int, default=default, help=f"default: {default}")
    parser.add_argument("--seed", type=int, default=1)
    options = vars(parser.parse_args())
    conninfo, folder, database, seed = (options.pop(name) for name in ("conninfo", "embedded", "database", "seed"))
    if (conninfo is None) == (folder is None):
        parser.error("give either a connection string or --embedded FOLDER")
    if folder is not None:
        conninfo = ensure_server(folder).conninfo()
    size = Size(**options)
    if database is not None:
        made = ensure_database(conninfo, database, size, seed=seed)
        print(f'database "{database}" with {size.projects} projects {"made" if made else "is there already"}')
        return 0
    with psycopg.connect(conninfo, autocommit=True) as connection:
        fill(connection, size, seed=seed)
        connection.execute("ANALYZE")
    return 0


if __name__ == "__main__":
    sys.exit(_main())
