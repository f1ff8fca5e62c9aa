"""Drift: everything that is done by hand is found and told what it is, everyday work is not, and repairs lead back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import psycopg
import pytest
from pyinfra_pgmigrate.drift import Change, Drift, Drifts, find_drift
from pyinfra_pgmigrate.engine import Engine
from pyinfra_pgmigrate.observed import Observed
from pyinfra_pgmigrate.statements import SqlSyntaxError, split

from tests.conftest import on_all_versions
from tests.support.hand_edits import EDITS, HARMLESS, OWNER, READER, STRUCTURE, Edit
from tests.support.harness import engine_of, migrate, status, validate
from tests.support.servers import Database, Server


@pytest.fixture
def roles(server: Server) -> Iterator[None]:
    """The roles of the edits, for as long as the test lasts."""
    for name in (READER, OWNER):
        server.administer("CREATE ROLE {}", name)
    try:
        yield
    finally:
        for name in (READER, OWNER):
            server.administer("DROP ROLE {}", name)


@pytest.fixture
def migrated(server: Server, roles: None) -> Iterator[Database]:
    """A database with all migrations applied, and what the edits need beside them."""
    with server.database("legacy") as database:
        database.run(STRUCTURE)
        result = migrate(database.settings())
        assert result.ok, result.text
        database.run("ANALYZE")
        yield database


@dataclass
class Bench:
    """The migrated database, a copy of it to work on, and how to look at that through the library."""

    pristine: Database
    engine: Engine
    first: Observed
    work: Database | None = None
    copies: int = 0
    looks: int = 0
    problems: list[str] = field(default_factory=list)

    def copy(self) -> Database:
        """Returns a copy that is as the migrated one; the one before where nothing is to be seen of what was done."""
        if self.work is None:
            self.pristine.close()
            self.copies += 1
            name = f"{self.pristine.name}_{self.copies}"
            self.pristine.server.administer("CREATE DATABASE {} TEMPLATE {}", name, self.pristine.name)
            self.work = Database(self.pristine.server, name)
        return self.work

    def drop(self) -> None:
        """Drops the copy."""
        if self.work is not None:
            self.work.close()
            self.pristine.server.administer("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.work.name)
            self.work = None

    def drifts(self) -> Drifts:
        """Returns the drift of the copy, read as the deploys read it."""
        self.looks += 1
        engine = Engine.of(self.engine.host, {"pg_database": self.copy().name})
        found = engine.drift(looked(engine))
        assert found is not None
        return found

    def left(self) -> list[str]:
        """Returns what is still otherwise, by the catalog alone: a look costs ten times as much."""
        assert self.first.registry is not None
        now = self.copy().catalog()
        registry = replace(self.first.registry, drift=self.first.catalog.difference(now))
        found = find_drift(replace(self.first, catalog=now, registry=registry), self.engine.migrations)
        assert found is not None
        return [f"{one.kind.value} {one.key}: {one.found}, not {one.expected}" for one in found.entries]


def looked(engine: Engine) -> Observed:
    """Returns what an engine sees."""
    seen = engine.look()
    assert isinstance(seen, Observed), seen
    return seen


def run_each(database: Database, text: str) -> None:
    """Runs statements, each in a transaction of its own."""
    for statement in split(text):
        database.run(statement.text)


def try_edit(bench: Bench, edit: Edit) -> bool:
    """Returns whether an edit was found as what it is; its repair is tried."""
    database = bench.copy()
    try:
        run_each(database, edit.sql)
    except psycopg.Error as error:
        if not (edit.fails and isinstance(error, psycopg.errors.UniqueViolation)):
            bench.problems.append(f"{edit.sql}: could not be made: {error}")
            bench.drop()
            return False
    found = bench.drifts()
    told = {one.key: one for one in found.entries}
    one = told.get(edit.key)
    if one is None or one.kind.value != edit.kind:
        bench.problems.append(f"{edit.sql}: told as {[(each.kind.value, each.key) for each in found.entries]}")
        bench.drop()
        return False
    beside = told.keys() - {edit.key, *edit.also}
    if beside:
        bench.problems.append(f"{edit.sql}: told besides {sorted(beside)}")
    after = repaired(bench, found.entries) if edit.repairs else None
    if after != []:
        bench.drop()
    if after:
        bench.problems.append(f"{edit.sql}: not repaired by {one.repair}: {after}")
    return True


def repaired(bench: Bench, entries: tuple[Drift, ...]) -> list[str]:
    """Returns what is still otherwise once the repair of each difference was run."""
    try:
        for one in entries:
            run_each(bench.copy(), one.repair)
    except (SqlSyntaxError, psycopg.Error) as error:
        return [str(error)]
    return bench.left()


def try_harmless(bench: Bench, text: str) -> bool:
    """Returns whether nothing is told of everyday work."""
    run_each(bench.copy(), text.format(database=bench.copy().name))
    found = bench.drifts().entries
    if found:
        bench.problems.append(f"{text}: told as {[(one.kind.value, one.key) for one in found]}")
        bench.drop()
    return not found


@on_all_versions
def test_every_edit_by_hand_is_found_and_no_everyday_work(
    migrated: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()
    with engine_of(migrated.settings()) as engine:
        bench = Bench(migrated, engine, looked(engine))
        try:
            quiet = [try_harmless(bench, one) for one in HARMLESS]
            bench.drop()
            found = [try_edit(bench, one) for one in EDITS]
        finally:
            bench.drop()
    with capsys.disabled():
        print(
            f"\nPostgreSQL {migrated.server.version}: {len(EDITS)} edits by hand, {found.count(False)} missed, "
            f"{sum(one.repairs for one in EDITS)} repaired by what was told; {len(HARMLESS)} harmless, "
            f"{quiet.count(False)} false alarms; {bench.looks} looks, {bench.copies} copies, {time.monotonic() - began:.0f} s"
        )

    assert not bench.problems, "\n".join(bench.problems)
    assert len(EDITS) >= 60
    assert len(HARMLESS) >= 20
