"""What every script of the library begins with, and the words it is put together from. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..catalog.lines import LINES_VERSION
from ..catalog.queries import EVERYTHING, catalog_query
from ..resources import read_sql


@dataclass(frozen=True)
class Run:
    """Who runs what from where; the same for every script of one start of the program on one host.

    + run_id: a UUID
    + operator: operating-system user on the controller
    + inventory_host: name of the host in the inventory
    + stale_s: seconds without a sign of life after which another run counts as dead
    + search_path: schemas in which statements of the operator find names after the target schema
    + scope: the schema that it is limited to, where a database has several with migrations of their own; else empty
    """

    run_id: str
    operator: str
    controller: str
    inventory_host: str
    tool_version: str
    stale_s: float = 10.0
    scope: str = ""
    search_path: tuple[str, ...] = ()


def setting(name: str, value: Any) -> str:
    r"""Returns the psql line that gives a variable any text as its value.

    >>> print(setting("name", "it's"))
    \set name 'it''s'
    """
    text = str(value).replace("\\", "\\\\").replace("'", "''").replace("\n", "\\n").replace("\r", "\\r")
    return f"\\set {name} '{text}'"


# Reads all of the catalog into pgmigrate.now, once more.
READ_NOW = "EXECUTE pgmigrate_read('pgmigrate.now', false);"


def settings_of(values: Mapping[str, Any]) -> str:
    """Returns the lines that set variables of psql."""
    return "\n".join(setting(name, value) for name, value in values.items())


def flag(value: bool) -> str:
    """Returns a truth value as psql and SQL read it."""
    return "true" if value else "false"


# In the place of psql/reading.sql: reading runs nothing that anybody gains by.
READS_UNCHECKED = settings_of({"is_checked": flag(False), "reading_check": "", "reading_locked": ""})


def items(items: Iterable[Any]) -> str:
    """Returns a list as JSON, for a variable of psql."""
    return json.dumps(list(items), ensure_ascii=False)


def session_name(run: Run, purpose: str) -> str:
    """Returns what a session of the library calls itself; PostgreSQL cuts names after 63 bytes."""
    return f"pgmigrate {run.run_id[:8]} {purpose}"[:63]


def session_of(run: Run, schema: str, purpose: str) -> list[str]:
    """Returns what a script begins with: the session and who runs it.

    + purpose: part of the name of the session
    """
    names = {
        "application_name": session_name(run, purpose),
        "schema": schema,
        "run_id": run.run_id,
        "lines_version": LINES_VERSION,
        "stale_s": run.stale_s,
        "scope": run.scope,
        "further": items(run.search_path),
    }
    return [settings_of(names), *session_parts()]


def session_parts() -> list[str]:
    """Returns the SQL that a session begins with, once its variables are set."""
    return [read_sql("psql/session"), read_sql("psql/scope"), read_sql("psql/schema_names"), read_sql("psql/pinned")]


def catalog_session_of(run: Run, schema: str, purpose: str) -> list[str]:
    """Returns what a script begins with that reads the catalog several times: the session, and the query."""
    return [*session_of(run, schema, purpose), catalog_prepared()]


def catalog_prepared() -> str:
    """Returns the SQL that prepares ``pgmigrate_read (setting, whether with its fingerprint)``, and ``pgmigrate_rare``.

    It leaves the lines in the setting as an array, in the order of their bytes, the identities of their objects in
    SETTING_identities, the relations, functions and types that they belong to in SETTING_homes, and their fingerprint
    in SETTING_fingerprint; all are of one statement, so that nothing can come between them. The server writes names in
    it as seen from the target schema, while the statement itself was read with pg_catalog alone in search_path: what
    calls nothing of others when it is prepared calls nothing of others when it runs.
    """
    fingerprint = ["CASE WHEN $2 THEN (", read_sql("catalog/fingerprint"), ") ELSE '' END"]
    seen = _seen("SELECT c.line, c.identity, c.home")
    return joined(
        [
            "SET plan_cache_mode = force_generic_plan;",
            "PREPARE pgmigrate_rare AS",
            read_sql("catalog/rare").rstrip("\n") + ";",
            "EXECUTE pgmigrate_rare \\gset",
            setting("read_prepared", joined(["PREPARE pgmigrate_read (text, boolean) AS", *_kept(fingerprint), *seen])),
            "\\set catalog_text :read_prepared",
            read_sql("catalog/prepare"),
        ]
    )


def prepared_again() -> str:
    """Returns the SQL that has ``pgmigrate_read``, and ``pgmigrate_part``, read what is rare, too, where it has come.

    Expects the variable in_parts: whether ``pgmigrate_part`` is prepared.
    """
    return joined(
        [
            read_sql("catalog/rare_again"),
            "\\if :has_come",
            "DEALLOCATE pgmigrate_read;",
            "\\set catalog_text :read_prepared",
            read_sql("catalog/prepare"),
            "\\if :in_parts",
            "DEALLOCATE pgmigrate_part;",
            "\\set catalog_text :part_prepared",
            read_sql("catalog/prepare"),
            "\\endif",
            "\\endif",
        ]
    )


def part_prepared() -> str:
    """Returns the SQL that prepares ``pgmigrate_part (setting, relations, functions and types)``.

    As ``pgmigrate_read`` does, of the lines of those alone and of what belongs to none of the three (see catalog.sql).
    """
    seen = _seen("SELECT c.line, c.identity, c.home", "= ANY ($2)")
    return joined(["PREPARE pgmigrate_part (text, oid[]) AS", *_kept(["''"]), *seen])


def catalog_read(*, of_all: bool = False) -> str:
    """Returns the SQL that reads the lines of the catalog into the setting pgmigrate.now, once.

    As ``pgmigrate_read`` does, which is quicker from the second time on: to prepare a query of this size, with what it
    is not asked for here, takes a quarter of the time of all (measured, PostgreSQL 15).

    + of_all: of the whole database, also where the run is limited to a schema
    """
    text = joined(
        [
            "SELECT pg_catalog.set_config('pgmigrate.now', COALESCE(pg_catalog.array_agg(l.line), '{}')::text, false),",
            *_seen("SELECT c.line", only="NULL::text" if of_all else _ONLY),
        ]
    )
    rare = read_sql("catalog/rare").rstrip("\n") + " \\gset"
    return joined([rare, setting("catalog_text", text), read_sql("catalog/prepare")])


_ONLY = "NULLIF(:'scope', '')"


def _kept(fingerprint: Sequence[str]) -> list[str]:
    """Returns the beginning of a query of lines, named l, that leaves them in the setting $1 and those beside it."""
    return [
        "SELECT pg_catalog.set_config($1, COALESCE(pg_catalog.array_agg(l.line), '{}')::text, false),",
        "pg_catalog.set_config($1 || '_identities', COALESCE(pg_catalog.array_agg(l.identity), '{}')::text, false),",
        "pg_catalog.set_config($1 || '_homes', COALESCE(pg_catalog.array_agg(l.home), '{}')::text, false),",
        "pg_catalog.set_config($1 || '_fingerprint',",
        *fingerprint,
        ", false),",
    ]


def _seen(columns: str, among: str = EVERYTHING, only: str = _ONLY) -> list[str]:
    """Returns the end of a query of lines, named l, that the server writes as seen from the target schema."""
    return [
        "pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', false)",
        "FROM pg_catalog.set_config('search_path', pg_catalog.current_setting('pgmigrate.schema_path'), false)",
        "AS here (path)",
        # Neither side can change places with the other: the lines want the path that was set before.
        f"CROSS JOIN LATERAL ({columns} FROM (",
        catalog_query(among, only),
        ') AS c WHERE here.path IS NOT NULL ORDER BY c.line COLLATE "C" OFFSET 0) AS l;',
    ]


def seen_from_schema(*parts: str) -> list[str]:
    """Returns parts of a script that find relations, functions and operators in the target schema."""
    return ['SET search_path = :"schema", pg_temp;', *parts, "SET search_path = pg_catalog, pg_temp;"]


def joined(parts: Iterable[str]) -> str:
    """Returns a script of its parts."""
    return "\n".join(part.rstrip("\n") for part in parts) + "\n"


def prepared(run: Run, schema: str, name: str, **values: Any) -> str:
    """Returns the script that is one file of the package, with values for its variables.

    + name: of the file, such as ``backup/identity``
    """
    session = session_of(run, schema, name.rpartition("/")[2].replace("_", " "))
    flags = {key: flag(value) if isinstance(value, bool) else value for key, value in values.items()}
    whole = {"tool_version": run.tool_version, "operator": run.operator, "controller": run.controller, **flags}
    return joined([*session, settings_of(whole), read_sql(name)])
