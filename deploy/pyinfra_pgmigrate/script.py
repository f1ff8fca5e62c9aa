r"""The psql scripts of the library, as text. Pure: the plan goes in, a script comes out.

A script is SQL of the package, unchanged, between ``\set`` lines: values and the statements of a
migration reach psql as variables only, never as text between other text. A statement is run by
``SELECT :'statement' \gexec``, so that psql does not look for its own commands and variables in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from . import sql
from .catalog import Patch, key_of, like_pattern, parts_of
from .compatibility import Use
from .effect import Lock, StatementEffect
from .errors import Kind
from .locks import conflicting_modes, sql_name
from .migration import Migration
from .observed import REGISTRY_VERSION
from .obstacles import Rule
from .plan import OUTCOME, Decision
from .queries import Query
from .rollbacks import Rollback, unique_rules
from .statements import Statement
from .totals import Total
from .validation import Added

# Registry structures, each made by the file registry_N.sql from the one before it.
REGISTRY_FILES = tuple(f"registry_{version}" for version in range(1, REGISTRY_VERSION + 1))


@dataclass(frozen=True)
class Run:
    """Who runs what from where; the same for every script of one start of the program on one host.

    + run_id: a UUID
    + operator: operating-system user on the controller
    + inventory_host: name of the host in the inventory
    """

    run_id: str
    operator: str
    controller: str
    inventory_host: str
    tool_version: str


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


@dataclass(frozen=True)
class Step:
    """What runs in one transaction, or one statement that cannot run in one, or nothing but a registry row.

    + statements: none for a migration that is adopted or only verified
    + present, absent: lines of the migration as they must be found
    + is_last: the migration holds after this step
    + ends_run: the run has nothing more to do on this database
    + rollback: what it takes back, where it is no migration
    """

    decision: Decision
    statements: tuple[Statement, ...]
    present: frozenset[str]
    absent: frozenset[str]
    is_last: bool
    ends_run: bool = False
    rollback: Rollback | None = None

    @property
    def title(self) -> str:
        """What it is, for messages."""
        return f'{"migration" if self.rollback is None else "rollback script"} "{self.migration.name}"'

    @property
    def migration(self) -> Migration:
        """The migration that it belongs to."""
        return self.decision.migration

    @property
    def effects(self) -> tuple[StatementEffect, ...]:
        """What its statements were recorded to do."""
        return tuple(self.migration.effect_of(statement) for statement in self.statements)

    @property
    def patch(self) -> Patch:
        """What it does as a whole."""
        whole = Patch()
        for effect in self.effects:
            whole = whole.then(effect.patch)
        return whole

    @property
    def in_transaction(self) -> bool:
        """Whether its statements run in one transaction with their registry row."""
        return all(statement.in_transaction for statement in self.statements) and not self.in_batches

    @property
    def in_batches(self) -> bool:
        """Whether its statement is run again and again, a transaction each."""
        return bool(self.statements) and self.migration.header.in_batches

    @property
    def locks(self) -> tuple[Lock, ...]:
        """The locks on tables that keep a writer or another structure change out, each once."""
        found = dict.fromkeys(
            lock for effect in self.effects for lock in effect.locks if sql_name(lock.mode) is not None
        )
        return tuple(found)

    @property
    def built_indexes(self) -> tuple[str, ...]:
        """Names of the indexes that it builds outside a transaction."""
        if self.in_transaction:
            return ()
        return tuple(
            key_of(line).removeprefix("index ") for line in sorted(self.patch.plus) if line.startswith("index ")
        )


def steps_of(decision: Decision, *, ends_run: bool) -> list[Step]:
    """Returns the steps of a decision in order.

    + ends_run: no other decision of the plan comes after it
    """
    groups: list[tuple[Statement, ...]] = decision.migration.steps(decision.statements) or [()]
    if groups[-1] and not Step(decision, groups[-1], frozenset(), frozenset(), is_last=False).in_transaction:
        # Statements outside a transaction cannot register in one: the row has a step of its own,
        # which also asks the verify query.
        groups.append(())
    steps: list[Step] = []
    present, absent = decision.present, decision.absent
    for place, statements in enumerate(groups):
        is_last = place == len(groups) - 1
        step = Step(decision, statements, present, absent, is_last=is_last, ends_run=is_last and ends_run)
        steps.append(step)
        patch = step.patch
        present, absent = (present - patch.minus) | patch.plus, (absent - patch.plus) | patch.minus
    return steps


def step_back(rollback: Rollback) -> Step:
    """Returns the one step of a rollback."""
    (step,) = steps_of(rollback.decision, ends_run=True)
    return replace(step, rollback=rollback)


def setting(name: str, value: Any) -> str:
    r"""Returns the psql line that gives a variable any text as its value.

    >>> print(setting("name", "it's"))
    \set name 'it''s'
    """
    text = str(value).replace("\\", "\\\\").replace("'", "''").replace("\n", "\\n").replace("\r", "\\r")
    return f"\\set {name} '{text}'"


def _settings(values: Mapping[str, Any]) -> str:
    return "\n".join(setting(name, value) for name, value in values.items())


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _list(items: Iterable[Any]) -> str:
    return json.dumps(list(items), ensure_ascii=False)


def session_name(run: Run, purpose: str) -> str:
    """Returns what a session of the library calls itself; PostgreSQL cuts names after 63 bytes."""
    return f"pgmigrate {run.run_id[:8]} {purpose}"[:63]


def _session(run: Run, schema: str, purpose: str) -> list[str]:
    return [
        _settings({"application_name": session_name(run, purpose), "schema": schema, "run_id": run.run_id}),
        sql.read("session"),
        "SET plan_cache_mode = force_generic_plan;",
        "PREPARE pgmigrate_read (text) AS",
        "SELECT pg_catalog.set_config($1, COALESCE((SELECT pg_catalog.array_agg(l.line) FROM (",
        sql.read("catalog").rstrip(),
        ") AS l), '{}')::text, false);",
    ]


def observe(run: Run, schema: str) -> str:
    """Returns the script that reads a database; it changes nothing."""
    return _joined([*_session(run, schema, "observe"), sql.read("observe")])


def verify(run: Run, schema: str, queries: Mapping[int, str]) -> str:
    """Returns the script that asks verify queries, by version; it cannot write."""
    parts = _session(run, schema, "verify")[:2]
    for version, query in queries.items():
        parts += [
            _settings({"version": version, "verify": query}),
            "BEGIN TRANSACTION READ ONLY;",
            "SET LOCAL lock_timeout = '10s';",
            sql.read("verify"),
            sql.read("ask_verify"),
        ]
    return _joined(parts)


def warnings(added: Added, run: Run, schema: str) -> str:
    """Returns the script that looks for what the structure cannot do; it cannot write."""
    values = {
        "added_tables": _list(added.tables),
        "added_columns": _list(added.columns),
        "built": _list(added.built),
    }
    return _joined([*_session(run, schema, "validate")[:2], _settings(values), sql.read("warnings")])


def try_uses(uses: Sequence[Use], run: Run, schema: str, *, moment: int | None = None) -> str:
    """Returns the script that tries what the application does, each in a transaction that is undone.

    + moment: of a rehearsal with a session that is held open, which is told of it; None: there is none
    """
    parts = _session(run, schema, "compatibility")[:2]
    for use in uses:
        values = {"name": use.name, "role": use.role, "statements": _list(use.statements)}
        parts += [_settings(values), sql.read("try_use")]
    if moment is not None:
        parts += [setting("moment", moment), sql.read("held_moment")]
    return _joined(parts)


def measure(queries: Sequence[Query], run: Run, schema: str, *, timeout_s: float) -> str:
    """Returns the script that measures what queries cost; it cannot write.

    + timeout_s: longest time, in seconds, of one execution
    """
    parts = _session(run, schema, "measure")[:2]
    for query in queries:
        values = {
            "query": query.name,
            "checksum": query.checksum,
            "drawing": query.drawing,
            "statement": query.text,
            "timeout_ms": max(1, round(timeout_s * 1000)),
        }
        parts += [_settings(values), *map(sql.read, ("measure", "measure_run", "measure_run", "measure_done"))]
    return _joined(parts)


def keep_measurements(found: Sequence[Mapping[str, Any]], run: Run, schema: str, *, moment: str, ends_run: bool) -> str:
    """Returns the script that keeps measurements in the registry, making or upgrading it where needed.

    + moment: before or after the migrations
    + ends_run: the run has nothing more to do on this database
    """
    values = {"measurements": _list(found), "moment": moment, "ends_run": _flag(ends_run)}
    parts = [*_session(run, schema, "keep measurements")[:2], *_claimed(run), _settings(values)]
    return _joined([*parts, sql.read("keep_measurements")])


def held(uses: Sequence[Use], moments: int, run: Run, schema: str) -> str:
    """Returns the script that prepares statements and executes them at so many moments of a rehearsal."""
    values = {"application_name": _held_name(run), "schema": schema}
    named = [{"held": use.name, "role": use.role, "statement": use.statements[0]} for use in uses]
    parts = [_settings(values), sql.read("session"), sql.read("held_session")]
    parts += [part for one in named for part in (_settings(one), sql.read("held_prepare"))]
    for moment in range(moments):
        parts += [setting("moment", moment), sql.read("held_wait")]
        parts += [part for one in named for part in (_settings(one), sql.read("held_try"))]
        parts.append(sql.read("held_done"))
    return _joined([*parts, sql.read("held_end")])


def end_held(run: Run, schema: str) -> str:
    """Returns the script that ends the session of ``held``."""
    parts = [*_session(run, schema, "end held")[:2], setting("held_name", _held_name(run))]
    return _joined([*parts, sql.read("end_held")])


def _held_name(run: Run) -> str:
    # Not as the sessions of the run call themselves: nobody waits for this one.
    return f"application rehearsed by pgmigrate {run.run_id[:8]}"


def dump(run: Run, schema: str, totals: Sequence[Total] = ()) -> str:
    """Returns the script that holds the snapshot of a backup, and counts and hashes what is in it.

    + totals: asked in the same snapshot
    """
    return _joined(
        [
            *_session(run, schema, "backup"),
            sql.read("snapshot"),
            sql.read("about"),
            *_all_contents(),
            *_totals(totals),
            sql.read("snapshot_end"),
        ]
    )


def contents(run: Run, schema: str) -> str:
    """Returns the script that counts and hashes what is in a database; it changes nothing."""
    return _joined(
        [
            *_session(run, schema, "compare"),
            "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;",
            "EXECUTE pgmigrate_read('pgmigrate.now');",
            sql.read("about"),
            *_all_contents(),
            "ROLLBACK;",
        ]
    )


def _all_contents() -> list[str]:
    return [setting("known", ""), sql.read("contents")]


def known_contents(known: Mapping[str, Sequence[str] | None], run: Run, schema: str) -> str:
    """Returns the script that counts and hashes tables over some of their columns, a transaction each.

    + known: columns by table, quoted as SQL would need them; None: all that it has
    """
    parts = [*_session(run, schema, "validate")[:2], setting("known", json.dumps(known, ensure_ascii=False))]
    return _joined([*parts, sql.read("reading_only"), sql.read("contents")])


def keys(tables: Sequence[str], run: Run, schema: str) -> str:
    """Returns the script that tells sizes and primary keys of tables."""
    parts = [*_session(run, schema, "validate")[:2], setting("tables", _list(tables))]
    return _joined([*parts, sql.read("reading_only"), sql.read("keys")])


def rows(tables: Sequence[tuple[int, str, Sequence[str], Sequence[str]]], run: Run, schema: str) -> str:
    """Returns the script that prints the key and a hash of each row.

    + tables: number, name, columns that count and columns of the key
    """
    parts = [*_session(run, schema, "validate")[:2], setting("tables", _list(tables))]
    return _joined([*parts, sql.read("reading_only"), sql.read("rows")])


def totals(asked: Sequence[Total], run: Run, schema: str) -> str:
    """Returns the script that asks totals; it cannot write."""
    return _joined([*_session(run, schema, "totals")[:2], "BEGIN TRANSACTION READ ONLY;", *_totals(asked), "ROLLBACK;"])


def _totals(asked: Sequence[Total]) -> list[str]:
    return [part for one in asked for part in (_settings({"total": one.name, "query": one.query}), sql.read("totals"))]


def about(run: Run, schema: str) -> str:
    """Returns the script that tells what a backup says of its database, but for its rows."""
    return _joined(
        [
            *_session(run, schema, "about"),
            "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;",
            "EXECUTE pgmigrate_read('pgmigrate.now');",
            sql.read("about"),
            "ROLLBACK;",
        ]
    )


def obstacles(rollback: Rollback, run: Run, schema: str) -> str:
    """Returns the script that looks for what stands in the way of a rollback; it changes nothing."""
    values = {
        "rules": _rules(unique_rules(rollback)),
        "columns": _list(rollback.columns),
        "going": _list(sorted(rollback.objects)),
        "tables": _list(rollback.tables),
        "rules_on": _list(sorted({rule.on for rule in rollback.rules})),
    }
    parts = [_settings(values), "BEGIN;", "SET LOCAL lock_timeout = '10s';"]
    parts += map(sql.read, ("sizes", "dependents", "conflicting", "conflicts"))
    return _joined([*_session(run, schema, "obstacles")[:2], *parts, "ROLLBACK;"])


def _rules(rules: Iterable[Rule]) -> str:
    return _list(
        {
            "table": rule.on,
            "columns": rule.columns,
            "nulls_distinct": rule.nulls_distinct,
            "predicate": rule.predicate,
        }
        for rule in rules
    )


def prepared(run: Run, schema: str, name: str, **values: Any) -> str:
    """Returns the script that is one file of the package, with values for its variables.

    + name: of the file, without ``.sql``
    """
    session = _session(run, schema, name.replace("_", " "))[:2]
    flags = {key: _flag(value) if isinstance(value, bool) else value for key, value in values.items()}
    whole = {"tool_version": run.tool_version, "operator": run.operator, "controller": run.controller, **flags}
    return _joined([*session, _settings(whole), sql.read(name)])


def apply(
    steps: Sequence[Step], run: Run, schema: str, limits: LockLimits, *, batch_rows: int, backup: str = ""
) -> str:
    """Returns the script that runs steps in one session under the run lock.

    + batch_rows: rows in one transaction of a statement that is run in batches
    + backup: label of the backup taken before; may be empty
    Each step ends with an outcome line; the script ends at the first that is not ``done``.
    """
    parts = [
        *_session(run, schema, steps[0].migration.name),
        *_claimed(run, steps[0].rollback),
        setting("backup", backup),
    ]
    for place, step in enumerate(steps):
        parts += [setting("application_name", session_name(run, step.migration.name)), sql.read("step_name")]
        parts += _step(step, limits, batch_rows, is_first=place == 0)
    return _joined(parts)


def _claimed(run: Run, rollback: Rollback | None = None) -> list[str]:
    """Returns what a session begins with that changes the database: run lock, and the registry as it should be."""
    values = {
        "operator": run.operator,
        "controller": run.controller,
        "inventory_host": run.inventory_host,
        "tool_version": run.tool_version,
    }
    aside = [sql.read("set_aside")] if rollback is not None and rollback.damaged else []
    return [_settings(values), sql.read("claim"), *aside, *_registry_upgrade(), sql.read("lease")]


def build(rules: Sequence[Rule], rollback: Rollback, run: Run, schema: str) -> str:
    """Returns the script that builds indexes before a cut-over, without a lock that keeps a writer out."""
    parts = [*_session(run, schema, "build")[:2], *_claimed(run, rollback)]
    for rule in rules:
        parts += [setting("built", _list([rule.index])), sql.read("drop_invalid")]
        parts += [setting("statement", rule.ahead), sql.read("build")]
    return _joined(parts)


def drop_built(rules: Sequence[Rule], rollback: Rollback, run: Run, schema: str, *, lock_timeout_ms: int) -> str:
    """Returns the script that takes such indexes back, as long as the rollback has not come to pass."""
    values = {
        "built": _list(rule.index for rule in rules),
        "reverted": _list(migration.version for migration in rollback.reverted),
        "lock_timeout_ms": lock_timeout_ms,
    }
    parts = [*_session(run, schema, "drop built")[:2], *_claimed(run), _settings(values)]
    return _joined([*parts, sql.read("drop_built")])


def drop_quarantine(run_id: str, run: Run, schema: str) -> str:
    """Returns the script that throws away what the rollback of a run kept.

    + run_id: its beginning
    """
    parts = [*_session(run, schema, "drop quarantine")[:2], *_claimed(run), setting("run", run_id)]
    return _joined([*parts, sql.read("drop_quarantine")])


def _registry_upgrade() -> list[str]:
    parts = [sql.read("registry_version")]
    for version, name in enumerate(REGISTRY_FILES, start=1):
        parts += [
            setting("needed_version", version),
            sql.read("registry_older"),
            "\\if :registry_is_older",
            sql.read(name),
            "\\endif",
        ]
    return parts


def _step(step: Step, limits: LockLimits, batch_rows: int, *, is_first: bool) -> list[str]:
    decision, migration = step.decision, step.migration
    how = OUTCOME[decision.action]
    parts = [
        _settings(
            {
                "version": migration.version,
                "name": migration.name,
                "checksum": migration.checksum,
                "checksums": _list(statement.checksum for statement in migration.statements),
                "phase": migration.header.phase,
                "how": how,
                "event": how if step.is_last else "step",
                "expected_checksum": "" if decision.row is None else decision.row.checksum,
                "present": _list(sorted(step.present)),
                "absent": _list(sorted(step.absent)),
                "minus": _list(sorted(step.patch.minus)),
                "plus": _list(sorted(step.patch.plus)),
                "removes": _list(map(like_pattern, migration.header.removes)),
                "objects": _list(sorted(_own_objects(migration))),
                "locks": _list([sql_name(lock.mode), lock.relation] for lock in step.locks),
                "lock_poll_s": limits.poll_s,
                "lock_timeout_ms": limits.timeout_ms,
                "tries": limits.tries,
                "statements": _list(_numbers(step)),
                "batch_rows": batch_rows,
                "is_first": _flag(is_first),
                "is_last_step": _flag(step.is_last),
                "is_last_of_run": _flag(step.ends_run),
                "in_transaction": _flag(step.in_transaction),
                "row_count": 0,
                "durations": "[]",
                "traces": "[]",
                "put_back": "[]",
                "made": "[]",
            }
        ),
        "BEGIN;",
        sql.read("step_begin"),
    ]
    if step.in_transaction:
        parts += _inside(step)
    else:
        parts += _outside(step)
    return [*parts, sql.read("step_done")]


def _own_objects(migration: Migration) -> frozenset[str]:
    """Returns the keys of the objects whose owner, grants and comments a migration may change."""
    if migration.effect is None:
        return frozenset()
    effects = migration.effect.statements
    made = {key_of(line) for effect in effects for line in effect.patch.minus | effect.patch.plus}
    return frozenset(made.union(*(effect.touches for effect in effects)))


def _numbers(step: Step) -> tuple[int, ...]:
    """Returns the statements that the step's event names: the last one speaks for the whole migration."""
    return step.decision.statements if step.is_last else tuple(statement.number for statement in step.statements)


def _timed(statement: Statement, body: str) -> list[str]:
    return [
        setting("statement", statement.text),
        "SELECT pg_catalog.clock_timestamp() AS statement_started_at \\gset",
        body,
        setting("number", statement.number),
        sql.read("statement_done"),
        sql.read("trace"),
    ]


_RUN = "SELECT :'statement' \\gexec"
_START = "SELECT pg_catalog.clock_timestamp() AS started_at \\gset"


def _traced_before(step: Step) -> list[str]:
    return [setting("number", 0), sql.read("trace")] if step.statements else []


def _inside(step: Step) -> list[str]:
    parts = [_START, sql.read("step_locks"), *_traced_before(step)]
    if step.rollback is not None:
        parts += _kept_before(step.rollback)
    for statement in step.statements:
        parts += _timed(statement, _RUN)
    if step.rollback is not None:
        parts += _rules_back(step.rollback)
    elif (made := _made(step)) is not None:
        parts += [_settings(made), sql.read("due"), "\\if :is_due", sql.read("triggers_off"), sql.read("put_back")]
        parts += [sql.read("triggers_on"), "\\endif"]
        parts += ["\\if :has_dependents", sql.read("dependents_back"), "\\endif"]
    # From here on the locks are held for our own reading and writing only.
    parts.append(sql.read("step_compare"))
    if step.is_last and step.migration.verify is not None:
        parts += [setting("verify", step.migration.verify), sql.read("verify"), sql.read("step_verify")]
    register = "step_register" if step.rollback is None else "rollback_register"
    return [*parts, sql.read("keep_catalog"), sql.read(register), "COMMIT;"]


def _made(step: Step) -> dict[str, str] | None:
    """Returns the tables and columns that a step makes: a rollback may have kept some of their rows.

    None where nothing can be due: it makes neither and does not end its migration.
    """
    objects = {key_of(line) for line in step.patch.plus}
    tables = {key.removeprefix("table ") for key in objects if key.startswith("table ")}
    parts = [parts_of(key.removeprefix("column ")) for key in objects if key.startswith("column ")]
    columns = sorted((table, column) for table, column in parts if table not in tables)
    if not (tables or columns or step.is_last):
        return None
    return {"tables": _list(sorted(tables)), "columns": _list(columns)}


def _kept_before(rollback: Rollback) -> list[str]:
    values = {
        "tables": _list(rollback.tables),
        "columns": _list(rollback.columns),
        "reverted": _list([one.version, one.name, one.checksum] for one in rollback.reverted),
        "rules": _rules(unique_rules(rollback)),
        "on_conflict": rollback.on_conflict,
    }
    parts = [_settings(values), sql.read("rollback_locks")]
    if rollback.conflicts:
        parts += map(sql.read, ("conflicting", "resolve_tables", "triggers_off", "resolve", "triggers_on"))
    if rollback.kept:
        kept = _list([one.object, one.gone, one.statements, sorted(one.lines)] for one in rollback.kept)
        parts += [setting("dependents", kept), sql.read("dependents_kept")]
    return [*parts, sql.read("quarantine")]


def _rules_back(rollback: Rollback) -> list[str]:
    rules = _list([rule.kind, rule.on, rule.name, rule.definition, rule.index, rule.ending] for rule in rollback.rules)
    return [setting("rules", rules), sql.read("rules_back")]


def _outside(step: Step) -> list[str]:
    (statement,) = step.statements
    parts = ["COMMIT;", _START, *_traced_before(step)]
    if step.in_batches:
        parts += _timed(statement, sql.read("batches"))
    else:
        # Such a statement waits for old snapshots and lockers, and lock_timeout counts that too: it
        # would end in an INVALID index (measured, PostgreSQL 15).
        parts.append("SET lock_timeout = 0;")
        parts += [
            setting("built", _list(step.built_indexes)),
            sql.read("drop_invalid"),
            *_timed(statement, _RUN),
        ]
    after = [sql.read(name) for name in ("step_compare", "keep_catalog", "step_register")]
    return [*parts, "BEGIN;", *after, "COMMIT;"]


def blockers(step: Step, run: Run, schema: str) -> str:
    """Returns the script that names the sessions which keep a step waiting."""
    values = {"in_the_way": _list([lock.relation, conflicting_modes(lock.mode)] for lock in step.locks)}
    return _joined([*_session(run, schema, "blockers")[:2], _settings(values), sql.read("blockers")])


def aftermath(step: Step, run: Run, schema: str, *, kind: Kind, sqlstate: str, message: str) -> str:
    """Returns the script that looks after a step which did not end well.

    It writes the event and drops the INVALID indexes that the step left.
    """
    migration = step.migration
    values = {
        "built": _list(step.built_indexes),
        "version": migration.version,
        "name": migration.name,
        "checksum": migration.checksum,
        "statements": _list(statement.number for statement in step.statements),
        "sqlstate": sqlstate,
        "message": f"{kind.value}: {message}",
        "tool_version": run.tool_version,
    }
    session = _session(run, schema, f"aftermath {migration.name}")[:2]
    return _joined([*session, _settings(values), sql.read("aftermath"), sql.read("drop_invalid")])


def watch(run: Run, schema: str) -> str:
    """Returns the script that tells how the sessions of a run are doing."""
    return _joined([*_session(run, schema, "watch")[:2], sql.read("watch")])


def _joined(parts: Iterable[str]) -> str:
    return "\n".join(part.rstrip("\n") for part in parts) + "\n"
