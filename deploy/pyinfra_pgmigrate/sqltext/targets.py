"""What a statement names: tables and columns that it drops, sequences that it restarts. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from postgast.pg_query_pb2 import AlterTableType, ObjectType

from .parser import Statement, node_of

_COLUMN = ObjectType.Value("OBJECT_COLUMN")
_TABLE = ObjectType.Value("OBJECT_TABLE")
_DROP_COLUMN = AlterTableType.Value("AT_DropColumn")
_SET_IDENTITY = AlterTableType.Value("AT_SetIdentity")


def dropped_tables(statement: Statement) -> Iterator[tuple[str, str]]:
    """Yields schema, empty where the statement has none, and name of the tables that DROP TABLE names."""
    if statement.node != "drop_stmt":
        return
    node = node_of(statement)
    if node.remove_type == _TABLE:
        for found in node.objects:
            words = [item.string.sval for item in found.list.items]
            yield (words[-2] if len(words) > 1 else ""), words[-1]


def dropped_columns(statement: Statement) -> Iterator[tuple[str, str, str]]:
    """Yields schema, table and column of what ALTER TABLE drops."""
    if statement.node != "alter_table_stmt":
        return
    node = node_of(statement)
    if node.objtype == _TABLE:
        for command in node.cmds:
            if command.alter_table_cmd.subtype == _DROP_COLUMN:
                yield node.relation.schemaname, node.relation.relname, command.alter_table_cmd.name


def renamed_columns(statement: Statement) -> Iterator[str]:
    """Yields the names before of columns that a statement gives another name."""
    if statement.node == "rename_stmt":
        node = node_of(statement)
        if node.rename_type == _COLUMN:
            yield node.subname


def renamed_objects(statement: Statement) -> Iterator[tuple[str, str, str, str]]:
    """Yields schema, relation, what is of it, and the new name of what a statement gives another name.

    Schema and what is of it are empty where the statement has none: then the relation itself has another name.
    """
    if statement.node == "rename_stmt":
        node = node_of(statement)
        if node.relation.relname:
            yield node.relation.schemaname, node.relation.relname, node.subname, node.newname


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
            options = getattr(command, "def").list.items if command.subtype == _SET_IDENTITY else ()
            if any(option.def_elem.defname == "restart" for option in options):
                yield node.relation.schemaname, node.relation.relname, command.name
