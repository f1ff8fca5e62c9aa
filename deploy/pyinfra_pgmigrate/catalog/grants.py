"""SQL for owners, privileges and comments. Pure: text for people to run."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from .lines import definition_of, key_of, parts_of
from .names import WORDS, bare, literal
from .privileges import grantee_of, is_default

# How GRANT calls a kind, where ALTER and DROP call it otherwise; source: PostgreSQL 18 manual, "GRANT".
_GRANTED = {"aggregate": "FUNCTION", "foreign_server": "FOREIGN SERVER"}


def grants_back(lines: Collection[str], owners: Collection[str]) -> list[str]:
    """Returns the statements that give the privileges back which lines state, as they are for these owners."""
    owner = next((definition_of(line) for line in owners), "")
    grants = sorted(line for line in lines if line.startswith("grant "))
    found = [] if not grants else [
        f"REVOKE ALL ON {on(key)} FROM PUBLIC"
        for key in {key_of(line) for line in grants}
        if key.startswith(("function ", "procedure ", "type "))
    ]  # fmt: skip
    for line in grants:
        grantee, privilege = grantee_of(definition_of(line))
        if grantee != owner:
            found += grant(key_of(line), grantee, [privilege])
    return found


def own_back(line: str) -> str:
    """Returns what gives an object the owner of a line."""
    kind, name = key_of(line).split(" ", 1)
    if kind in {"operator_class", "operator_family"}:
        name, _, method = name.removesuffix(")").rpartition("(")
        return f"ALTER {kind.replace('_', ' ').upper()} {name} USING {method} OWNER TO {definition_of(line)}"
    return f"ALTER {WORDS[kind]} {name} OWNER TO {definition_of(line)}"


def on(key: str) -> str:
    """Returns how GRANT and REVOKE name the object of a key."""
    kind, name = key.split(" ", 1)
    return name if kind in {"table", "view", "materialized_view"} else f"{_GRANTED.get(kind, WORDS[kind])} {name}"


def grant(key: str, grantee: str, privileges: Iterable[str]) -> list[str]:
    """Returns what gives privileges on the object of a key; ``with grant option`` is part of one."""
    return _rights("GRANT", "TO", key, grantee, privileges)


def revoke(key: str, grantee: str, privileges: Iterable[str]) -> list[str]:
    """Returns what takes privileges on the object of a key away."""
    return _rights("REVOKE", "FROM", key, grantee, privileges)


def _rights(verb: str, preposition: str, key: str, grantee: str, privileges: Iterable[str]) -> list[str]:
    found = []
    for option in ("", " with grant option"):
        names = sorted(one.removesuffix(option) for one in privileges if one.endswith("option") == bool(option))
        if not names:
            continue
        suffix = option.upper() if verb == "GRANT" else ""
        kind, name = key.split(" ", 1)
        if kind == "column":
            table, column = parts_of(name)
            named = ", ".join(f"{one} ({column})" for one in names)
            found.append(f"{verb} {named} ON {table} {preposition} {grantee}{suffix}")
        elif is_default(key):
            schema, what = parts_of(key_of(key).split(" ", 1)[1])
            role = definition_of(key)
            within = f" IN SCHEMA {schema}" if schema else ""
            found.append(
                f"ALTER DEFAULT PRIVILEGES FOR ROLE {role}{within} {verb} {', '.join(names)} ON "
                f"{what.replace('_', ' ').upper()} {preposition} {grantee}{suffix}"
            )
        elif kind == "identity":
            table, column = parts_of(name)
            sequence = f"pg_get_serial_sequence({literal(table)}, {literal(bare(column))})"
            tail = literal(f" {preposition} {grantee}{suffix}")
            head = literal(f"{verb} {', '.join(names)} ON SEQUENCE ")
            found.append(f"DO $do$ BEGIN EXECUTE {head} || {sequence} || {tail}; END $do$")
        else:
            found.append(f"{verb} {', '.join(names)} ON {on(key)} {preposition} {grantee}{suffix}")
    return found
