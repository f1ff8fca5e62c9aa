"""What a session begins with that changes a database: the run lock, and the registry as it should be. Pure."""

from __future__ import annotations

from ..psql.script import Run, setting, settings_of
from ..resources import read_sql
from .model import REGISTRY_VERSION

# Registry structures, each made by the file registry_N.sql from the one before it.
REGISTRY_FILES = tuple(f"registry/registry_{version}" for version in range(1, REGISTRY_VERSION + 1))


def claimed(run: Run, *, sets_aside: bool = False) -> list[str]:
    """Returns what a session begins with that changes the database: run lock, and the registry as it should be.

    + sets_aside: a damaged registry, before one is made
    """
    values = {
        "operator": run.operator,
        "controller": run.controller,
        "inventory_host": run.inventory_host,
        "tool_version": run.tool_version,
    }
    scoped = [setting("registry_exists", "true"), read_sql("psql/scope")]
    aside = [read_sql("registry/set_aside")] if sets_aside else []
    upgraded = [*aside, *_registry_upgrade(), *scoped]
    return [settings_of(values), read_sql("registry/claim"), *upgraded, read_sql("registry/lease")]


def _registry_upgrade() -> list[str]:
    parts = [read_sql("registry/registry_version")]
    for version, name in enumerate(REGISTRY_FILES, start=1):
        parts += [
            setting("needed_version", version),
            read_sql("registry/registry_older"),
            "\\if :registry_is_older",
            _sent_together(read_sql(name)),
            "\\endif",
        ]
    return parts


def _sent_together(text: str) -> str:
    r"""Returns SQL as one message: of its statements, 190 in all files, most take less time than the way there.

    >>> _sent_together("BEGIN;\nSELECT 1;\nCOMMIT;\n")
    'BEGIN\\;\nSELECT 1\\;\nCOMMIT;'
    """
    return text.rstrip("\n").replace(";\n", "\\;\n")
