"""Migrations whose effects are written by hand, and the plan for them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from pyinfra_pgmigrate.catalog.lines import Catalog, Patch
from pyinfra_pgmigrate.migrations.effect import Effect, StatementEffect
from pyinfra_pgmigrate.migrations.files import Migration
from pyinfra_pgmigrate.migrations.header import Header
from pyinfra_pgmigrate.planning.plan import Plan, make_plan
from pyinfra_pgmigrate.registry.model import AppliedMigration, Interrupted, Observed, Registry, Server, Verified
from pyinfra_pgmigrate.settings import read_settings
from pyinfra_pgmigrate.sqltext.parser import Statement

SERVER = Server(
    version="18.1",
    version_num=180001,
    database="shop",
    role="postgres",
    in_recovery=False,
    schema_exists=True,
    size_bytes=1,
    index_bytes=1,
    data_directory=None,
    may_create_databases=True,
    roles=frozenset({"postgres"}),
    is_superuser=True,
    may_create_in_database=True,
    may_create_in_schema=True,
)


def migration(
    version: int, *statements: str, nodes: Sequence[str] = (), verify: str | None = None, **header: object
) -> Migration:
    """Returns a migration; a statement is written as what it does: "+a -b", or "" for nothing that can be seen."""
    effects, texts = [], []
    for number, text in enumerate(statements, start=1):
        lines = text.split()
        patch = Patch(
            frozenset(f"table {one[1:]}" for one in lines if one[0] == "-"),
            frozenset(f"table {one[1:]}" for one in lines if one[0] == "+"),
        )
        node = nodes[number - 1] if nodes else "create_stmt" if text else "update_stmt"
        checksum = f"{version}.{number}"
        effects.append(StatementEffect(number, text, checksum, patch))
        texts.append(Statement(number, text, number, checksum, text, node, in_transaction="concurrently" not in node))
    return Migration(
        version=version,
        name=f"{version:03}_m",
        header=Header(purpose="test", phase="schema", **header),  # type: ignore[arg-type]
        statements=tuple(texts),
        checksum=f"sum {version}",
        verify=verify,
        effect=Effect("base", tuple(effects)),
    )


def row(one: Migration, how: str = "applied") -> AppliedMigration:
    return AppliedMigration(one.version, one.name, one.checksum, how, "2026-11-28T10:00:00Z", "postgres", 1)


def plan(
    migrations: Sequence[Migration],
    there: str,
    registered: Collection[int] = (),
    *,
    interrupted: dict[int, Interrupted] | None = None,
    verified: dict[int, Verified] | None = None,
    **data: object,
) -> Plan:
    rows = {one.version: row(one) for one in migrations if one.version in registered}
    registry = Registry(5, rows, interrupted=interrupted or {}) if rows or interrupted else None
    observed = Observed(SERVER, registry, Catalog.of(f"table {name}" for name in there.split()))
    return make_plan(migrations, observed, read_settings({"pg_database": "shop", **data}), verified or {})


def words(found: Plan) -> list[str]:
    """Returns each decision as version, action and statements; a refusal as its kind."""
    if found.refusals:
        return [refusal.kind.value for refusal in found.refusals]
    return [
        f"{one.migration.version} {one.action.value} {','.join(map(str, one.statements))}".strip()
        for one in found.decisions
    ]
