"""Who may do what with an object, before and after, with what PostgreSQL does not write down. Pure.

As long as nobody granted or revoked anything an object has no list of rights: the owner has all, and everybody may
execute a function or use a type. The first GRANT or REVOKE writes all of that out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from .lines import definition_of, key_of, parts_of

# What everybody may do where nothing is written; source: acldefault() in acl.c.
_EVERYBODY = {"function": "EXECUTE", "procedure": "EXECUTE", "aggregate": "EXECUTE", "type": "USAGE"}
_OWNER = {
    **_EVERYBODY,
    "table": "SELECT INSERT UPDATE DELETE TRUNCATE REFERENCES TRIGGER",
    "sequence": "SELECT UPDATE USAGE",
    "schema": "CREATE USAGE",
}
# What new objects of a kind get.
_DEFAULTS = {
    "tables": "table", "sequences": "sequence", "functions": "function", "types": "type", "schemas": "schema",
}  # fmt: skip

_MAINTAIN_SINCE = 170000


@dataclass(frozen=True)
class Rights:
    """What one role may do with one object no more, or may now; PUBLIC is everybody.

    + key: of the object; of default privileges with the role whose objects they are
    """

    key: str
    grantee: str
    lost: frozenset[str]
    gained: frozenset[str]


def changed_rights(
    touched: Collection[str],
    kept: Collection[str],
    now: Collection[str],
    owners_kept: Mapping[str, str],
    owners_now: Mapping[str, str],
    version_num: int,
) -> Iterator[Rights]:
    """Yields what changed for a role and an object; nothing where the same was only written out.

    + touched: the lines that differ; kept, now: all lines before and after
    + owners_kept, owners_now: owner by key
    """
    keys = {_object(line) for line in touched}
    if not keys:
        return
    before, after = _by_object(kept, keys), _by_object(now, keys)
    for key in sorted(keys):
        old, new = _owner(key, owners_kept), _owner(key, owners_now)
        had = before[key] or _written_out(key, old, version_num)
        has = after[key] or _written_out(key, new, version_num)
        if old != new and old in had:
            # A new owner takes over what the old one could do.
            had[new] = had.get(new, set()) | had.pop(old)
        for grantee in sorted(had.keys() | has.keys()):
            lost = had.get(grantee, set()) - has.get(grantee, set())
            gained = has.get(grantee, set()) - had.get(grantee, set())
            # An owner may give itself any right at any time.
            if grantee == new:
                gained = set()
            if lost or gained:
                yield Rights(key, grantee, frozenset(lost), frozenset(gained))


def is_written_out(line: str, owners: Mapping[str, str], version_num: int) -> bool:
    """Tells whether a line says only what holds as well where nobody granted or revoked anything.

    + owners: owner by key
    """
    if not line.startswith("grant ") or is_default(key_of(line)):
        return False
    key = key_of(line)
    grantee, privilege = grantee_of(definition_of(line))
    return privilege in _written_out(key, _owner(key, owners), version_num).get(grantee, ())


def is_default(text: str) -> bool:
    """Tells whether a key is of default privileges: what new objects get, in a schema or everywhere."""
    return text.startswith(("defaults ", "database_defaults "))


def _object(line: str) -> str:
    key = key_of(line)
    return f"{key} {grantee_of(definition_of(line))[0]}" if is_default(key) else key


def _by_object(lines: Collection[str], keys: Collection[str]) -> defaultdict[str, dict[str, set[str]]]:
    found: defaultdict[str, dict[str, set[str]]] = defaultdict(dict)
    for line in lines:
        if line.startswith("grant ") and (key := _object(line)) in keys:
            words = definition_of(line)
            if is_default(key):
                words = grantee_of(words)[1]
            grantee, privilege = grantee_of(words)
            found[key].setdefault(grantee, set()).add(privilege)
    return found


def grantee_of(words: str) -> tuple[str, str]:
    """Returns role and privilege of the definition of a grant; a role in quotes may have spaces in it."""
    end = words.index('" ', 1) + 1 if words.startswith('"') else words.index(" ")
    return words[:end], words[end + 1 :]


def _owner(key: str, owners: Mapping[str, str]) -> str:
    if is_default(key):
        return definition_of(key)
    if key.startswith("identity "):
        return owners.get(f"table {parts_of(key.removeprefix('identity '))[0]}", "")
    return owners.get(key, "")


def _written_out(key: str, owner: str, version_num: int) -> dict[str, set[str]]:
    """Returns the rights on an object whose list of rights is not there."""
    kind, name = key.split(" ", 1)
    if kind == "defaults":
        # Of one schema: these add to the general ones, which are not repeated.
        return {}
    if kind == "database_defaults":
        kind = _DEFAULTS.get(name.split(" ", 1)[0], "")
    kind = {"view": "table", "materialized_view": "table", "identity": "sequence"}.get(kind, kind)
    found: dict[str, set[str]] = {}
    if kind in _OWNER and owner:
        found[owner] = set(_OWNER[kind].split())
        if kind == "table" and version_num >= _MAINTAIN_SINCE:
            found[owner].add("MAINTAIN")
    if kind in _EVERYBODY:
        found["PUBLIC"] = {_EVERYBODY[kind]}
    return found
