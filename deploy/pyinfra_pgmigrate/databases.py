"""Several databases of one host: which of them a deploy works on. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .errors import Kind, PgMigrateError
from .settings import value_of


def each_database(
    data: Mapping[str, Any], overrides: Mapping[str, Any], chosen_by: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Returns the host data keys to set for each database that a deploy works on; one without any where it is one.

    + data: all host data; overrides: host data keys that stand above it
    + chosen_by: the part of the data that the command line gives: its pg_database chooses one of pg_databases
    Raises PgMigrateError (settings) for a pg_databases of the wrong kind, where the inventory has pg_database as well,
    and where the chosen one is none of them.
    """
    several: Mapping[str, Mapping[str, Any]] | None = value_of(
        "pg_databases", {**data, **overrides}.get("pg_databases")
    )
    if several is None or "pg_database" in overrides:
        return [{}]
    chosen = value_of("pg_database", chosen_by.get("pg_database"))
    if chosen is None and data.get("pg_database") is not None and "pg_databases" not in chosen_by:
        raise PgMigrateError(
            Kind.SETTINGS,
            "cannot use pg_database and pg_databases in one inventory",
            detail=f'Found pg_database "{data["pg_database"]}" beside {", ".join(several)} in pg_databases; expected '
            "one of the two keys.",
            hint="Remove pg_database from the inventory and its group data; to choose one in a run: "
            "--data pg_database=NAME",
        )
    if chosen is not None and chosen not in several:
        raise PgMigrateError(
            Kind.SETTINGS,
            f'cannot use pg_database "{chosen}": it is not in pg_databases',
            detail=f"Found {', '.join(several)} in pg_databases; expected pg_database to be one of them, or not set.",
            hint="Choose one of them: --data pg_database=NAME",
        )
    return [{**keys, "pg_database": name} for name, keys in several.items() if chosen in (None, name)]
