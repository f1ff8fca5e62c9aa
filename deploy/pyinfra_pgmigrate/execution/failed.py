"""The scripts that look after a step that did not get its locks or did not end well. Pure."""

from __future__ import annotations

import re

from ..catalog.lines import qualified, unescaped
from ..errors import Kind
from ..psql.script import Run, items, joined, session_of, settings_of
from ..resources import read_sql
from ..sqltext.lock_modes import conflicting_modes
from ..units import ranges
from .steps import Step

# What the variable "at" of a step's script says after its last statement: until then it is the statement's number.
AT_END = "end"
# And after what COMMIT would check and fire: what the step itself reads, writes and puts back.
AT_OWN = "own"
_SET_AT = re.compile(r"\\set at '(.*)'")


def failed_at(script: str, line: int) -> str:
    """Returns what "at" was where a script failed; empty where no statement of a step was at work.

    + line: of the script, counted from 1; 0 where nobody knows
    """
    before = map(_SET_AT.fullmatch, reversed(script.split("\n")[:line]))
    return next((found[1] for found in before if found), "")


def place_of(step: Step, at: str) -> str:
    """Returns where in a step its script failed, for people; at: see ``failed_at``."""
    if not step.statements:
        return "its registration"
    statements = f"statement{'s' if len(step.statements) > 1 else ''} {ranges(step.own_numbers)}"
    if at == AT_END:
        return f"the end of the transaction of {statements}"
    if at == AT_OWN:
        return f"what follows {statements}"
    failed = next((one for one in step.statements if str(one.number) == at), None)
    return statements if failed is None else f"{failed.words}, line {failed.line} of {step.migration.name}.sql"


def built(step: Step, schema: str) -> str:
    """Returns the indexes that a step builds outside a transaction as JSON, for a variable of psql."""
    return items(qualified(index, schema) for index in step.built_indexes)


def blockers_script(step: Step, run: Run, schema: str) -> str:
    """Returns the script that names the sessions which keep a step waiting."""
    values = {
        "in_the_way": items(
            [qualified(unescaped(lock.relation), schema), conflicting_modes(lock.mode)] for lock in step.locks
        )
    }
    return joined([*session_of(run, schema, "blockers"), settings_of(values), read_sql("execution/blockers")])


def aftermath_script(step: Step, run: Run, schema: str, *, kind: Kind, sqlstate: str, message: str) -> str:
    """Returns the script that looks after a step which did not end well.

    It writes the event and drops the INVALID indexes that the step left.
    """
    migration = step.migration
    values = {
        "built": built(step, schema),
        "version": migration.version,
        "name": migration.name,
        "checksum": migration.checksum,
        "statements": items(statement.number for statement in step.statements),
        "sqlstate": sqlstate,
        "message": f"{kind.value}: {message}",
        "tool_version": run.tool_version,
    }
    session = session_of(run, schema, f"aftermath {migration.name}")
    return joined([*session, settings_of(values), read_sql("execution/aftermath"), read_sql("execution/drop_invalid")])
