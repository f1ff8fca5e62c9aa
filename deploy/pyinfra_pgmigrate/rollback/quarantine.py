"""What rollbacks keep: thrown away by name. Pure."""

from __future__ import annotations

from ..psql.script import Run, joined, session_of, setting
from ..registry.schema import claimed
from ..resources import read_sql


def drop_quarantine_script(run_id: str, run: Run, schema: str) -> str:
    """Returns the script that throws away what the rollback of a run kept.

    + run_id: its beginning
    """
    parts = [*session_of(run, schema, "drop quarantine"), *claimed(run), setting("run", run_id)]
    return joined([*parts, read_sql("rollback/drop_quarantine")])
