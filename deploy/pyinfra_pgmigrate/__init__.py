"""PostgreSQL migrations as pyinfra operations, decided by a check of the state that is really there.

From the top down, each package importing only from those below it:

- ``deploys``, ``cli``: the six deploys, and the command ``pgmigrate``; ``operations``: one a verb
- ``report``: what a run tells, on the terminal, as JSON and as a page
- ``rehearsal``, ``validation``, ``copies``, ``backup``, ``rollback``, ``drift``, ``execution``, ``planning``: a subject
  each, with its values, SQL, shell and runner
- ``host``: one host through pyinfra; ``application``, ``migrations``: what the SQL folder says
- ``registry``, ``psql``: the database as it is, and how it is asked
- ``catalog``, ``sqltext``, ``settings``, ``errors``, ``units``, ``resources``: values and their words
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .deploys import (
        backup_database,
        database_status,
        migrate_database,
        restore_database,
        rollback_database,
        validate_database,
    )

__all__ = [
    "backup_database",
    "database_status",
    "migrate_database",
    "restore_database",
    "rollback_database",
    "validate_database",
]


def __getattr__(name: str) -> Any:
    """Returns a deploy; pyinfra is loaded with the first one, so that the rest works without it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # What is loaded stays: to look through all of it for what could go, again and again, took 40 ms of 175.
    is_collecting = gc.isenabled()
    gc.disable()
    try:
        from . import deploys  # noqa: PLC0415  (on demand: see above)

        gc.freeze()
    finally:
        if is_collecting:
            gc.enable()
    return getattr(deploys, name)
