r"""The scripts that ask a database, as text. Pure: values go in, a script comes out.

A script is SQL of the package, unchanged, between ``\set`` lines: values and the statements of a migration reach
psql as variables only, never as text between other text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .. import sql
from ..application.compatibility import Use
from ..application.queries import Query
from ..application.totals import Total
from ..catalog.lines import key_of, unescaped
from ..execution.steps import rules_of
from ..rollback.plan import Rollback, unique_rules
from ..validation.checks import Added
from .script import (
    Run,
    catalog_prepared,
    catalog_session_of,
    claimed,
    flag,
    items,
    joined,
    session_of,
    session_parts,
    setting,
    settings_of,
)


def observe(run: Run, schema: str, queries: Mapping[int, str] | None = None) -> str:
    """Returns the script that reads a database; it changes nothing.

    + queries: verify queries by version, asked where the version is in the registry
    Where the fingerprint of the catalog is the one that the last run kept, its lines are those that it kept.
    """
    kept = "(SELECT c.lines FROM pgmigrate.catalogs AS c WHERE c.kind = 'last')"
    read = "pg_catalog.current_setting('pgmigrate.now')::text[]"
    parts = [
        *session_of(run, schema, "observe"),
        sql.read("observe_begin"),
        "\\if :knows_fingerprint",
        "SELECT :'kept_fingerprint' = (",
        sql.read("fingerprint"),
        ") AS is_same \\gset",
        "\\endif",
        "\\if :is_same",
        setting("now", kept),
        "\\else",
        setting("now", read),
        catalog_prepared(),
        "EXECUTE pgmigrate_read('pgmigrate.now', false);",
        "\\endif",
        sql.read("observe"),
    ]
    if queries:
        registered = "SELECT EXISTS (SELECT 1 FROM pgmigrate.migrations AS m WHERE m.version = :'version'::bigint)"
        parts.append("\\if :has_registry")
        for version, query in queries.items():
            parts += [setting("version", version), f"{registered} AS is_registered \\gset", "\\if :is_registered"]
            parts += [*_asked(query), "\\endif"]
        parts.append("\\endif")
    return joined([*parts, "ROLLBACK;"])


def verify(run: Run, schema: str, queries: Mapping[int, str]) -> str:
    """Returns the script that asks verify queries, by version; it cannot write."""
    parts = session_of(run, schema, "verify")
    for version, query in queries.items():
        begin = ["BEGIN TRANSACTION READ ONLY;", "SET LOCAL lock_timeout = '10s';"]
        parts += [setting("version", version), *begin, *_asked(query), "ROLLBACK;"]
    return joined(parts)


def _asked(query: str) -> list[str]:
    return [setting("verify", query), sql.read("verify"), sql.read("ask_verify")]


def warnings(added: Added, run: Run, schema: str) -> str:
    """Returns the script that looks for what the structure cannot do; it cannot write."""
    values = {
        "added_tables": items(added.tables),
        "added_columns": items(added.columns),
        "built": items(added.built),
    }
    return joined([*session_of(run, schema, "validate"), settings_of(values), sql.read("warnings")])


def try_uses(uses: Sequence[Use], run: Run, schema: str, *, moment: int | None = None) -> str:
    """Returns the script that tries what the application does, each in a transaction that is undone.

    + moment: of a rehearsal with a session that is held open, which is told of it; None: there is none
    """
    parts = session_of(run, schema, "compatibility")
    for use in uses:
        values = {"name": use.name, "role": use.role, "statements": items(use.statements)}
        parts += [settings_of(values), sql.read("try_use")]
    if moment is not None:
        parts += [setting("moment", moment), sql.read("held_moment")]
    return joined(parts)


def measure(queries: Sequence[Query], run: Run, schema: str, *, timeout_s: float) -> str:
    """Returns the script that measures what queries cost; it cannot write.

    + timeout_s: longest time, in seconds, of one execution
    """
    parts = session_of(run, schema, "measure")
    for query in queries:
        values = {
            "query": query.name,
            "checksum": query.checksum,
            "drawing": query.drawing,
            "statement": query.text,
            "timeout_ms": max(1, round(timeout_s * 1000)),
        }
        parts += [settings_of(values), *map(sql.read, ("measure", "measure_run", "measure_run", "measure_done"))]
    return joined(parts)


def keep_measurements(found: Sequence[Mapping[str, Any]], run: Run, schema: str, *, moment: str, ends_run: bool) -> str:
    """Returns the script that keeps measurements in the registry, making or upgrading it where needed.

    + moment: before or after the migrations
    + ends_run: the run has nothing more to do on this database
    """
    values = {"measurements": items(found), "moment": moment, "ends_run": flag(ends_run)}
    parts = [*session_of(run, schema, "keep measurements"), *claimed(run), settings_of(values)]
    return joined([*parts, sql.read("keep_measurements")])


def held(uses: Sequence[Use], moments: int, run: Run, schema: str) -> str:
    """Returns the script that prepares statements and executes them at so many moments of a rehearsal."""
    values = {"application_name": _held_name(run), "schema": schema}
    named = [{"held": use.name, "role": use.role, "statement": use.statements[0]} for use in uses]
    parts = [settings_of(values), *session_parts(), sql.read("held_session")]
    parts += [part for one in named for part in (settings_of(one), sql.read("held_prepare"))]
    for moment in range(moments):
        parts += [setting("moment", moment), sql.read("held_wait")]
        parts += [part for one in named for part in (settings_of(one), sql.read("held_try"))]
        parts.append(sql.read("held_done"))
    return joined([*parts, sql.read("held_end")])


def end_held(run: Run, schema: str) -> str:
    """Returns the script that ends the session of ``held``."""
    parts = [*session_of(run, schema, "end held"), setting("held_name", _held_name(run))]
    return joined([*parts, sql.read("end_held")])


def _held_name(run: Run) -> str:
    # Not as the sessions of the run call themselves: nobody waits for this one.
    return f"application rehearsed by pgmigrate {run.run_id[:8]}"


def dump(run: Run, schema: str, totals: Sequence[Total] = ()) -> str:
    """Returns the script that holds the snapshot of a backup, and counts and hashes what is in it.

    + totals: asked in the same snapshot
    """
    return joined(
        [
            *catalog_session_of(run, schema, "backup"),
            sql.read("snapshot"),
            sql.read("about"),
            setting("target", ""),
            sql.read("identity"),
            sql.read("history"),
            *_all_contents(),
            *_totals(totals),
            sql.read("snapshot_end"),
        ]
    )


def contents(run: Run, schema: str) -> str:
    """Returns the script that counts and hashes what is in a database; it changes nothing."""
    return joined(
        [
            *catalog_session_of(run, schema, "compare"),
            "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;",
            "EXECUTE pgmigrate_read('pgmigrate.now', false);",
            sql.read("about"),
            *_all_contents(),
            "ROLLBACK;",
        ]
    )


@dataclass(frozen=True)
class Owning:
    """What is done to a copy with the rights of the connection.

    + made: statements for what stays in any case; owned: for owners and rights; last: those that would fire for others
    + role: of the copy; empty where it has none of its own
    + ends: that role owns nothing of it any more after that
    + lasts: owners and rights stay; else they are undone
    + restored: of the event that the registry gets, values by name; None: it gets none
    """

    made: Sequence[str]
    owned: Sequence[str]
    last: Sequence[str]
    role: str
    ends: bool
    lasts: bool
    restored: Mapping[str, str] | None = None


def owners(owning: Owning, run: Run, schema: str) -> str:
    """Returns the script that sets owners and rights in a copy and tells its catalog then.

    Event triggers are made when all else is done: they fire for statements, and from PostgreSQL 17 on for a login.
    """
    values = {
        "role": owning.role,
        "has_role": flag(bool(owning.role)),
        "tool_version": run.tool_version,
        "operator": run.operator,
        "controller": run.controller,
        **({} if owning.restored is None else owning.restored),
    }
    return joined(
        [
            *catalog_session_of(run, schema, "owners"),
            settings_of(values),
            *([sql.read("close_copy")] if owning.ends else []),
            *_tolerantly(["BEGIN;"], owning.made, ["COMMIT;"]),
            *_tolerantly(["BEGIN;"], owning.owned, [sql.read("close_owned")] if owning.ends else []),
            *([] if owning.restored is None else [sql.read("restored")]),
            *_tolerantly([], owning.last, []),
            "EXECUTE pgmigrate_read('pgmigrate.now', false);",
            # No table is read: a plan calls functions of the indexes of a table.
            sql.read("catalog_lines"),
            "COMMIT;" if owning.lasts else "ROLLBACK;",
            *([] if owning.ends else [sql.read("hand_publications")]),
        ]
    )


def _tolerantly(before: Sequence[str], statements: Sequence[str], after: Sequence[str]) -> list[str]:
    return [*before, setting("statements", items(statements)), sql.read("owners"), *after]


def _all_contents() -> list[str]:
    return [setting("known", ""), sql.read("contents")]


def known_contents(known: Mapping[str, Sequence[str] | None], run: Run, schema: str) -> str:
    """Returns the script that counts and hashes tables over some of their columns, a transaction each.

    + known: columns by table, quoted as SQL would need them; None: all that it has
    """
    parts = [*session_of(run, schema, "validate"), setting("known", json.dumps(known, ensure_ascii=False))]
    return joined([*parts, sql.read("reading_only"), sql.read("contents")])


def keys(tables: Sequence[str], run: Run, schema: str) -> str:
    """Returns the script that tells sizes and primary keys of tables."""
    parts = [*session_of(run, schema, "validate"), setting("tables", items(tables))]
    return joined([*parts, sql.read("reading_only"), sql.read("keys")])


def rows(tables: Sequence[tuple[int, str, Sequence[str], Sequence[str]]], run: Run, schema: str) -> str:
    """Returns the script that prints the key and a hash of each row.

    + tables: number, name, columns that count and columns of the key
    """
    parts = [*session_of(run, schema, "validate"), setting("tables", items(tables))]
    return joined([*parts, sql.read("reading_only"), sql.read("rows")])


def totals(asked: Sequence[Total], run: Run, schema: str) -> str:
    """Returns the script that asks totals; it cannot write."""
    return joined([*session_of(run, schema, "totals"), "BEGIN TRANSACTION READ ONLY;", *_totals(asked), "ROLLBACK;"])


def _totals(asked: Sequence[Total]) -> list[str]:
    return [
        part for one in asked for part in (settings_of({"total": one.name, "query": one.query}), sql.read("totals"))
    ]


def about(run: Run, schema: str) -> str:
    """Returns the script that tells what a backup says of its database, but for its rows."""
    return joined(
        [
            *catalog_session_of(run, schema, "about"),
            "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;",
            "EXECUTE pgmigrate_read('pgmigrate.now', false);",
            sql.read("about"),
            "ROLLBACK;",
        ]
    )


def obstacles(rollback: Rollback, run: Run, schema: str) -> str:
    """Returns the script that looks for what stands in the way of a rollback; it changes nothing."""
    values = {
        "rules": rules_of(unique_rules(rollback)),
        "columns": items([unescaped(table), unescaped(column)] for table, column in rollback.columns),
        "going": items(sorted(map(unescaped, rollback.objects))),
        "changing": items(sorted({unescaped(key_of(line)) for line in rollback.patch.minus})),
        "tables": items(map(unescaped, rollback.tables)),
        "rules_on": items(sorted({rule.on for rule in rollback.rules})),
    }
    parts = [settings_of(values), "BEGIN;", "SET LOCAL lock_timeout = '10s';"]
    parts += map(sql.read, ("sizes", "dependents"))
    parts += map(sql.read, ("conflicting", "conflicts"))
    return joined([*session_of(run, schema, "obstacles"), *parts, "ROLLBACK;"])


def prepared(run: Run, schema: str, name: str, **values: Any) -> str:
    """Returns the script that is one file of the package, with values for its variables.

    + name: of the file, without ``.sql``
    """
    session = session_of(run, schema, name.replace("_", " "))
    flags = {key: flag(value) if isinstance(value, bool) else value for key, value in values.items()}
    whole = {"tool_version": run.tool_version, "operator": run.operator, "controller": run.controller, **flags}
    return joined([*session, settings_of(whole), sql.read(name)])


def drop_quarantine(run_id: str, run: Run, schema: str) -> str:
    """Returns the script that throws away what the rollback of a run kept.

    + run_id: its beginning
    """
    parts = [*session_of(run, schema, "drop quarantine"), *claimed(run), setting("run", run_id)]
    return joined([*parts, sql.read("drop_quarantine")])


def watch(run: Run, schema: str) -> str:
    """Returns the script that tells how the sessions of a run are doing."""
    return joined([*session_of(run, schema, "watch"), sql.read("watch")])
