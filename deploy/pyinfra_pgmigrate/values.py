"""Values of host data: each reader returns the checked value, or raises ValueError with what was expected. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

# Of a migration, in the order in which a team goes through them.
PHASES = ("preparation", "schema", "data", "validation", "contract")


class Secret:
    """A value that never prints itself."""

    def __init__(self, value: str) -> None:
        self._value = value

    def __repr__(self) -> str:
        return "Secret(***)"

    def to_json(self) -> str:
        """Returns what pyinfra's debug-inventory prints in its place."""
        return "***"

    def reveal(self) -> str:
        """Returns the value, for the standard input of a program and for nothing else."""
        return self._value


def text(value: Any) -> str:
    """Returns a text."""
    # --data pg_database=2026 arrives as a number.
    if isinstance(value, bool) or not isinstance(value, (str, int, Path)) or not str(value):
        raise ValueError("a text that is not empty")
    return str(value)


def names(value: Any) -> tuple[str, ...]:
    """Returns names, from a text with commas or from a list."""
    found = [one.strip() for one in value.split(",")] if isinstance(value, str) else value
    if not isinstance(found, (list, tuple)) or not found:
        raise ValueError("a list of names, or a text with commas between them")
    return tuple(map(text, found))


def databases(value: Any) -> dict[str, dict[str, Any]]:
    """Returns databases by name, each with the host data keys that are its own.

    + value: names in a text with commas or in a list, or a mapping of names to host data keys
    """
    return _several(value, "database", {"pg_database", "pg_databases"})


def schemas(value: Any) -> dict[str, dict[str, Any]]:
    """Returns schemas of a database by name, as ``databases`` does."""
    return _several(value, "schema", {"pg_database", "pg_databases", "pg_schema", "pg_schemas"})


def _several(value: Any, word: str, names_of_it: Collection[str]) -> dict[str, dict[str, Any]]:
    if isinstance(value, str):
        # --data gives one text, or a list as JSON.
        value = [name.strip() for name in value.split(",")]
    found = dict(value) if isinstance(value, Mapping) else value
    if isinstance(found, (list, tuple)):
        names = [text(name) for name in found]
        if len(set(names)) < len(names):
            raise ValueError(f"each {word} once")
        found = {name: {} for name in names}
    if not isinstance(found, dict) or not found:
        raise ValueError(f"a list of names of {word}s, or a mapping of each name to host data keys")
    own = {text(name): dict(keys or {}) for name, keys in found.items() if isinstance(keys, Mapping) or keys is None}
    foreign = [str(key) for keys in own.values() for key in keys if not str(key).startswith("pg_")]
    if len(own) < len(found) or foreign or any(not set(names_of_it).isdisjoint(keys) for keys in own.values()):
        raise ValueError(f"for each {word} a mapping of host data keys that begin with pg_, and not its name again")
    for keys in own.values():
        if "pg_password" in keys:
            keys["pg_password"] = secret(keys["pg_password"])
    return own


def port(value: Any) -> int:
    """Returns a port number."""
    # bool is an int in Python; --data pg_port=true is no port.
    if isinstance(value, bool) or not str(value).isdigit() or not 0 < int(value) < 65536:
        raise ValueError("a port number from 1 to 65535")
    return int(value)


def count(value: Any) -> int:
    """Returns a whole number of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError("a whole number of at least 1")
    return value


def size(value: Any) -> int:
    """Returns a whole number of at least 0."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError("a whole number, 0 or more")
    return value


def seconds(value: Any) -> float:
    """Returns seconds."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0:
        raise ValueError("a number of seconds above 0")
    return float(value)


def from_2_seconds(value: Any) -> float:
    """Returns seconds, at least 2."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 2:
        raise ValueError("a number of seconds from 2 on")
    return float(value)


def factor(value: Any) -> float:
    """Returns a factor of at least 1."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 1:
        raise ValueError("a number of 1 or more")
    return float(value)


def flag(value: Any) -> bool:
    """Returns a truth value."""
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def patterns(value: Any) -> tuple[str, ...]:
    """Returns patterns of catalog lines."""
    # --data gives one text, or a list as JSON; an inventory gives a list.
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, (list, tuple)) or not all(isinstance(one, str) and one.strip("* ") for one in found):
        raise ValueError("a list of patterns of catalog lines, none of them for every line")
    return tuple(found)


def version(value: Any) -> int:
    """Returns the number of a migration."""
    # --data pg_target=012 arrives as the number 12, so versions are compared as numbers.
    if isinstance(value, bool) or not str(value).isdigit():
        raise ValueError("the number of a migration, such as 004")
    return int(value)


def phase(value: Any) -> str:
    """Returns a phase."""
    if value not in PHASES:
        raise ValueError(f"one of {', '.join(PHASES)}")
    return str(value)


def one_of(*words: str) -> Callable[[Any], str]:
    """Returns what reads one of some words."""

    def read(value: Any) -> str:
        if value not in words:
            raise ValueError(f"one of {', '.join(words)}")
        return str(value)

    return read


def label(value: Any) -> str:
    """Returns the label of a backup, or "latest"."""
    name = text(value)
    if name.startswith(".") or not all(character.isalnum() or character in "_.-" for character in name):
        raise ValueError("the label of a backup, or latest")
    return name


def run(value: Any) -> str:
    """Returns the id of a run, or its beginning."""
    # --data pg_quarantine_drop=12345678 arrives as a number, and 1234e567 as infinity: then it takes quotes.
    name = str(value).lower()
    if not re.fullmatch(r"[0-9a-f]{8}[0-9a-f-]{0,28}", name):
        raise ValueError("the first 8 characters of a run's id, or all of it")
    return name


def secret(value: Any) -> Secret:
    """Returns a value that never prints itself."""
    if isinstance(value, Secret):
        return value
    # pyinfra's HiddenValue keeps a password out of its output; it is opened here, once.
    revealed = value.unmask() if hasattr(value, "unmask") else value
    return Secret(text(revealed))
