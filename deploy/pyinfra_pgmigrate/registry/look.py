"""The database as it is: server, registry and catalog, in one session that changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..catalog.lines import Catalog, Patch
from ..importing.ledgers import ledgers_in
from ..psql.answer import EXIT_SCRIPT, Answer, Unreadable
from ..psql.connection_errors import PLANTED, TOO_OLD
from ..psql.question import Question
from ..psql.script import READ_NOW, Run, catalog_read, joined, prepared_again, session_of, setting
from ..resources import read_sql
from .model import (
    AppliedMigration,
    Blocker,
    Identity,
    Interrupted,
    KeptPoint,
    Observed,
    OtherRun,
    ProvedBackup,
    Quarantine,
    Registry,
    Server,
    Upsert,
)
from .verify import all_verified, asked

_REGISTERED = (
    "SELECT EXISTS (SELECT 1 FROM pgmigrate.migrations AS m WHERE m.version = :'version'::bigint AND :of_scope)"
)
_READ = "pg_catalog.current_setting('pgmigrate.now')::text[]"


def look(run: Run, schema: str, queries: Mapping[int, str] | None = None) -> Question[Observed | Unreadable]:
    """Asks for server, registry and catalog of a database.

    + queries: verify queries by version, asked where the version is in the registry
    Where the fingerprint of the catalog is the one that the last run kept, its lines are those that it kept.
    Locks: reads only (ACCESS SHARE on views).
    """
    kept = "(SELECT c.lines FROM pgmigrate.catalogs AS c WHERE c.kind = 'last' AND :of_scope)"
    parts = [
        *session_of(run, schema, "observe"),
        read_sql("registry/kept_lines"),
        read_sql("registry/observe_begin"),
        "\\if :knows_fingerprint",
        "SELECT :'kept_fingerprint' = (",
        read_sql("catalog/fingerprint"),
        ") AS is_same \\gset",
        "\\endif",
        "\\if :is_same",
        setting("now", kept),
        "\\else",
        setting("now", _READ),
        catalog_read(),
        "\\endif",
        read_sql("registry/observe"),
        read_sql("registry/ledgers"),
        setting("target", ""),
        read_sql("registry/identity"),
    ]
    if queries:
        parts.append("\\if :has_registry")
        for version, query in queries.items():
            parts += [setting("version", version), f"{_REGISTERED} AS is_registered \\gset", "\\if :is_registered"]
            parts += [*asked(query), "\\endif"]
        parts.append("\\endif")
    return Question("the database", joined([*parts, "ROLLBACK;"]), observed_in)


def look_again(queries: Mapping[int, str]) -> list[str]:
    """Returns the part of a script that looks at the database once more, in a session that has read the catalog.

    ``observed_in`` reads what it answers, too.

    + queries: verify queries to ask, by version
    """
    # It may have been made since the session began.
    exists = setting("registry_exists", "true")
    parts = [
        exists,
        read_sql("registry/kept_lines"),
        read_sql("registry/observe_begin"),
        setting("now", _READ),
        prepared_again(),
        READ_NOW,
    ]
    parts += [read_sql("registry/observe"), read_sql("registry/ledgers")]
    for version, query in queries.items():
        parts += [setting("version", version), *asked(query)]
    return [*parts, "ROLLBACK;"]


def observed_in(answer: Answer) -> Observed | Unreadable:
    """Returns the database that an answer to ``look`` describes, or why it could not be read."""
    too_old = answer.value("too_old")
    if too_old is not None:
        return Unreadable(EXIT_SCRIPT, TOO_OLD, too_old)
    planted = answer.value("planted")
    if planted is not None:
        return Unreadable(EXIT_SCRIPT, PLANTED, "; ".join(planted))
    server, catalog = answer.value("server"), answer.value("catalog")
    if answer.status != 0 or server is None or catalog is None:
        return Unreadable(answer.status, answer.sqlstate, answer.message)
    registry = answer.value("registry")
    upserts = answer.value("upserts")
    identity = answer.value("identity")
    return Observed(
        server=Server(
            **{
                **server,
                "roles": frozenset(server["roles"]),
                "foreign_code": tuple(server.get("foreign_code", ())),
            }
        ),
        registry=None if registry is None else _registry(registry),
        catalog=Catalog.of(catalog),
        upserts=None if upserts is None else tuple(Upsert(**upsert) for upsert in upserts),
        other_run=_other_run(answer.value("at_work"), registry),
        damaged=tuple(answer.value("damaged") or ()),
        snapshots=tuple(Blocker(**found) for found in answer.value("snapshots") or ()),
        verified=all_verified(answer),
        ledgers=ledgers_in(answer.value("ledgers")),
        identity=None if identity is None else Identity(**identity),
    )


def _registry(found: Mapping[str, Any]) -> Registry:
    rows = [
        AppliedMigration(
            **{
                **row,
                "removed": None if row["removed"] is None else tuple(row["removed"]),
                "added": None if row["added"] is None else tuple(row["added"]),
            }
        )
        for row in found["migrations"]
    ]
    return Registry(
        version=found["version"],
        migrations={row.version: row for row in rows},
        drift=Patch(frozenset(found["gone"]), frozenset(found["come"])) if found["knows_last"] else None,
        gone_since_first=None if found["gone_since_first"] is None else frozenset(found["gone_since_first"]),
        quarantines=tuple(Quarantine(**one) for one in found["quarantines"]),
        quarantined_runs=tuple(found["quarantined_runs"]),
        noted_gone=frozenset(found["noted_gone"]),
        of_older_form=frozenset(found.get("of_older_form", ())),
        others=frozenset(found.get("others", ())),
        backups_of_others=frozenset(found.get("backups_of_others", ())),
        backup=None if found["backup"] is None else ProvedBackup(**found["backup"]),
        restore_point=None if found["restore_point"] is None else KeptPoint(**found["restore_point"]),
        interrupted={
            one["version"]: Interrupted(one["checksum"], frozenset(one["done"]), frozenset(one["begun"]))
            for one in found["interrupted"]
        },
    )


def _other_run(at_work: Mapping[str, Any] | None, registry: Mapping[str, Any] | None) -> OtherRun | None:
    if at_work is not None:
        return OtherRun(**at_work)
    if registry is not None and registry["other_run"] is not None:
        return OtherRun(**registry["other_run"])
    return None


def watch(run: Run, schema: str) -> Question[list[dict[str, Any]]]:
    """Asks how the sessions of a run are doing."""
    script = joined([*session_of(run, schema, "watch"), read_sql("registry/watch")])
    return Question("sessions of the run", script, lambda answer: answer.value("watch") or [])
