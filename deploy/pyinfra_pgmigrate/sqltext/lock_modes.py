"""PostgreSQL's table lock modes: names, strength, what conflicts with what.

Source: PostgreSQL manual, "Explicit Locking", table 13.2 (the same in 15 to 18).
"""

from __future__ import annotations

# From weak to strong, as pg_locks names them.
MODES = (
    "AccessShareLock",
    "RowShareLock",
    "RowExclusiveLock",
    "ShareUpdateExclusiveLock",
    "ShareLock",
    "ShareRowExclusiveLock",
    "ExclusiveLock",
    "AccessExclusiveLock",
)

# As LOCK TABLE names those that keep a writer or another change of structure out.
_SQL_NAMES = {
    "ShareUpdateExclusiveLock": "SHARE UPDATE EXCLUSIVE",
    "ShareLock": "SHARE",
    "ShareRowExclusiveLock": "SHARE ROW EXCLUSIVE",
    "ExclusiveLock": "EXCLUSIVE",
    "AccessExclusiveLock": "ACCESS EXCLUSIVE",
}

_CONFLICTS = {
    "AccessShareLock": MODES[7:],
    "RowShareLock": MODES[6:],
    "RowExclusiveLock": MODES[4:],
    "ShareUpdateExclusiveLock": MODES[3:],
    "ShareLock": (*MODES[2:4], *MODES[5:]),
    "ShareRowExclusiveLock": MODES[2:],
    "ExclusiveLock": MODES[1:],
    "AccessExclusiveLock": MODES,
}


def sql_name(mode: str) -> str | None:
    """Returns a mode as LOCK TABLE names it; None of one that every writer takes."""
    return _SQL_NAMES.get(mode)


def conflicting_modes(mode: str) -> tuple[str, ...]:
    """Returns the modes that keep this one waiting when another session holds them."""
    return _CONFLICTS[mode]
