"""Whether one statement of a migration breaks a rule. Pure: no I/O."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ..catalog.lines import definition_of, key_of
from ..migrations.effect import StatementEffect
from ..migrations.files import Migration
from ..sqltext.lock_modes import MODES
from ..sqltext.parser import Statement, node_of

_DATA = frozenset({"insert_stmt", "update_stmt", "delete_stmt", "merge_stmt", "truncate_stmt", "copy_stmt"})
_HOLDING = ("table ", "column ", "view ", "materialized_view ", "sequence ")
# Of LOCK TABLE: from SHARE on it keeps writers out. Source: PostgreSQL, src/include/storage/lockdefs.h.
_SHARE = 5
_FILLING = frozenset({"CONSTR_DEFAULT", "CONSTR_GENERATED", "CONSTR_IDENTITY"})
_SERIAL = frozenset({"smallserial", "serial", "bigserial", "serial2", "serial4", "serial8"})
_COLUMNS = re.compile(r"FOREIGN KEY \((?P<columns>[^)]*)\)")


@dataclass(frozen=True)
class Case:
    """One statement, and what is there when its turn comes.

    + made: keys of the objects that earlier statements of the migration made: nobody uses them yet
    + lines: what earlier migrations and statements made, as far as it is there
    + held: an older table that an earlier statement of the same transaction keeps others out of; empty: none
    """

    migration: Migration
    statement: Statement
    effect: StatementEffect
    made: frozenset[str] = frozenset()
    lines: frozenset[str] = field(default=frozenset(), repr=False)
    held: str = ""

    @cached_property
    def node(self) -> Any:
        """The statement as PostgreSQL's grammar reads it."""
        return node_of(self.statement)

    def is_old(self, key: str) -> bool:
        """Tells whether an object was there before the migration; a column is as old as its table at most."""
        table = f"table {key.removeprefix('column ').rpartition('.')[0]}" if key.startswith("column ") else key
        return not {key, table} & self.made

    def old_table(self, mode: str) -> str | None:
        """Returns a table that was there before, on which the statement takes a lock at least as strong."""
        return next(
            (
                lock.relation
                for lock in self.effect.locks
                if MODES.index(lock.mode) >= MODES.index(mode) and self.is_old(f"table {lock.relation}")
            ),
            None,
        )

    @property
    def tables(self) -> tuple[str, ...]:
        """The older tables whose size says how long the statement takes; none of TRUNCATE."""
        if self.statement.node == "truncate_stmt":
            return ()
        locked = [lock.relation for lock in self.effect.locks if self.is_old(f"table {lock.relation}")]
        relation = getattr(self.node, "relation", None)
        if relation is None or not relation.relname or self.statement.node == "reindex_stmt":
            # Of an index: nothing says of which table it is, but the lock.
            strong = [lock.relation for lock in self.effect.locks if MODES.index(lock.mode) >= _SHARE - 1]
            return tuple(name for name in locked if name in strong)
        own = [name for name in locked if name.endswith((relation.relname, f'{relation.relname}"'))]
        return tuple(own or locked)

    def named(self, relation: Any) -> str:
        """Returns the name of a relation as the statement writes it."""
        return f"{relation.schemaname}.{relation.relname}" if relation.schemaname else str(relation.relname)

    def commands(self, *kinds: str) -> Iterator[Any]:
        """Yields the parts of an ALTER TABLE of some kinds."""
        if self.statement.node != "alter_table_stmt":
            return
        for one in self.node.cmds:
            command = one.alter_table_cmd
            if command.DESCRIPTOR.fields_by_name["subtype"].enum_type.values_by_number[command.subtype].name in kinds:
                yield command


def blocking_index(case: Case) -> str | None:
    """An index that is built while nobody can write."""
    if case.statement.node != "index_stmt" or not case.node.relation.inh:
        # ON ONLY a partitioned table builds nothing.
        return None
    table = case.old_table("ShareLock")
    return None if table is None else f"no session can write to {table} while the index is built"


def blocking_constraint(case: Case) -> str | None:
    """A constraint for which all rows are read under lock."""
    if case.statement.node != "alter_table_stmt":
        return None
    # The index that it takes over was built before.
    ready = any(getattr(one, "def").constraint.indexname for one in case.commands("AT_AddConstraint"))
    unread = set(_columns_without_values(case))
    for line in sorted(case.effect.patch.plus):
        if not line.startswith("constraint "):
            continue
        table, definition = key_of(line).removeprefix("constraint ").rpartition(".")[0], definition_of(line)
        columns = _COLUMNS.search(definition)
        is_checked = not (
            definition.endswith("NOT VALID")
            or definition.startswith("NOT NULL")
            or f"{line} NOT VALID" in case.effect.patch.minus
            or (ready and definition.startswith(("UNIQUE", "PRIMARY KEY")))
            or (columns is not None and columns["columns"].strip('"') in unread)
        )
        if is_checked and case.is_old(f"table {table}"):
            return f"{table} is locked while all its rows are checked"
    return None


def _columns_without_values(case: Case) -> Iterator[str]:
    """Yields columns that are added without a default: a foreign key on such a one has nothing to check."""
    for command in case.commands("AT_AddColumn"):
        column = getattr(command, "def").column_def
        if not _kinds(column) & _FILLING:
            yield column.colname


def _kinds(column: Any) -> set[str]:
    """Returns what a column is said to be, such as CONSTR_NOTNULL; a serial one has a default."""
    kinds = {
        one.constraint.DESCRIPTOR.fields_by_name["contype"].enum_type.values_by_number[one.constraint.contype].name
        for one in column.constraints
    }
    is_serial = column.type_name.names and column.type_name.names[-1].string.sval in _SERIAL
    return kinds | {"CONSTR_DEFAULT"} if is_serial else kinds


def required_column(case: Case) -> str | None:
    """A column that every INSERT must name from now on."""
    for command in case.commands("AT_AddColumn"):
        column = getattr(command, "def").column_def
        kinds = _kinds(column)
        table = case.named(case.node.relation)
        if kinds & {"CONSTR_NOTNULL", "CONSTR_PRIMARY"} and not kinds & _FILLING and case.is_old(f"table {table}"):
            return f"an INSERT that does not name column {column.colname} of {table} fails from then on"
    return None


def set_not_null(case: Case) -> str | None:
    """SET NOT NULL without a CHECK that spares it the reading of all rows."""
    table = case.old_table("AccessExclusiveLock")
    if table is None:
        return None
    for command in case.commands("AT_SetNotNull"):
        names = (command.name, '"' + command.name.replace('"', '""') + '"')
        checks = {f"CHECK (({name} IS NOT NULL))" for name in names}
        begins = f"constraint {table}."
        if not any(line.startswith(begins) and definition_of(line) in checks for line in case.lines):
            return f"all rows of {table} are read under lock: {command.name} may have no NULL"
    return None


def rewrite(case: Case) -> str | None:
    """A table that is rewritten."""
    told = "every row of {} is rewritten, under lock"
    if case.effect.rewrites:
        return told.format(case.effect.rewrites[0])
    full = case.statement.node == "vacuum_stmt" and any(one.def_elem.defname == "full" for one in case.node.options)
    if case.statement.node == "cluster_stmt":
        return told.format(case.named(case.node.relation))
    return (
        told.format(case.named(case.node.rels[0].vacuum_relation.relation) if case.node.rels else "all tables")
        if full
        else None
    )


def blocking_reindex(case: Case) -> str | None:
    """REINDEX and REFRESH MATERIALIZED VIEW that keep others out."""
    if case.statement.node == "reindex_stmt":
        if any(one.def_elem.defname == "concurrently" for one in case.node.params):
            return None
        what = case.named(case.node.relation) if case.node.relation.relname else case.node.name
        return f"no session can write to the table of {what} while it is built again"
    if case.statement.node == "refresh_mat_view_stmt" and not case.node.concurrent:
        name = case.named(case.node.relation)
        return f"no session can read {name} while it is filled" if case.is_old(f"materialized_view {name}") else None
    return None


def lock_table(case: Case) -> str | None:
    """LOCK TABLE, which stands in the lock queue itself."""
    if case.statement.node != "lock_stmt" or case.node.mode < _SHARE:
        return None
    names = [case.named(one.range_var) for one in case.node.relations]
    old = next((name for name in names if case.is_old(f"table {name}")), None)
    return None if old is None else f"no session can write to {old} until the migration has ended"


def whole_table(case: Case) -> str | None:
    """UPDATE or DELETE of all rows in one transaction, and TRUNCATE."""
    node = case.statement.node
    if node == "truncate_stmt":
        names = [case.named(one.range_var) for one in case.node.relations]
        old = next((name for name in names if case.is_old(f"table {name}")), None)
        return None if old is None else f"all rows of {old} are removed, and no session can read it meanwhile"
    if node not in ("update_stmt", "delete_stmt") or case.migration.header.in_batches:
        return None
    others = case.node.from_clause if node == "update_stmt" else case.node.using_clause
    name = case.named(case.node.relation)
    if case.node.HasField("where_clause") or others or not case.is_old(f"table {name}"):
        return None
    return f"every row of {name} is {'changed' if node == 'update_stmt' else 'deleted'} in one transaction"


def unlogged(case: Case) -> str | None:
    """SET UNLOGGED."""
    if not any(case.commands("AT_SetUnLogged")):
        return None
    table = case.named(case.node.relation)
    return (
        f"{table} is empty after a crash of the server, and on its standbys" if case.is_old(f"table {table}") else None
    )


def rename(case: Case) -> str | None:
    """Another name for what the running application calls by the old one."""
    if (
        case.statement.node not in ("rename_stmt", "alter_object_schema_stmt")
        or case.migration.header.phase == "contract"
    ):
        return None
    gone = _gone(case)
    return f"{gone[0]} gets another name, in phase {case.migration.header.phase}" if gone else None


def removal(case: Case) -> str | None:
    """A table, column, view or sequence that the running application may still use."""
    if case.statement.node in ("rename_stmt", "alter_object_schema_stmt") or case.migration.header.phase == "contract":
        return None
    gone = _gone(case)
    return f"{gone[0]} is dropped, with what it holds, in phase {case.migration.header.phase}" if gone else None


def _gone(case: Case) -> list[str]:
    """Returns what may be in use and is there no longer under its name, a table before its columns."""
    kept = {key_of(line) for line in case.effect.patch.plus}
    found = {key for key in map(key_of, case.effect.patch.minus) if key.startswith(_HOLDING) and key not in kept}
    return sorted(filter(case.is_old, found), key=lambda key: (key.startswith("column "), key))


def mixed(case: Case) -> str | None:
    """Rows that are changed where that may be twice, or while others wait."""
    migration = case.migration
    if case.statement.node not in _DATA or migration.effect is None or not migration.effect.patch:
        return None
    if not all(one.in_transaction for one in migration.statements):
        return "rows are changed in a migration that changes structure: a resumed run would change them twice"
    return f"rows are changed while an earlier statement keeps {case.held} locked" if case.held else None
