"""What a database holds, by means that the library has no part in: pg_dump, and hashes of all rows."""

from __future__ import annotations

import difflib
import os
import re
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import psycopg
from psycopg import sql

from tests.support.servers import Database, Server

_OWN_SCHEMA = "pgmigrate"

# What a dump says about itself and not about the database.
_NOISE = re.compile(
    r"^(?:--.*|\\(?:un)?restrict .*|SET .*|SELECT pg_catalog\.set_config.*|ALTER .* ALTER COLUMN .* SET \(\);|)$"
)
# Where a thing of the database begins in a dump. They are sorted: which one comes first tells what is older.
_ENTRY = re.compile(r"^--\n(?=-- Name: )", re.MULTILINE)
# What a server writes by itself since the minor versions of November 2026; a pg_dump from before prints it.
_BY_ITSELF = re.compile(r", pg_attver='?\d+'?|\bpg_attver='?\d+'?(?:, )?")

# What pg_dump does not print: whether an index can be used, whether a materialized view has rows.
_STATES = """
SELECT pg_catalog.format('%s %s valid %s filled %s', n.nspname, c.relname, i.indisvalid, c.relispopulated)
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_index AS i ON i.indexrelid = c.oid
WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname NOT IN ('information_schema', %(own)s)
  AND c.relkind IN ('r', 'm', 'i', 'I', 'p')
"""

# The columns by name: where one stands is told by the dump.
_TABLES = """
SELECT n.nspname, c.relname, ARRAY(
    SELECT a.attname::text FROM pg_catalog.pg_attribute AS a
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attname COLLATE "C"
)
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm') AND c.relispopulated
  AND n.nspname NOT LIKE 'pg\\_%%' AND n.nspname NOT IN ('information_schema', %(own)s)
ORDER BY 1, 2
"""

_ROWS = """
SELECT {label}, pg_catalog.count(*),
    pg_catalog.md5(pg_catalog.string_agg("~row", E'\\n' ORDER BY "~row" COLLATE "C"))
FROM (SELECT ROW({columns})::text AS "~row" FROM ONLY {table}) AS "~rows"
"""

_SEQUENCES = """
SELECT schemaname, sequencename, last_value FROM pg_catalog.pg_sequences WHERE schemaname <> %(own)s
"""


@dataclass(frozen=True)
class Snapshot:
    """One moment of a database.

    + structure: lines of its dump, and the states that no dump shows
    + rows: number and hash of the rows, by table
    + sequences: their last values, by name
    """

    structure: tuple[str, ...]
    rows: dict[str, tuple[int, str | None]] = field(default_factory=dict)
    sequences: dict[str, int | None] = field(default_factory=dict)

    def differences(self, expected: Snapshot) -> list[str]:
        """Returns how this one differs from what it should be; no line: not at all."""
        return list(self._differences(expected))

    def _differences(self, expected: Snapshot) -> Iterator[str]:
        if self.structure != expected.structure:
            lines = difflib.unified_diff(expected.structure, self.structure, "psql", "pgmigrate", lineterm="", n=2)
            yield from list(lines)[:40]
        for name in sorted(self.rows.keys() | expected.rows.keys()):
            mine, theirs = self.rows.get(name), expected.rows.get(name)
            if mine != theirs:
                yield f"rows of {name}: {mine}, with psql {theirs}"
        for name in sorted(self.sequences.keys() | expected.sequences.keys()):
            if self.sequences.get(name) != expected.sequences.get(name):
                yield f"sequence {name}: {self.sequences.get(name)}, with psql {expected.sequences.get(name)}"


def environment(server: Server) -> dict[str, str]:
    """Returns the environment in which PostgreSQL's own programs reach a server."""
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD"}
    found = {names[key]: str(value) for key, value in server.conninfo.items() if key in names and value is not None}
    return {**os.environ, **found}


def dump(server: Server, database: str) -> tuple[str, ...]:
    """Returns the structure of a database as pg_dump prints it."""
    command = [str(server.bin_dir / "pg_dump"), "--schema-only", f"--exclude-schema={_OWN_SCHEMA}", database]
    text = subprocess.run(command, env=environment(server), check=True, capture_output=True).stdout.decode()
    lines: list[str] = []
    for entry in sorted(_ENTRY.split(text)):
        found = (_BY_ITSELF.sub("", line) if "pg_attver=" in line else line for line in entry.split("\n"))
        lines.extend(in_any_order(line for line in found if not _NOISE.match(line)))
    return tuple(lines)


def in_any_order(lines: Iterable[str]) -> Iterator[str]:
    """Yields the lines of a dump with the grants on each object sorted: their order says who came first, no more."""
    for is_grant, group in groupby(lines, key=lambda line: line.startswith("GRANT ")):
        found = list(group)
        yield from sorted(found) if is_grant else found


def take(database: Database) -> Snapshot:
    """Returns what a database holds now."""
    with database.server.connect(database.name) as session:
        session.execute("SET TimeZone = 'UTC'")
        return Snapshot(
            structure=(*dump(database.server, database.name), *_states(session)),
            rows=_rows(session),
            sequences={f"{row[0]}.{row[1]}": row[2] for row in session.execute(_SEQUENCES, {"own": _OWN_SCHEMA})},
        )


def _states(session: psycopg.Connection[Any]) -> list[str]:
    return sorted(
        row[0]
        for row in session.execute(_STATES.replace("%s", "%%s").replace("_%'", "_%%'").encode(), {"own": _OWN_SCHEMA})
    )


def _rows(session: psycopg.Connection[Any]) -> dict[str, tuple[int, str | None]]:
    tables = session.execute(_TABLES, {"own": _OWN_SCHEMA}).fetchall()
    if not tables:
        return {}
    parts = [
        sql.SQL(_ROWS).format(
            label=sql.Literal(f"{schema}.{name}"),
            table=sql.Identifier(schema, name),
            columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
        )
        for schema, name, columns in tables
    ]
    return {row[0]: (row[1], row[2]) for row in session.execute(sql.SQL(" UNION ALL ").join(parts))}
