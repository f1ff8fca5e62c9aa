"""Drafts of rollback scripts: the effects of migrations, turned round, for a person to look over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .catalog import Patch, is_own, key_of, parts_of
from .errors import Kind, PgMigrateError
from .migration import Migration

# What goes first, and how: objects of their own, and parts of a table.
_OBJECTS = (
    ("view", "VIEW"),
    ("materialized_view", "MATERIALIZED VIEW"),
    ("index", "INDEX"),
    ("table", "TABLE"),
    ("function", "FUNCTION"),
    ("sequence", "SEQUENCE"),
    ("type", "TYPE"),
    ("schema", "SCHEMA"),
)
_PARTS = ("trigger", "policy", "constraint", "column")


def draft(migrations: Sequence[Migration], first: int, last: int) -> str:
    """Returns the text of a script that reverts a range of migrations, as far as their effects tell.

    + first, last: both ends included
    Raises PgMigrateError: settings, for a range without migrations; effect, for one that is not recorded.
    """
    chosen = [migration for migration in migrations if first <= migration.version <= last]
    if not chosen:
        raise PgMigrateError(
            Kind.SETTINGS,
            f"could not find migrations {first:03}-{last:03}",
            detail=f"Found {', '.join(migration.name for migration in migrations)}; expected some of that range.",
            hint="Run: pgmigrate draft-rollback 001-006",
        )
    whole = Patch()
    for migration in chosen:
        if migration.effect is None:
            raise PgMigrateError(
                Kind.EFFECT,
                f'could not draft the way back of "{migration.name}": it has no current effect',
                detail="Found none; expected what pgmigrate record writes.",
                hint="Run: pgmigrate record",
            )
        whole = whole.then(migration.effect.patch)
    header = [f"-- purpose: take back {chosen[0].name} to {chosen[-1].name}", f"-- reverts: {first:03}-{last:03}", ""]
    return "\n".join([*header, *_statements(whole)]) + "\n"


def _statements(patch: Patch) -> Iterator[str]:
    kept = {key_of(line) for line in patch.minus if not is_own(line)}
    made = sorted({key_of(line) for line in patch.plus if not is_own(line)} - kept)
    tables = {key.removeprefix("table ") for key in made if key.startswith("table ")}
    drafted: set[str] = set()
    for kind in _PARTS[:-1]:
        yield from _parts(kind, made, tables, drafted)
    for kind, name in _OBJECTS:
        for key in made:
            if key.startswith(f"{kind} "):
                drafted.add(key)
                yield f"DROP {name} IF EXISTS {key.removeprefix(f'{kind} ')};\n"
    yield from _parts("column", made, tables, drafted)
    for key in made:
        ident = key.split(" ", 1)[1]
        if key not in drafted and ident not in tables and parts_of(ident)[0] not in tables:
            yield f"-- Not drafted, as it came with the migrations: {key}\n"
    for line in sorted(patch.minus):
        if line.startswith(("index ", "constraint ")):
            yield f"-- Comes back by itself: {line}\n"
        else:
            yield f"-- Not drafted, as the migrations took it away: {line}\n"


def _parts(kind: str, made: Sequence[str], tables: set[str], drafted: set[str]) -> Iterator[str]:
    for key in made:
        if not key.startswith(f"{kind} "):
            continue
        drafted.add(key)
        table, name = parts_of(key.removeprefix(f"{kind} "))
        if table in tables or f"type {table}" in made:
            # It goes with its table, or its domain.
            continue
        match kind:
            case "trigger" | "policy":
                yield f"DROP {kind.upper()} IF EXISTS {name} ON {table};\n"
            case _:
                yield f"ALTER TABLE {table} DROP {kind.upper()} IF EXISTS {name};\n"
