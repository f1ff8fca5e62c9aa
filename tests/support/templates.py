"""Databases that take a while to make: made once on each server, then copied."""

from __future__ import annotations

from collections.abc import Callable

import legacy_data

from tests.support.harness import migrate
from tests.support.servers import Database, Server
from tests.support.variants import use_variants


def applied(server: Server) -> str:
    """Returns the kind of a legacy database with all migrations applied and fresh statistics."""

    def prepare(database: Database) -> None:
        result = migrate(database.settings())
        assert result.ok, result.text
        database.run("ANALYZE")

    return _kept(server, "applied", "legacy", prepare)


def used(server: Server) -> str:
    """Returns the kind of such a database whose variants are in use, as ``use_variants`` has it."""
    return _kept(server, "used", applied(server), use_variants)


def large(server: Server) -> str:
    """Returns the kind of a legacy database with enough rows for its indexes to matter, and fresh statistics."""

    def prepare(database: Database) -> None:
        database.run(legacy_data.BASELINE.read_text())
        legacy_data.fill(database.session, legacy_data.Size(projects=1200))
        database.run("ANALYZE")

    return _kept(server, "large", "empty", prepare)


def migrated(server: Server, target: int) -> str:
    """Returns the kind of a legacy database with the first migrations applied."""

    def prepare(database: Database) -> None:
        result = migrate(database.settings(pg_target=target))
        assert result.ok, result.text

    return _kept(server, f"migrated_{target}", "legacy", prepare)


def _kept(server: Server, kind: str, source: str, prepare: Callable[[Database], None]) -> str:
    if kind not in server.templates:
        name = f"template_{kind}"
        with server.database(source) as database:
            prepare(database)
            database.close()
            server.administer("CREATE DATABASE {} TEMPLATE {}", name, database.name)
        server.templates[kind] = name
    return kind
