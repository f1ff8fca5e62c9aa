"""SQL text read by PostgreSQL's own grammar: statements, their checksums, what kind each is."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from sys import intern
from typing import Any, TypeVar

from .grammar import SqlSyntaxError, code, name_of_code, parse, tokens_of, walk

_Read = TypeVar("_Read")

# Parts of a SELECT that make it more than a reader, with the words for people.
_WRITING = {
    "InsertStmt": "INSERT",
    "UpdateStmt": "UPDATE",
    "DeleteStmt": "DELETE",
    "MergeStmt": "MERGE",
    "IntoClause": "INTO",
    "LockingClause": "FOR UPDATE or FOR SHARE",
}

# Statements that act on the whole server, with pyinfra's operation that does the same: a rehearsal on a copy
# would do it for real. DROP OWNED and REASSIGN OWNED reach databases and tablespaces, too.
_SERVER_WIDE = {
    "create_role_stmt": "postgres.role",
    "alter_role_stmt": "postgres.role",
    "alter_role_set_stmt": "postgres.sql",
    "drop_role_stmt": "postgres.role",
    "grant_role_stmt": "postgres.sql",
    "createdb_stmt": "postgres.database",
    "alter_database_stmt": "postgres.sql",
    "alter_database_set_stmt": "postgres.sql",
    "alter_database_refresh_coll_stmt": "postgres.sql",
    "dropdb_stmt": "postgres.database",
    "create_table_space_stmt": "postgres.sql",
    "alter_table_space_options_stmt": "postgres.sql",
    "drop_table_space_stmt": "postgres.sql",
    "alter_system_stmt": "postgres.sql",
    "create_subscription_stmt": "postgres.sql",
    "alter_subscription_stmt": "postgres.sql",
    "drop_subscription_stmt": "postgres.sql",
    "drop_owned_stmt": "postgres.sql",
    "reassign_owned_stmt": "postgres.sql",
}

# The field in which a statement says on which kind of object it acts.
_KIND_FIELDS = {
    "alter_owner_stmt": "object_type",
    "rename_stmt": "rename_type",
    "comment_stmt": "objtype",
    "sec_label_stmt": "objtype",
    "grant_stmt": "objtype",
}

# Kinds of objects that belong to the whole server.
SERVER_KINDS = frozenset(
    {"OBJECT_ROLE", "OBJECT_DATABASE", "OBJECT_TABLESPACE", "OBJECT_PARAMETER_ACL", "OBJECT_SUBSCRIPTION"}
)


# Nodes of statements that say something again when they run twice, and do nothing else.
IDEMPOTENT = frozenset({
    "comment_stmt", "grant_stmt", "alter_owner_stmt", "alter_default_privileges_stmt", "refresh_mat_view_stmt",
    "vacuum_stmt", "reindex_stmt", "cluster_stmt",
})  # fmt: skip
# Nodes of statements that last no longer than their transaction.
PASSING = frozenset({"variable_set_stmt", "variable_show_stmt", "lock_stmt", "constraints_set_stmt"})
# Nodes of statements on structure alone: where they leave no line and rewrite nothing, they found what they want.
STRUCTURAL = frozenset({
    "drop_stmt", "create_stmt", "index_stmt", "alter_table_stmt", "create_schema_stmt", "create_extension_stmt",
    "create_seq_stmt", "view_stmt", "create_function_stmt", "alter_enum_stmt", "create_trig_stmt", "rename_stmt",
    "create_domain_stmt", "create_enum_stmt", "create_policy_stmt", "alter_policy_stmt", "alter_function_stmt",
})  # fmt: skip

# Nodes of statements that write rows.
WRITES_ROWS = frozenset({"insert_stmt", "update_stmt", "delete_stmt", "merge_stmt"})

# Characters of a text that are read at once: its tree takes some thirty times as much (measured).
_PIECE = 500_000

# Characters of a statement that are told of it.
_MOST_OF_WORDS = 96


@dataclass(frozen=True, slots=True)
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


def checksum_of(sql: str) -> str:
    """Returns the SHA-256, in hexadecimal, of a text's tokens: comments and white space do not count."""
    digest, between = hashlib.sha256(), b""
    for piece, tokens in _pieces(sql, tokens_of):
        data = piece.encode()
        for start, end in tokens:
            digest.update(between + data[start:end])
            between = b" "
    return digest.hexdigest()


def split(sql: str) -> list[Statement]:
    """Returns the statements of a text in order.

    Raises SqlSyntaxError for what the grammar does not know, backslash commands of psql among it.
    """
    found: list[Statement] = []
    line = 1
    for piece, tree in _pieces(sql, parse):
        found += _statements(piece, tree, len(found), line)
        line += piece.count("\n")
    return found


def _pieces(sql: str, read: Callable[[str], _Read]) -> Iterator[tuple[str, _Read]]:
    """Yields a text in pieces of whole statements, each as it was read, so that a long text is not read all at once.

    A piece ends behind a semicolon at the end of a line. Where that is within quotes, parentheses or the body of a
    function, it cannot be read, and goes on to a later one.
    """
    start, size = 0, _PIECE
    while (end := sql.find(";\n", start + size) + 2) > 1:
        try:
            found = read(piece := sql[start:end])
        except SqlSyntaxError:
            size *= 2
            continue
        yield piece, found
        start, size = end, _PIECE
    rest = sql[start:]
    try:
        found = read(rest)
    except SqlSyntaxError as error:
        raise SqlSyntaxError(error.message, error.line + sql.count("\n", 0, start)) from error
    yield rest, found


def _statements(sql: str, tree: Any, before: int, line: int) -> Iterator[Statement]:
    """Yields the statements of a piece of a text.

    + before: statements before it; line: on which it begins
    """
    data = sql.encode()
    tokens = tokens_of(sql)
    starts = [start for start, _ in tokens]
    counted = 0
    for number, raw in enumerate(tree.stmts, start=before + 1):
        start = raw.stmt_location
        end = start + raw.stmt_len if raw.stmt_len else len(data)
        inside = tokens[bisect_left(starts, start) : bisect_left(starts, end)]
        first = inside[0][0]
        if data[slice(*inside[-1])] == b";":
            inside.pop()
        line, counted = line + data.count(b"\n", counted, first), first
        node = raw.stmt.WhichOneof("node")
        yield Statement(
            number=number,
            text=data[first : inside[-1][1]].decode(),
            line=line,
            checksum=_checksum(data, inside),
            words=_first_words(data, inside),
            node=intern(node),
            in_transaction=_may_run_in_transaction(node, getattr(raw.stmt, node)),
        )


def _checksum(data: bytes, tokens: Iterable[tuple[int, int]]) -> str:
    return hashlib.sha256(b" ".join(data[start:end] for start, end in tokens)).hexdigest()


def is_query(sql: str) -> bool:
    """Tells whether a text is exactly one SELECT."""
    found = parse(sql).stmts
    return len(found) == 1 and found[0].stmt.WhichOneof("node") == "select_stmt"


def writing_words(sql: str) -> str:
    """Returns by which words a query writes or locks rows, such as INSERT or FOR UPDATE; empty where it only reads.

    What a function does cannot be seen in the text.

    >>> writing_words("WITH gone AS (DELETE FROM t RETURNING id) SELECT count(*) FROM gone")
    'DELETE'
    >>> writing_words("SELECT 1")
    ''
    """
    for statement in parse(sql).stmts:
        for node in walk(statement.stmt):
            if node.DESCRIPTOR.name in _WRITING:
                return _WRITING[node.DESCRIPTOR.name]
    return ""


def server_wide_operation(statement: Statement) -> str:
    """Returns pyinfra's operation for what a statement does to the whole server; empty where it stays in its database.

    >>> server_wide_operation(split("CREATE ROLE reader")[0])
    'postgres.role'
    >>> server_wide_operation(split("COMMENT ON TABLE t IS 'mine'")[0])
    ''
    """
    node = node_of(statement)
    kind = getattr(node, _KIND_FIELDS[statement.node]) if statement.node in _KIND_FIELDS else None
    if kind is not None and name_of_code("ObjectType", kind) in SERVER_KINDS:
        return "postgres.sql"
    if statement.node == "create_subscription_stmt" and not _connects(node):
        return ""
    return _SERVER_WIDE.get(statement.node, "")


def begins_transaction(statement: Statement) -> bool:
    """Tells whether a statement is BEGIN or START TRANSACTION."""
    beginnings = (code("TransactionStmtKind", "TRANS_STMT_BEGIN"), code("TransactionStmtKind", "TRANS_STMT_START"))
    return statement.node == "transaction_stmt" and node_of(statement).kind in beginnings


def commits_transaction(statement: Statement) -> bool:
    """Tells whether a statement is COMMIT or END, and begins no other transaction."""
    if statement.node != "transaction_stmt":
        return False
    node = node_of(statement)
    return node.kind == code("TransactionStmtKind", "TRANS_STMT_COMMIT") and not node.chain


def is_transaction_mode(statement: Statement) -> bool:
    """Tells whether a statement is SET TRANSACTION, which PostgreSQL takes at the beginning of a transaction alone."""
    return statement.node == "variable_set_stmt" and node_of(statement).name.startswith("TRANSACTION")


def transaction_modes(statement: Statement) -> dict[str, str]:
    """Returns what a BEGIN or SET TRANSACTION says of its transaction, by the name of the setting.

    >>> transaction_modes(split("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY")[0])
    {'transaction_isolation': 'SERIALIZABLE', 'transaction_read_only': '1'}
    >>> transaction_modes(split("BEGIN")[0])
    {}
    """
    node = node_of(statement)
    if statement.node == "variable_set_stmt" and node.name != "TRANSACTION":
        return {node.name.lower(): ""}
    given = node.args if statement.node == "variable_set_stmt" else node.options
    return {item.def_elem.defname: _mode_value(item.def_elem.arg.a_const) for item in given}


def is_reset(statement: Statement) -> bool:
    """Tells whether a statement sets settings back: RESET or DISCARD."""
    return statement.words.split(" ", 1)[0].upper() in ("RESET", "DISCARD")


def forgets_prepared(statement: Statement) -> bool:
    """Tells whether a statement is DEALLOCATE ALL, which takes away what the runner has prepared."""
    return statement.node == "deallocate_stmt" and node_of(statement).isall


def is_local_setting(statement: Statement) -> bool:
    """Tells whether a SET ends with the transaction; others would reach the statements after it."""
    return bool(node_of(statement).is_local)


def name_of_setting(statement: Statement) -> str:
    """Returns the name of the setting that a SET is about, in lower case."""
    return str(node_of(statement).name).lower()


def taken_from_session(statement: Statement) -> str:
    """Returns the name of a setting whose value a statement keeps as its session has it; empty where it does not.

    >>> taken_from_session(next(iter(split("ALTER FUNCTION f() SET Search_Path FROM CURRENT"))))
    'search_path'
    >>> taken_from_session(next(iter(split("SET LOCAL work_mem FROM CURRENT"))))
    'work_mem'
    >>> taken_from_session(next(iter(split("UPDATE set SET current = b FROM current"))))
    ''
    """
    if "current" not in statement.text.casefold():
        return ""
    text = statement.text.encode()
    words = [text[start:end].decode().lower() for start, end in tokens_of(statement.text)]
    for place in range(len(words) - 1):
        if words[place : place + 2] != ["from", "current"] or "set" not in words[:place]:
            continue
        name = words[place - words[:place][::-1].index("set") : place]
        # SET LOCAL ... FROM CURRENT says how long it lasts before the name.
        name = name[1:] if len(name) > 1 and name[0] in ("local", "session") else name
        if name and all(word == "." or word.strip('"').replace("_", "").isalnum() for word in name):
            return "".join(word.strip('"') for word in name)
    return ""


def reads_standard_input(statement: Statement) -> bool:
    """Tells whether a COPY reads from or writes to the client, which no file of ours can serve."""
    return not node_of(statement).filename


def node_of(statement: Statement) -> Any:
    """Returns the parse tree of a statement."""
    return getattr(parse(statement.text).stmts[0].stmt, statement.node)


def _mode_value(constant: Any) -> str:
    return str(constant.sval.sval).upper() or str(constant.ival.ival)


def _connects(subscription: Any) -> bool:
    """Tells whether CREATE SUBSCRIPTION reaches the other server: it makes a slot there unless told not to connect."""
    said = [item.def_elem for item in subscription.options if item.def_elem.defname == "connect"]
    if not said or not said[0].HasField("arg"):
        return True
    return (said[0].arg.string.sval or str(said[0].arg.integer.ival)).lower() not in ("false", "off", "0")


def _first_words(data: bytes, tokens: Iterable[tuple[int, int]]) -> str:
    words = ""
    last = 0
    for start, end in tokens:
        words += (" " if start > last else "") + data[start:end].decode()
        last = end
        if len(words) > _MOST_OF_WORDS:
            words = " ".join(words.split())
            if len(words) > _MOST_OF_WORDS:
                return words[:_MOST_OF_WORDS].rsplit(" ", 1)[0] + " ..."
    return " ".join(words.split())


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
        case "alter_system_stmt" | "drop_subscription_stmt":
            return False
        case "create_subscription_stmt":
            return not _connects(statement)
        case "cluster_stmt":
            return bool(statement.relation.relname)
    return True
