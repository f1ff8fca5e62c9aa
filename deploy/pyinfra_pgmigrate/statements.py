"""SQL text read by PostgreSQL's own grammar: statements, their checksums, what kind each is.

Source: libpg_query through postgast, the grammar of PostgreSQL 18.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import postgast
from postgast.errors import PgQueryError
from postgast.pg_query_pb2 import ConstrType, Token

# Parts of a SELECT that make it more than a reader, with the words for people.
_WRITING = {
    "InsertStmt": "INSERT",
    "UpdateStmt": "UPDATE",
    "DeleteStmt": "DELETE",
    "MergeStmt": "MERGE",
    "IntoClause": "INTO",
    "LockingClause": "FOR UPDATE or FOR SHARE",
}

_COMMENTS = frozenset({Token.Value("SQL_COMMENT"), Token.Value("C_COMMENT")})


class SqlSyntaxError(Exception):
    """The grammar does not accept the text; ``line`` is where, counted from 1."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


@dataclass(frozen=True)
class Statement:
    """One statement of a file.

    + number: its place in the file, counted from 1
    + text: the statement itself, without the comments before it and without a semicolon
    + line: the line of the file on which it begins, counted from 1
    + checksum: SHA-256 of its tokens, so that comments and white space do not count
    + words: its tokens in one line, cut after some 96 characters, for people
    + node: the name of its node in the grammar, such as ``index_stmt``
    + in_transaction: whether it may run inside a transaction block
    """

    number: int
    text: str
    line: int
    checksum: str
    words: str
    node: str
    in_transaction: bool


@dataclass(frozen=True)
class UniqueRule:
    """A unique rule as an upsert names it: by table and columns, or by constraint."""

    table: str
    columns: frozenset[str]
    constraint: str | None = None


def tokens_of(sql: str) -> list[tuple[int, int]]:
    """Returns start and end of each token in bytes of the UTF-8 text, comments left out.

    Raises SqlSyntaxError where the text has no end, such as an open quote.
    """
    try:
        found = postgast.scan(sql)
    except PgQueryError as error:
        raise _syntax_error(sql, error) from error
    return [(token.start, token.end) for token in found.tokens if token.token not in _COMMENTS]


def checksum_of(sql: str) -> str:
    """Returns the SHA-256, in hexadecimal, of a text's tokens: comments and white space do not count."""
    return hashlib.sha256(_joined_tokens(sql).encode()).hexdigest()


def split(sql: str) -> list[Statement]:
    """Returns the statements of a text in order.

    Raises SqlSyntaxError for what the grammar does not know, backslash commands of psql among it.
    """
    data = sql.encode()
    tokens = tokens_of(sql)
    found: list[Statement] = []
    for raw in _parse(sql).stmts:
        start = raw.stmt_location
        end = start + raw.stmt_len if raw.stmt_len else len(data)
        inside = [token for token in tokens if start <= token[0] and token[1] <= end]
        text = data[inside[0][0] : inside[-1][1]].decode().removesuffix(";")
        node = raw.stmt.WhichOneof("node")
        found.append(
            Statement(
                number=len(found) + 1,
                text=text,
                line=data[: inside[0][0]].count(b"\n") + 1,
                checksum=checksum_of(text),
                words=_first_words(text),
                node=node,
                in_transaction=_may_run_in_transaction(node, getattr(raw.stmt, node)),
            )
        )
    return found


def is_query(sql: str) -> bool:
    """Tells whether a text is exactly one SELECT."""
    found = _parse(sql).stmts
    return len(found) == 1 and found[0].stmt.WhichOneof("node") == "select_stmt"


def writing_words(sql: str) -> str:
    """Returns by which words a query writes or locks rows, such as INSERT or FOR UPDATE; empty where it only reads.

    What a function does cannot be seen in the text.

    >>> writing_words("WITH gone AS (DELETE FROM t RETURNING id) SELECT count(*) FROM gone")
    'DELETE'
    >>> writing_words("SELECT 1")
    ''
    """
    for statement in _parse(sql).stmts:
        for _, node in postgast.walk(statement.stmt):
            if node.DESCRIPTOR.name in _WRITING:
                return _WRITING[node.DESCRIPTOR.name]
    return ""


def is_local_setting(statement: Statement) -> bool:
    """Tells whether a SET ends with the transaction; others would reach the statements after it."""
    return bool(_parse(statement.text).stmts[0].stmt.variable_set_stmt.is_local)


def reads_standard_input(statement: Statement) -> bool:
    """Tells whether a COPY reads from or writes to the client, which no file of ours can serve."""
    copy = _parse(statement.text).stmts[0].stmt.copy_stmt
    return not copy.filename


def unique_rule_of_index(definition: str) -> UniqueRule | None:
    """Returns the rule of ``CREATE UNIQUE INDEX ...`` over plain columns; None of any other text."""
    index = _parse(definition).stmts[0].stmt.index_stmt
    columns = [item.index_elem.name for item in index.index_params]
    if not index.unique or not all(columns):
        return None
    return UniqueRule(index.relation.relname, frozenset(columns), index.idxname)


def table_of_index(definition: str) -> str:
    """Returns the table of ``CREATE INDEX ...``, as SQL writes it.

    >>> table_of_index('CREATE INDEX i ON ONLY s."Order Notes" USING btree (a)')
    '"s"."Order Notes"'
    """
    relation = _parse(definition.removesuffix(" INVALID")).stmts[0].stmt.index_stmt.relation
    return ".".join('"' + part.replace('"', '""') + '"' for part in (relation.schemaname, relation.relname) if part)


def unique_rule_of_constraint(table: str, name: str, definition: str) -> UniqueRule | None:
    """Returns the rule of a constraint as the catalog prints it; None where it is not UNIQUE.

    + table, name: as SQL would write them, quoted where needed
    + definition: such as ``UNIQUE (project_id, name)``
    """
    altered = _parse(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}").stmts[0].stmt.alter_table_stmt
    constraint = getattr(altered.cmds[0].alter_table_cmd, "def").constraint
    if constraint.contype not in (ConstrType.Value("CONSTR_UNIQUE"), ConstrType.Value("CONSTR_PRIMARY")):
        return None
    columns = frozenset(key.string.sval for key in constraint.keys)
    return UniqueRule(altered.relation.relname, columns, constraint.conname)


def upserts(sql: str) -> Iterator[UniqueRule]:
    """Yields the unique rule that each INSERT ... ON CONFLICT of a statement names.

    Raises SqlSyntaxError where the grammar does not accept the text.
    """
    for statement in _parse(sql).stmts:
        for _, node in postgast.walk(statement.stmt):
            if node.DESCRIPTOR.name != "InsertStmt" or not node.HasField("on_conflict_clause"):
                continue
            insert: Any = node
            infer = insert.on_conflict_clause.infer
            columns = frozenset(item.index_elem.name for item in infer.index_elems)
            if columns or infer.conname:
                yield UniqueRule(insert.relation.relname, columns, infer.conname or None)


def _parse(sql: str) -> Any:
    try:
        return postgast.parse(sql)
    except PgQueryError as error:
        raise _syntax_error(sql, error) from error


def _syntax_error(sql: str, error: PgQueryError) -> SqlSyntaxError:
    before = sql.encode()[: max(error.cursorpos - 1, 0)]
    return SqlSyntaxError(error.message, before.count(b"\n") + 1)


def _joined_tokens(sql: str) -> str:
    data = sql.encode()
    return " ".join(data[start:end].decode() for start, end in tokens_of(sql))


def _first_words(text: str) -> str:
    data = text.encode()
    words = ""
    last = 0
    for start, end in tokens_of(text):
        words += (" " if start > last else "") + data[start:end].decode()
        last = end
    words = " ".join(words.split())
    return words if len(words) <= 96 else words[:96].rsplit(" ", 1)[0] + " ..."


def _may_run_in_transaction(node: str, statement: Any) -> bool:
    """Tells it from the grammar; source: "cannot run inside a transaction block" in PostgreSQL's manual."""
    match node:
        case "index_stmt":
            return not statement.concurrent
        case "drop_stmt":
            return not statement.concurrent
        case "reindex_stmt":
            concurrently = any(item.def_elem.defname == "concurrently" for item in statement.params)
            return bool(statement.relation.relname) and not concurrently
        case "vacuum_stmt":
            return not statement.is_vacuumcmd
        case "alter_table_stmt":
            return not any(getattr(item.alter_table_cmd, "def").partition_cmd.concurrent for item in statement.cmds)
        case "createdb_stmt" | "dropdb_stmt" | "create_table_space_stmt" | "drop_table_space_stmt":
            return False
        case "alter_system_stmt" | "create_subscription_stmt" | "drop_subscription_stmt":
            return False
    return True
