"""What a statement names: tables and columns that it drops, sequences that it restarts. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .grammar import code, name_of_code
from .parser import Statement, node_of

_RELATION = ("table", "view", "materialized_view", "sequence", "index", "type")
ROUTINE = ("function", "procedure", "aggregate")
# What ALTER calls it, and the kinds of catalog lines that it may be: ALTER TABLE takes any relation.
_RENAMED = {
    **dict.fromkeys(("TABLE", "VIEW", "MATVIEW", "SEQUENCE", "INDEX", "FOREIGN_TABLE"), _RELATION),
    **dict.fromkeys(("FUNCTION", "PROCEDURE", "AGGREGATE", "ROUTINE"), ROUTINE),
    **dict.fromkeys(("TYPE", "DOMAIN"), ("type",)),
    "STATISTIC_EXT": ("statistics",),
    "COLUMN": ("column",),
    "TABCONSTRAINT": ("constraint",),
    "TRIGGER": ("trigger",),
    "POLICY": ("policy",),
    "RULE": ("rule",),
}


def dropped_tables(statement: Statement) -> Iterator[tuple[str, str]]:
    """Yields schema, empty where the statement has none, and name of the tables that DROP TABLE names."""
    if statement.node != "drop_stmt":
        return
    node = node_of(statement)
    if node.remove_type == code("ObjectType", "OBJECT_TABLE"):
        for found in node.objects:
            words = [item.string.sval for item in found.list.items]
            yield (words[-2] if len(words) > 1 else ""), words[-1]


def dropped_columns(statement: Statement) -> Iterator[tuple[str, str, str]]:
    """Yields schema, table and column of what ALTER TABLE drops."""
    if statement.node != "alter_table_stmt":
        return
    node = node_of(statement)
    if node.objtype == code("ObjectType", "OBJECT_TABLE"):
        for command in node.cmds:
            if command.alter_table_cmd.subtype == code("AlterTableType", "AT_DropColumn"):
                yield node.relation.schemaname, node.relation.relname, command.alter_table_cmd.name


def renamed_columns(statement: Statement) -> Iterator[str]:
    """Yields the names before of columns that a statement gives another name."""
    if statement.node == "rename_stmt":
        node = node_of(statement)
        if node.rename_type == code("ObjectType", "OBJECT_COLUMN"):
            yield node.subname


@dataclass(frozen=True)
class Renaming:
    """What a statement gives another name or another schema.

    + kinds: of catalog lines that it may be
    + schema, name: its own, or those of what it is a part of; schema is empty where the statement has none
    + part: column, constraint, trigger, policy or rule of that; empty where it is the object itself
    + new_name, new_schema: empty where that stays
    """

    kinds: tuple[str, ...]
    schema: str
    name: str
    part: str
    new_name: str = ""
    new_schema: str = ""


def renamed_object(statement: Statement) -> Renaming | None:
    """Returns what a statement gives another name or schema; None where it does not, or where that is of no matter."""
    if statement.node not in ("rename_stmt", "alter_object_schema_stmt"):
        return None
    node = node_of(statement)
    is_name = statement.node == "rename_stmt"
    what = name_of_code("ObjectType", node.rename_type if is_name else node.object_type).removeprefix("OBJECT_")
    kinds = _RENAMED.get(what)
    if kinds is None:
        return None
    if node.relation.relname:
        schema, name = node.relation.schemaname, node.relation.relname
    else:
        items = node.object.list.items or node.object.object_with_args.objname
        *above, name = [item.string.sval for item in items]
        schema = above[-1] if above else ""
    if is_name:
        return Renaming(kinds, schema, name, node.subname, new_name=node.newname)
    return Renaming(kinds, schema, name, "", new_schema=node.newschema)


def truncated_tables(statement: Statement) -> Iterator[tuple[str, str]]:
    """Yields schema, empty where the statement has none, and name of the tables that TRUNCATE names."""
    if statement.node == "truncate_stmt":
        for one in node_of(statement).relations:
            yield one.range_var.schemaname, one.range_var.relname


def restarted_sequences(statement: Statement) -> Iterator[tuple[str, str, str]]:
    """Yields schema, sequence or table, and column or nothing of what RESTART sets."""
    if statement.node not in ("alter_seq_stmt", "alter_table_stmt", "truncate_stmt"):
        return
    node = node_of(statement)
    if statement.node == "truncate_stmt":
        if node.restart_seqs:
            for one in node.relations:
                yield one.range_var.schemaname, one.range_var.relname, ""
    elif statement.node == "alter_seq_stmt":
        if any(option.def_elem.defname == "restart" for option in node.options):
            yield node.sequence.schemaname, node.sequence.relname, ""
    else:
        for command in (one.alter_table_cmd for one in node.cmds):
            sets_identity = command.subtype == code("AlterTableType", "AT_SetIdentity")
            options = getattr(command, "def").list.items if sets_identity else ()
            if any(option.def_elem.defname == "restart" for option in options):
                yield node.relation.schemaname, node.relation.relname, command.name
