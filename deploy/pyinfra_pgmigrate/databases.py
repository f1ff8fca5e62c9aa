"""Several databases of one host, and several schemas of one database: which a deploy works on. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .errors import Kind, PgMigrateError
from .settings import value_of


def each_database(
    data: Mapping[str, Any], overrides: Mapping[str, Any], chosen_by: Mapping[str, Any], *, as_a_whole: bool = False
) -> list[dict[str, Any]]:
    """Returns the host data keys to set for each database, or schema, that a deploy works on.

    Where it is one, there is one without any.

    + data: all host data; overrides: host data keys that stand above it
    + chosen_by: the part of the data that the command line gives: its pg_database chooses one of pg_databases, and its
      pg_schema one of pg_schemas
    + as_a_whole: whatever its schemas, a database is worked on once
    Raises PgMigrateError (settings) for a pg_databases or pg_schemas of the wrong kind, where the inventory has
    pg_database or pg_schema as well, and where the chosen one is none of them.
    """
    found = []
    for keys in _chosen("database", data, overrides, chosen_by):
        if {**data, **keys, **overrides}.get("pg_schemas") is None:
            found.append(keys)
        elif as_a_whole:
            found.append({**keys, "pg_schemas": None})
        else:
            found += [{**keys, **one} for one in _chosen("schema", {**data, **keys}, overrides, chosen_by)]
    return found


def not_chosen(what: str, names: Sequence[str]) -> PgMigrateError:
    """Returns the refusal of what is done to one database only.

    + what: it is, as a verb; names: of the databases
    """
    return PgMigrateError(
        Kind.SETTINGS,
        f"could not find out which database to {what}",
        detail=f"Found {', '.join(names)} in pg_databases; expected one of them.",
        hint=f"Choose one: --data pg_database={names[0]}",
    )


def _chosen(
    word: str, data: Mapping[str, Any], overrides: Mapping[str, Any], chosen_by: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Returns the keys of each of several databases or schemas, with its name."""
    one, many = f"pg_{word}", f"pg_{word}s"
    several: Mapping[str, Mapping[str, Any]] | None = value_of(many, {**data, **overrides}.get(many))
    if several is None or one in overrides:
        return [{}]
    chosen = value_of(one, chosen_by.get(one)) if chosen_by.get(one) is not None else None
    if chosen is None and data.get(one) is not None and many not in chosen_by:
        raise PgMigrateError(
            Kind.SETTINGS,
            f"cannot use {one} and {many} in one inventory",
            detail=f'Found {one} "{data[one]}" beside {", ".join(several)} in {many}; expected one of the two keys.',
            hint=f"Remove {one} from the inventory and its group data; to choose one in a run: --data {one}=NAME",
        )
    if chosen is not None and chosen not in several:
        raise PgMigrateError(
            Kind.SETTINGS,
            f'cannot use {one} "{chosen}": it is not in {many}',
            detail=f"Found {', '.join(several)} in {many}; expected {one} to be one of them, or not set.",
            hint=f"Choose one of them: --data {one}=NAME",
        )
    return [{**keys, one: name} for name, keys in several.items() if chosen in (None, name)]
