"""Unique rules, as indexes and constraints state them and as ON CONFLICT names them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .grammar import code, parse, walk

# What the line of an index says behind its definition; see catalog.sql.
_MARKS = re.compile(r"( REPLICA IDENTITY)?( CLUSTER)?( INVALID)?$")


@dataclass(frozen=True)
class UniqueRule:
    """A unique rule as an upsert names it: by table and columns, or by constraint."""

    table: str
    columns: frozenset[str]
    constraint: str | None = None


def unique_rule_of_index(definition: str) -> UniqueRule | None:
    """Returns the rule of ``CREATE UNIQUE INDEX ...`` over plain columns; None of any other text.

    + definition: as a line of the catalog has it
    """
    index = parse(_MARKS.sub("", definition)).stmts[0].stmt.index_stmt
    columns = [item.index_elem.name for item in index.index_params]
    if not index.unique or not all(columns):
        return None
    return UniqueRule(index.relation.relname, frozenset(columns), index.idxname)


def table_of_index(definition: str) -> str:
    """Returns the table of ``CREATE INDEX ...``, as SQL writes it.

    + definition: as a line of the catalog has it
    >>> table_of_index('CREATE INDEX i ON ONLY s."Order Notes" USING btree (a)')
    '"s"."Order Notes"'
    """
    relation = parse(_MARKS.sub("", definition)).stmts[0].stmt.index_stmt.relation
    return ".".join('"' + part.replace('"', '""') + '"' for part in (relation.schemaname, relation.relname) if part)


def unique_rule_of_constraint(table: str, name: str, definition: str) -> UniqueRule | None:
    """Returns the rule of a constraint as the catalog prints it; None where it is not UNIQUE.

    + table, name: as SQL would write them, quoted where needed
    + definition: such as ``UNIQUE (project_id, name)``
    """
    altered = parse(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}").stmts[0].stmt.alter_table_stmt
    constraint = getattr(altered.cmds[0].alter_table_cmd, "def").constraint
    if constraint.contype not in (code("ConstrType", "CONSTR_UNIQUE"), code("ConstrType", "CONSTR_PRIMARY")):
        return None
    columns = frozenset(key.string.sval for key in constraint.keys)
    return UniqueRule(altered.relation.relname, columns, constraint.conname)


def upserts(sql: str) -> Iterator[UniqueRule]:
    """Yields the unique rule that each INSERT ... ON CONFLICT of a statement names.

    Raises SqlSyntaxError where the grammar does not accept the text.
    """
    for statement in parse(sql).stmts:
        for node in walk(statement.stmt):
            if node.DESCRIPTOR.name != "InsertStmt" or not node.HasField("on_conflict_clause"):
                continue
            insert: Any = node
            infer = insert.on_conflict_clause.infer
            columns = frozenset(item.index_elem.name for item in infer.index_elems)
            if columns or infer.conname:
                yield UniqueRule(insert.relation.relname, columns, infer.conname or None)
