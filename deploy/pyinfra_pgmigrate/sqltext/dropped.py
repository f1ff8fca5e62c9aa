"""What a statement drops by its name: tables and columns. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from postgast.pg_query_pb2 import AlterTableType, ObjectType

from .parser import Statement, node_of

_TABLE = ObjectType.Value("OBJECT_TABLE")
_DROP_COLUMN = AlterTableType.Value("AT_DropColumn")


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
