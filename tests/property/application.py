"""What an application does once a history is applied: rows by catalog, values from sequences; whatever the tables are."""

from __future__ import annotations

from random import Random
from typing import Any

import psycopg
from psycopg import sql

from .model import BUILT_IN

_TABLES = """
SELECT n.nspname, c.relname, EXISTS (
    SELECT 1 FROM pg_catalog.pg_index AS i WHERE i.indrelid = c.oid AND i.indisprimary AND i.indisvalid
)
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pgmigrate') AND n.nspname !~ '^pg_'
-- Those that others point at first.
ORDER BY (SELECT count(*) FROM pg_catalog.pg_constraint AS k WHERE k.conrelid = c.oid AND k.contype = 'f'), 1, 2
"""

# Columns that can be given a value: name, type, labels of an enum, what it must be found in, and whether a row is told
# from others by it.
_COLUMNS = """
SELECT
    a.attname,
    pg_catalog.format_type(a.atttypid, a.atttypmod),
    ARRAY(SELECT e.enumlabel::text FROM pg_catalog.pg_enum AS e WHERE e.enumtypid = a.atttypid ORDER BY e.enumsortorder),
    (
        SELECT ARRAY[n.nspname::text, r.relname, f.attname]
        FROM pg_catalog.pg_constraint AS k
        JOIN pg_catalog.pg_class AS r ON r.oid = k.confrelid
        JOIN pg_catalog.pg_namespace AS n ON n.oid = r.relnamespace
        JOIN pg_catalog.pg_attribute AS f ON f.attrelid = r.oid AND f.attnum = k.confkey[1]
        WHERE k.conrelid = a.attrelid AND k.contype = 'f' AND k.conkey = ARRAY[a.attnum]
        LIMIT 1
    ),
    EXISTS (
        SELECT 1 FROM pg_catalog.pg_index AS i
        WHERE i.indrelid = a.attrelid AND (i.indisunique OR i.indisexclusion)
          AND (a.attnum = ANY (i.indkey) OR i.indexprs IS NOT NULL OR i.indpred IS NOT NULL)
    )
FROM pg_catalog.pg_attribute AS a
WHERE a.attrelid = pg_catalog.format('%%I.%%I', %s::text, %s::text)::regclass
  AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND a.attidentity <> 'a'
ORDER BY a.attnum
"""

_SEQUENCES = """
SELECT pg_catalog.format('%I.%I', schemaname, sequencename) FROM pg_catalog.pg_sequences WHERE schemaname <> 'pgmigrate'
"""

_VIEWS = """
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname)
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'm' AND c.relispopulated
ORDER BY c.oid
"""

_VALUES = {kind.name: kind.values for kind in BUILT_IN}
_NAMES = {"timestamp with time zone": "timestamptz", "character varying(40)": "varchar(40)"}


class Application:
    """Writes into a database.

    + rows: how many it has written
    """

    def __init__(self, random: Random, session: psycopg.Connection[Any]) -> None:
        self.random = random
        self.session = session
        self.rows = 0

    def run(self) -> None:
        """Writes rows into all tables, changes some of those that have a key, and draws from sequences."""
        self.session.execute("SET statement_timeout = '20s'")
        for schema, name, has_key in self.session.execute(_TABLES).fetchall():
            table = sql.Identifier(schema, name)
            columns = self.session.execute(_COLUMNS, [schema, name]).fetchall()
            for _ in range(self.random.randint(1, 4)):
                self.rows += self._insert(table, columns)
            # A row that a migration wrote and that has another key since is written again: not a thing to compare.
            changeable = [column for column in columns if not column[4]]
            if has_key and changeable and self.random.random() < 0.5:
                column = self.random.choice(changeable)
                self._try(
                    sql.SQL("UPDATE ONLY {0} SET {1} = {2} WHERE ctid = (SELECT max(ctid) FROM ONLY {0})").format(
                        table, sql.Identifier(column[0]), self._value(column)
                    )
                )
        for (name,) in self.session.execute(_SEQUENCES.encode()).fetchall():
            if self.random.random() < 0.4:
                self._try(sql.SQL("SELECT pg_catalog.nextval({}::regclass)").format(sql.Literal(name)))
        refresh(self.session)

    def _insert(self, table: sql.Composable, columns: list[Any]) -> int:
        chosen = [column for column in columns if self.random.random() < 0.8]
        if not chosen:
            return self._try(sql.SQL("INSERT INTO {} DEFAULT VALUES").format(table))
        return self._try(
            sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
                table,
                sql.SQL(", ").join(sql.Identifier(column[0]) for column in chosen),
                sql.SQL(", ").join(self._value(column) for column in chosen),
            )
        )

    def _value(self, column: tuple[str, str, list[str], list[str] | None, bool]) -> sql.Composable:
        _, kind, labels, refers, _ = column
        if refers is not None:
            schema, table, name = refers
            return sql.SQL("(SELECT max({}) FROM {})").format(sql.Identifier(name), sql.Identifier(schema, table))
        if labels:
            return sql.Literal(self.random.choice(labels))
        if kind in ("integer", "bigint") and self.random.random() < 0.8:
            return sql.Literal(self.random.randint(1000, 99999))
        values = _VALUES.get(_NAMES.get(kind, kind))
        if not values or self.random.random() < 0.1:
            return sql.SQL("DEFAULT") if self.random.random() < 0.7 else sql.SQL("NULL")
        return sql.SQL(self.random.choice(values))

    def _try(self, statement: sql.Composed) -> int:
        """Runs a statement that the tables need not take; returns how many rows it wrote."""
        try:
            return max(self.session.execute(statement).rowcount, 0)
        except psycopg.Error:
            return 0


def refresh(session: psycopg.Connection[Any]) -> None:
    """Makes materialized views show what there is."""
    for (name,) in session.execute(_VIEWS.encode()).fetchall():
        try:
            session.execute(sql.SQL("REFRESH MATERIALIZED VIEW {}").format(sql.SQL(name)))
        except psycopg.Error:
            continue
