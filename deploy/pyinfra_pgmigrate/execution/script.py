r"""The scripts that change a database, step by step. Pure: the plan goes in, text comes out.

A statement is run by ``SELECT :'statement' \gexec``, so that psql does not look for its own commands and variables
in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..catalog.lines import Patch, like_pattern, qualified, unescaped
from ..catalog.queries import RARE_CATALOGS, TOUCHED, WRITTEN
from ..migrations.effect import Lock
from ..migrations.remade import renamings_of
from ..planning.decision import OUTCOME
from ..psql.script import (
    Run,
    catalog_session_of,
    flag,
    items,
    joined,
    part_prepared,
    prepared_again,
    session_name,
    setting,
    settings_of,
)
from ..registry.schema import claimed
from ..resources import read_sql
from ..sqltext.lock_modes import sql_name
from ..sqltext.parser import Statement
from .failed import AT_END, AT_OWN, built
from .groups import sets_nothing
from .steps import Step, columns_lost, in_a_row, kept_of, remade_name, tables_made

# Lines of a catalog from which a step reads what it wrote alone. With 600 of them, some 50 tables, its locks are held
# for 15 ms instead of 22; with fewer it makes no difference, and to plan what reads parts takes 50 ms a session
# (measured, PostgreSQL 18).
PARTS_FROM = 400
# And lines from which those of what a step locks are looked out before it does: to find them takes 2 ms, and to go
# through so many while the lock is held another (measured, PostgreSQL 18).
NEAR_FROM = 3000
# Tables up to which all that a step holds are looked at after each of its statements; of more, those that the statement
# is about and those of which the lock or the storage is another: with 400 tables all of them take 30 ms (measured).
TRACED_TO = 50


@dataclass(frozen=True)
class LockLimits:
    """How one try asks for its table locks.

    + poll_s: seconds in which it asks without queueing
    + timeout_ms: longest wait in the queue after that, in milliseconds
    + tries: number of this try, counted from 1
    """

    poll_s: float
    timeout_ms: int
    tries: int = 1


def apply_script(
    groups: Sequence[tuple[Step, ...]],
    run: Run,
    schema: str,
    limits: LockLimits,
    *,
    batch_rows: int,
    backup: str = "",
    ending: Sequence[str] = (),
) -> str:
    """Returns the script that runs steps in one session under the run lock.

    + groups: steps in order; those of a group share a transaction
    + batch_rows: rows in one transaction of a statement that is run in batches
    + backup: label of the backup taken before; may be empty
    + ending: parts that run after the last step
    Each step ends with an outcome line; the script ends at the first that is not ``done``.
    """
    (first, *_), *_ = groups
    parts = [
        *catalog_session_of(run, schema, first.migration.name),
        *claimed(run, sets_aside=first.around is not None and first.around.sets_aside),
        read_sql("psql/reading"),
        read_sql("execution/trace_prepare"),
        read_sql("execution/compare_prepare"),
        read_sql("execution/written_prepare").replace(":written", WRITTEN.text),
        read_sql("registry/kept_lines"),
        settings_of({**_at_first(), "backup": backup}),
    ]
    if any(len(group) > 1 for group in groups):
        parts.append(read_sql("execution/group_settings_prepare"))
    place = 0
    for group in groups:
        told = [*_named(run, group[0]), *_settings(group[0], limits, batch_rows, schema, place)]
        if len(group) > 1:
            parts += [*told, *_together(group, run, limits, batch_rows, schema, place)]
        else:
            parts += [*told, *_step(group[0], schema)]
        place += len(group)
    return joined([*parts, prepared_again(), read_sql("execution/keep_fingerprint"), *ending])


def _at_first() -> dict[str, object]:
    """Returns what a session has before any of its steps."""
    return {
        "parts_from": PARTS_FROM,
        "near_from": NEAR_FROM,
        **dict.fromkeys(("in_parts", "reads_parts", "needs_fingerprint"), "false"),
        "part_prepared": part_prepared(),
        "rare_catalogs": f"{{{','.join(f'pg_catalog.{name}' for name in RARE_CATALOGS)}}}",
        "touched_prepared": read_sql("execution/touched_prepare").replace(":touched", TOUCHED.text),
        "lines_of_prepared": read_sql("execution/lines_of_prepare"),
        "joined_prepared": read_sql("execution/joined_prepare"),
    }


def _named(run: Run, step: Step) -> list[str]:
    return [setting("application_name", session_name(run, step.migration.name)), read_sql("execution/step_name")]


def _settings(step: Step, limits: LockLimits, batch_rows: int, schema: str, place: int) -> list[str]:
    decision, migration = step.decision, step.migration
    how = OUTCOME[decision.action]
    values = {
        "version": migration.version,
        "name": migration.name,
        "checksum": migration.checksum,
        "checksums": items(statement.checksum for statement in migration.statements),
        "phase": migration.header.phase,
        "how": how,
        "event": how if step.is_last else "step",
        "unregistered": "[]",
        "expected_checksum": "" if decision.row is None else decision.row.checksum,
        "present": items(sorted(step.present)),
        "absent": items(sorted(step.absent)),
        "minus": items(sorted(step.patch.minus)),
        "plus": items(sorted(step.patch.plus)),
        "removes": items(map(like_pattern, migration.header.removes)),
        "objects": items(sorted(step.own_objects)),
        "locks": _locks(step.locks, schema),
        "lock_poll_s": limits.poll_s,
        "lock_timeout_ms": limits.timeout_ms,
        "tries": limits.tries,
        "statements": items(step.numbers),
        "batch_rows": batch_rows,
        "is_first": flag(place == 0),
        "is_last_step": flag(step.is_last),
        "is_whole": flag(step.is_whole),
        "is_last_of_run": flag(step.ends_run),
        "in_transaction": flag(step.in_transaction),
        "row_count": 0,
        "place": place,
        "timed": "",
        "durations": "[]",
        "traced": "",
        "at": "",
        "held": "{}",
        "traces_all": flag(len(step.traced) <= TRACED_TO),
        "put_back": "[]",
        "made": "[]",
        "allowed": "[]",
        "carried": "[]",
        "foreign_lines": "[]",
        # Not what a later step of the same migration drops: that is still what it was.
        "remade": items(sorted({remade_name(one) for one in decision.remade if one.number in step.own_numbers})),
    }
    return [settings_of(values)]


def _locks(locks: Iterable[Lock], schema: str) -> str:
    return items([sql_name(lock.mode), qualified(unescaped(lock.relation), schema)] for lock in locks)


def _begun(step: Step) -> list[str]:
    parts = [_begin(step), read_sql("execution/newest"), read_sql("execution/step_begin")]
    first = [read_sql("execution/catalog_known"), "\\if :in_parts", "\\set catalog_text :part_prepared"]
    first += [read_sql("catalog/prepare"), read_sql("execution/catalog_last"), "\\endif"]
    parts += ["\\if :in_parts", "\\else", *first, "\\endif"]
    parts += ["\\if :in_parts", read_sql("execution/catalog_keys"), "\\endif"]
    return [*parts, "EXECUTE pgmigrate_written \\gset"]


def _step(step: Step, schema: str) -> list[str]:
    body = _inside(step, schema) if step.in_transaction else _outside(step, schema)
    return [*_begun(step), *body, read_sql("execution/step_done"), "\\echo ##pgmigrate outcome :payload"]


def _together(
    group: Sequence[Step], run: Run, limits: LockLimits, batch_rows: int, schema: str, place: int
) -> list[str]:
    """Returns the parts that run the steps of a group in one transaction; the settings of the first are there."""
    whole = Patch.of_all(step.patch for step in group)
    first = {
        "absent": items(sorted(frozenset[str]().union(*(step.absent for step in group)))),
        "unregistered": items(step.migration.version for step in group),
    }
    parts = [settings_of(first), *_begun(group[0]), "\\set written_before :written"]
    parts.append(read_sql("execution/group_begin"))
    is_settled = True
    for number, step in enumerate(group):
        if not sets_nothing(step) and not is_settled:
            parts.append(read_sql("execution/group_settled"))
        is_settled = not sets_nothing(step)
        parts += _member(step, run, limits, schema, place + number)
    if not is_settled:
        parts.append(read_sql("execution/group_settled"))
    values = {
        "minus": items(sorted(whole.minus)),
        "plus": items(sorted(whole.plus)),
        "objects": items(sorted(frozenset[str]().union(*(step.own_objects for step in group)))),
        "is_last_of_run": flag(group[-1].ends_run),
        "members": items(_registered(step, place + number) for number, step in enumerate(group)),
    }
    parts += [*_AGAIN, settings_of(values), "\\set written :written_before", *_COMPARED]
    parts += [read_sql("execution/group_register"), read_sql("execution/keep_catalog"), "COMMIT;"]
    return [*parts, "\\echo ##pgmigrate outcomes :payload"]


def _member(step: Step, run: Run, limits: LockLimits, schema: str, place: int) -> list[str]:
    """Returns the parts that run the statements of a step of a group.

    What may have set something is followed by what sets it back.
    """
    values = {
        "application_name": session_name(run, step.migration.name),
        "place": place,
        "locks": _locks(step.locks, schema),
        "traced": "",
        "traces_all": flag(True),
    }
    before = [*([_locked(step)] if step.locks else []), *_traced_before(step)]
    after = [read_sql("execution/group_statement_done"), read_sql("execution/trace")]
    end = [_PATH_AGAIN, "SET CONSTRAINTS ALL IMMEDIATE;", *_AGAIN, *_verified(step)]
    if sets_nothing(step):
        before, after, end = (["\\if :fires_events", *parts, "\\endif"] for parts in (before, after, end))
    parts = [settings_of(values), "\\set path :statement_path", *before]
    for statement in step.statements:
        told = {"statement": statement.text, "number": statement.number, "at": statement.number}
        parts += [settings_of(told), read_sql("execution/group_statement"), *after]
    return [*parts, setting("at", AT_END), *end, setting("at", "")]


def _registered(step: Step, place: int) -> dict[str, object]:
    """Returns what group_register.sql registers of a step."""
    migration = step.migration
    return {
        "place": place,
        "version": migration.version,
        "name": migration.name,
        "checksum": migration.checksum,
        "checksums": [statement.checksum for statement in migration.statements],
        "phase": migration.header.phase,
        "statements": step.numbers,
        "minus": sorted(step.patch.minus),
        "plus": sorted(step.patch.plus),
        "objects": sorted(step.own_objects),
    }


def _begin(step: Step) -> str:
    mode = step.migration.mode_of(step.statements) if step.in_transaction else ""
    return f"BEGIN {mode};" if mode else "BEGIN;"


def _timed(first: Statement, number: int, *body: str) -> list[str]:
    return [
        *_next(first),
        "SELECT pg_catalog.clock_timestamp() AS statement_started_at \\gset",
        *body,
        setting("number", number),
        read_sql("execution/statement_done"),
        read_sql("execution/trace"),
    ]


def _next(statement: Statement) -> list[str]:
    # Nobody reads "at" but whoever looks for what failed: see failed.py.
    return [setting("at", statement.number), setting("statement", statement.text)]


# A statement finds what is in the schema, or in what an earlier one of its step has set; what the library does
# between them finds what is in pg_catalog.
_PATH = "SELECT pg_catalog.current_setting('pgmigrate.statement_path') AS path \\gset"
_PATH_AGAIN = "SELECT pg_catalog.set_config('search_path', :'path', false);"
_EXECUTED = "SELECT :'statement' \\gexec"
_PATH_LEFT = (
    "SELECT pg_catalog.current_setting('search_path') AS path \\gset",
    "SET search_path = pg_catalog, pg_temp;",
)


# How long the step waits for a lock is its own.
_LOCK_TIMEOUT = "SELECT pg_catalog.set_config('lock_timeout', :'lock_timeout_ms', true);"
# What a statement set for the session has no effect on what is read and written after it.
_AGAIN = (
    read_sql("execution/again"),
    read_sql("psql/schema_names"),
    read_sql("psql/pinned"),
    _LOCK_TIMEOUT,
)
_COMPARED = (
    read_sql("execution/step_reset"),
    read_sql("execution/catalog_after").replace(":prepared_again", prepared_again()),
    read_sql("execution/step_compare"),
    "\\if :has_foreign",
    read_sql("execution/step_carried"),
    "\\endif",
    read_sql("execution/step_judge"),
)
_START = "SELECT pg_catalog.clock_timestamp() AS started_at \\gset"


def _locked(step: Step) -> str:
    return read_sql("execution/step_locks") if step.locks else _LOCK_TIMEOUT


def _traced_before(step: Step) -> list[str]:
    return [setting("number", 0), read_sql("execution/trace")] if step.statements else []


def _inside(step: Step, schema: str) -> list[str]:
    parts = [_START, _PATH, _locked(step), *_traced_before(step)]
    if step.around is not None:
        parts += step.around.before
    if step.around is None and (losing := columns_lost(step)):
        parts += [read_sql("psql/check_reading"), setting("columns", items(losing)), read_sql("execution/unchanged")]
    remade = kept_of(step)
    if remade:
        parts += [settings_of(remade), read_sql("execution/remade"), "\\if :was_reverted", read_sql("execution/keep")]
        parts.append("\\endif")
    parts += _statements(step, schema)
    if remade:
        parts += ["\\if :was_reverted", read_sql("execution/keep_after"), read_sql("execution/remade_as"), "\\endif"]
    if step.around is None and (renames := renamings_of(step.migration, step.own_numbers)):
        parts += [setting("renames", items(renames)), read_sql("execution/kept_renamed")]
    if step.around is not None:
        parts += step.around.after
    elif (made := tables_made(step)) is not None:
        parts += [
            settings_of(made),
            read_sql("execution/due"),
            "\\if :is_due",
            *map(
                read_sql,
                ("psql/check_writing", "execution/triggers_off", "execution/put_back", "execution/triggers_on"),
            ),
            "\\endif",
        ]
        parts += ["\\if :has_dependents", read_sql("execution/dependents_back"), "\\endif"]
    # From here on the locks are held for our own reading and writing only.
    parts += _COMPARED
    parts += _verified(step)
    register = read_sql("execution/step_register") if step.around is None else step.around.register
    return [*parts, read_sql("execution/keep_catalog"), register, "COMMIT;"]


def _statements(step: Step, schema: str) -> list[str]:
    parts: list[str] = []
    for first, *others in in_a_row(step):
        # Between statements that only write rows nothing is asked, so that each costs what it costs with psql.
        rest = [part for statement in others for part in (*_next(statement), _EXECUTED)]
        last = others[-1] if others else first
        if len(step.traced) > TRACED_TO:
            parts.append(setting("locks", _locks(step.migration.effect_of(first).locks, schema)))
        parts += _timed(first, last.number, _PATH_AGAIN, _EXECUTED, *rest, *_PATH_LEFT)
    if parts:
        parts.append(read_sql("execution/statements_done"))
        # What COMMIT would check and fire belongs to what the step did, and finds what its statements find.
        parts += [setting("at", AT_END), _PATH_AGAIN, "SET CONSTRAINTS ALL IMMEDIATE;", *_AGAIN, setting("at", AT_OWN)]
    return parts


def _verified(step: Step) -> list[str]:
    if not step.is_last or step.migration.verify is None:
        return []
    asked = [setting("verify", step.migration.verify), read_sql("registry/verify")]
    return [*asked, read_sql("execution/step_verify"), *_AGAIN]


def _outside(step: Step, schema: str) -> list[str]:
    (statement,) = step.statements
    begun = [setting("begun", statement.number), read_sql("execution/step_begun")]
    parts = [*begun, setting("written", ""), "COMMIT;", _START, _PATH, *_traced_before(step)]
    if step.in_batches:
        parts += _timed(statement, statement.number, read_sql("execution/batches"))
    else:
        # Such a statement waits for old snapshots and lockers, and lock_timeout counts that too: it
        # would end in an INVALID index (measured, PostgreSQL 15).
        parts.append("SET lock_timeout = 0;")
        parts += [
            setting("built", built(step, schema)),
            read_sql("execution/drop_invalid"),
            *_timed(statement, statement.number, _PATH_AGAIN, _EXECUTED, *_PATH_LEFT),
        ]
    after = [read_sql(name) for name in ("execution/keep_catalog", "execution/step_register")]
    done = [setting("at", ""), read_sql("execution/statements_done")]
    return [*parts, *done, *_AGAIN, "BEGIN;", *_COMPARED, *after, "COMMIT;"]
