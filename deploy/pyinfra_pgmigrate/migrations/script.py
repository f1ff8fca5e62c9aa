"""The statements of a file, and which of them cannot be part of a migration. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..errors import Kind, PgMigrateError
from ..sqltext.grammar import SqlSyntaxError
from ..sqltext.parser import (
    Statement,
    begins_transaction,
    checksum_of,
    commits_transaction,
    forgets_prepared,
    is_local_setting,
    is_reset,
    is_transaction_mode,
    name_of_setting,
    reads_standard_input,
    server_wide_operation,
    split,
    taken_from_session,
    transaction_modes,
)

# What BEGIN may say of its transaction and nobody will notice.
_HARMLESS_MODES = frozenset({"transaction_isolation", "transaction_deferrable"})


_READ_WRITE = ("transaction_read_only", "0")


# What to do about errors that come from running in one transaction, by SQLSTATE.
_CURES = {
    "55P04": "Split it into two migrations (pgmigrate new NAME): PostgreSQL lets a new enum value be used only after "
    "the transaction that adds it.",
    "2D000": "Leave COMMIT out: a migration's statements run in one transaction. For many rows write one statement and "
    "the header -- batch: keyset.",
    "55006": "Write SET CONSTRAINTS ALL IMMEDIATE; before it: a table cannot be changed while deferred constraints "
    "have still to check its rows.",
    "25001": "Name the partitions one by one, or use CONCURRENTLY: a migration's statements run in one transaction.",
}
_NO_SUCH_OBJECT = "42704"
# PostgreSQL 15 has another code than 18 for an extension that is not installed.
_NO_SUCH_EXTENSION = ("0A000", "58P01")

# Since August 2025 pg_dump puts its text between these, with a random word.
RESTRICT = re.compile(r"^\\(?:un)?restrict [A-Za-z0-9]+[ \t]*$", re.MULTILINE)


# SET LOCAL says the same, for the transaction.
_SESSION_SET = re.compile(r"SET\s+(?:SESSION\s+(?!AUTHORIZATION|CHARACTERISTICS))?", re.IGNORECASE)


_SEMICOLON = re.compile(r"\s*;")


@dataclass(frozen=True)
class Script:
    """The statements of a migration's file.

    + checksum: SHA-256 of all its statements; comments, white space, and BEGIN and COMMIT around them do not count
    + is_block: it began with BEGIN and ended with COMMIT
    """

    statements: tuple[Statement, ...]
    checksum: str
    transaction_mode: str = ""
    is_block: bool = False


def wrong_sql(source: str, line: int, message: str, *, detail: str, hint: str) -> PgMigrateError:
    """Returns the refusal of a statement at a line of a file."""
    return PgMigrateError(Kind.FILE, f"cannot use {source}, line {line}: {message}", detail=detail, hint=hint)


def syntax_refusal(text: str, source: str, error: SqlSyntaxError) -> PgMigrateError:
    """Returns the refusal of a text that PostgreSQL's grammar does not take."""
    line = text.splitlines()[error.line - 1].strip() if text.splitlines() else ""
    if error.message.endswith('at or near "\\"'):
        return wrong_sql(
            source,
            error.line,
            "backslash commands of psql are not allowed",
            detail=f'Found "{line[:80]}"; expected SQL alone, for the server.',
            hint="Write the change as SQL; settings and transactions are the runner's.",
        )
    return wrong_sql(
        source,
        error.line,
        error.message,
        detail=f'Found "{line[:80]}"; expected SQL that PostgreSQL\'s grammar accepts.',
        hint="Correct the statement and record its effect again: pgmigrate record.",
    )


def _check_statement(source: str, statement: Statement) -> None:
    operation = server_wide_operation(statement)
    if operation:
        raise server_wide(source, statement, f'"{statement.words}"', operation)
    if "track_counts" in statement.text.casefold():
        raise wrong_sql(
            source,
            statement.line,
            "track_counts is not to be changed",
            detail=f'Found track_counts in "{statement.words}"; expected it left alone: what a statement wrote to the '
            "system catalogs is found by what the server counts.",
            hint="Leave it out.",
        )
    match statement.node:
        case "transaction_stmt":
            raise wrong_sql(
                source,
                statement.line,
                f"{statement.words.split()[0].upper()} is not allowed here",
                detail=f'Found "{statement.words}"; expected no transaction control: the runner owns the transaction.',
                hint="Remove it: consecutive statements run in one transaction. What must be committed before the rest "
                "is a migration of its own. BEGIN as a migration's first and COMMIT as its last statement may stay.",
            )
        case "copy_stmt" if reads_standard_input(statement):
            raise wrong_sql(
                source,
                statement.line,
                "COPY from or to the client is not allowed",
                detail=f'Found "{statement.words}"; expected a statement that needs no client data.',
                hint="Use INSERT ... VALUES, or a file on the server.",
            )
        case "deallocate_stmt" if forgets_prepared(statement):
            raise _session_wide(source, statement, "Name the statement: DEALLOCATE name;")
        case "discard_stmt":
            raise _session_wide(source, statement, "Remove it: each migration begins with the runner's settings.")
        case "variable_set_stmt":
            _check_setting(source, statement)


def _check_setting(source: str, statement: Statement) -> None:
    if is_transaction_mode(statement):
        raise wrong_sql(
            source,
            statement.line,
            "SET TRANSACTION is not allowed here",
            detail=f'Found "{statement.words}"; expected it as the first statement, naming an isolation level.',
            hint="Make it the first statement of the file.",
        )
    if is_reset(statement):
        raise _session_wide(source, statement, "Remove it: each migration begins with the runner's settings.")
    if not is_local_setting(statement):
        local = _SESSION_SET.sub("SET LOCAL ", statement.words, count=1)
        raise _session_wide(source, statement, f"Write: {local};")


def with_local_settings(text: str, source: str) -> tuple[str, tuple[str, ...]]:
    """Returns a text in which settings of the session are those of the transaction, and what was changed.

    A text with statements outside a transaction stays as it is: there the setting would end before them.
    Raises PgMigrateError (file) for a text that is no SQL.
    """
    statements = split_statements(text, source)
    wide = [
        one
        for one in statements
        if one.node == "variable_set_stmt" and not (is_local_setting(one) or is_reset(one) or is_transaction_mode(one))
    ]
    if not all(one.in_transaction for one in statements):
        return text, ()
    for one in wide:
        place = _place_of(one, text)
        text = text[:place] + _SESSION_SET.sub("SET LOCAL ", one.text, count=1) + text[place + len(one.text) :]
    return text, tuple(one.words for one in wide)


def _place_of(statement: Statement, text: str) -> int:
    # Its line is counted by what ends one for PostgreSQL; others end one for Python, too.
    return text.index(statement.text, sum(len(line) + 1 for line in text.split("\n")[: statement.line - 1]))


def without_transactions(text: str, source: str) -> tuple[str, int]:
    """Returns a text without the transactions that it begins and commits within, and how many these are.

    One around all of it stays, and so does what says more of its transaction, or is no pair.
    Raises PgMigrateError (file) for a text that is no SQL.
    """
    statements = split_statements(text, source)
    control = [one for one in statements if one.node == "transaction_stmt"]
    pairs = list(zip(control[::2], control[1::2], strict=False))
    are_pairs = len(control) % 2 == 0 and all(
        begins_transaction(one) and not transaction_modes(one) and commits_transaction(other) for one, other in pairs
    )
    if not are_pairs or (len(pairs) == 1 and control == [statements[0], statements[-1]]):
        return text, 0
    for one in reversed(control):
        place = _place_of(one, text)
        end = _SEMICOLON.match(text, place + len(one.text))
        text = text[:place] + text[end.end() if end is not None else place + len(one.text) :]
    return text, len(pairs)


def _check_taken(source: str, statement: Statement, set_here: set[str]) -> None:
    """Raises PgMigrateError for what would be kept of a session's settings, which are not those of another's.

    + set_here: settings that earlier statements of the file set; this one's is added
    """
    name = taken_from_session(statement)
    if statement.node == "variable_set_stmt":
        # SET x FROM CURRENT keeps what the session has, for no longer than it has it.
        name = ""
        set_here.add(name_of_setting(statement))
    if name and name not in set_here:
        raise wrong_sql(
            source,
            statement.line,
            f"{name} FROM CURRENT depends on who runs it",
            detail=f'Found "{statement.words}"; expected a value: sessions of this tool have settings of their own.',
            hint=f"Name the value, such as SET {name} = ..., or set it before in this file: SET LOCAL {name} = ...;",
        )


def _session_wide(source: str, statement: Statement, hint: str) -> PgMigrateError:
    return wrong_sql(
        source,
        statement.line,
        "settings of the whole session are the runner's",
        detail=f'Found "{statement.words}"; expected SET LOCAL, which ends with the transaction.',
        hint=hint,
    )


def server_wide(source: str, statement: Statement, found: str, operation: str) -> PgMigrateError:
    """Returns the refusal of a statement that acts on the whole server.

    + found: what shows it
    + operation: of pyinfra, that does it
    """
    return wrong_sql(
        source,
        statement.line,
        "what belongs to the whole server is no part of a migration",
        detail=f"Found {found}; expected changes inside one database: a rehearsal, on a copy, would make any other "
        "for real.",
        hint=f"Remove it from the file and let pyinfra do it, before the migrations run: {operation}(...) from "
        "pyinfra.operations.",
    )


def read_statements(text: str, source: str) -> tuple[Statement, ...]:
    """Returns the statements of a file that the runner may run.

    Raises PgMigrateError (file) for the first that it may not, naming file and line.
    """
    found = split_statements(text, source)
    for statement in found:
        _check_statement(source, statement)
    return found


def read_script(text: str, source: str) -> Script:
    """Returns the statements of a migration's file that the runner may run.

    A BEGIN as first and a COMMIT as last statement are as if they were not there; an isolation level that the file
    begins with becomes that of its first step.
    Raises PgMigrateError (file) for the first statement that may not run, naming file and line.
    """
    found = split_statements(text, source)
    is_block = len(found) > 1 and begins_transaction(found[0]) and commits_transaction(found[-1])
    mode = _isolation(source, found[0]) if is_block else ""
    if is_block:
        found = found[1:-1]
    if found and is_transaction_mode(found[0]):
        mode = _isolation(source, found[0]) or mode
        found = found[1:]
    statements = tuple(replace(statement, number=number) for number, statement in enumerate(found, start=1))
    set_here: set[str] = set()
    for statement in statements:
        _check_statement(source, statement)
        _check_taken(source, statement, set_here)
        if is_block and not statement.in_transaction:
            raise wrong_sql(
                source,
                statement.line,
                "PostgreSQL does not run it in a transaction",
                detail=f'Found "{statement.words}" between BEGIN and COMMIT; expected it outside.',
                hint="Remove BEGIN and COMMIT: the runner gives such a statement a step of its own.",
            )
    return Script(statements, _script_checksum(text, statements, mode, is_block=is_block), mode, is_block)


def split_statements(text: str, source: str) -> tuple[Statement, ...]:
    """Returns the statements of a text. Raises PgMigrateError (file) with the line that the grammar does not take."""
    try:
        return tuple(split(text))
    except SqlSyntaxError as error:
        raise syntax_refusal(text, source, error) from error


def _isolation(source: str, statement: Statement) -> str:
    modes = transaction_modes(statement)
    refused = [name for name in modes if name not in _HARMLESS_MODES and (name, modes[name]) != _READ_WRITE]
    if refused:
        raise wrong_sql(
            source,
            statement.line,
            "a migration's transaction is not to be of this kind",
            detail=f'Found "{statement.words}"; expected an isolation level alone: the registry is written in the same '
            "transaction.",
            hint="Remove what stands beside the isolation level.",
        )
    level = modes.get("transaction_isolation", "")
    return f"ISOLATION LEVEL {level}" if level else ""


def _script_checksum(text: str, statements: Sequence[Statement], mode: str, *, is_block: bool) -> str:
    if not is_block:
        return checksum_of(text)
    opening = [f"SET TRANSACTION {mode}"] if mode else []
    return checksum_of("".join(f"{one};\n" for one in [*opening, *(statement.text for statement in statements)]))


def failed(
    source: str, statement: Statement, sqlstate: str, message: str, *, step: Sequence[Statement] = ()
) -> PgMigrateError:
    """Returns the refusal of a file that does not run.

    + step: given where all its statements ran and the end of their transaction failed
    """
    found = f"statement {statement.number} ({statement.words})"
    if step:
        found = f"the end of the transaction of statements {step[0].number} to {step[-1].number}"
    hint = _CURES.get(sqlstate, "Correct the statement, or the baseline that it builds on, then run: pgmigrate record")
    if sqlstate == _NO_SUCH_OBJECT and message.startswith("role "):
        hint = (
            "Record on a server that has the role: pgmigrate record --server CONNINFO; or, for the embedded one, "
            "write CREATE ROLE into baseline.sql."
        )
    if sqlstate in _NO_SUCH_EXTENSION and statement.node == "create_extension_stmt":
        hint = (
            "Record on a server that has the extension: pgmigrate record --docker IMAGE, with an image of PostgreSQL "
            "and the extension; or: pgmigrate record --server CONNINFO"
        )
    return PgMigrateError(
        Kind.FILE,
        f"could not record {source}, line {statement.line}: {message}",
        detail=f"Found SQLSTATE {sqlstate or '(none)'} at {found}; expected it to run on the scratch database.",
        hint=hint,
    )


def another_day(source: str, statement: Statement, key: str, day: str) -> PgMigrateError:
    """Returns the refusal of a statement that does something else on another day."""
    return PgMigrateError(
        Kind.FILE,
        f"could not record {source}, line {statement.line}: what it does depends on the day",
        detail=f"Found the date {day} in {key}; expected what the statement says, the same on each day.",
        hint="In a definition write now() or CURRENT_DATE, which are asked whenever it is used, instead of 'now' or "
        "'today', which become a constant; what is named after a date, name it in the statement, if only in a comment.",
    )


def endless(name: str, statement: Statement) -> PgMigrateError:
    """Returns the refusal of a statement that ends at the same key again and again."""
    return PgMigrateError(
        Kind.FILE,
        f"cannot run {name}.sql, line {statement.line}, in batches: they have no end",
        detail="Found the same last_key twice; expected a later one each time.",
        hint="Take only rows after current_setting('pgmigrate.batch_after', true), and return the last of them.",
    )


def unfit_verify(name: str, message: str, columns: Sequence[str] = (), problems: int = 0) -> PgMigrateError:
    """Returns the refusal of a verify query that does not run on the scratch database, or does not hold there.

    + message: of the server; empty where it ran
    """
    if message:
        return PgMigrateError(
            Kind.FILE,
            f"could not run {name}.verify.sql: {message}",
            detail="Found an error on the scratch database; expected a query that only reads.",
            hint=f"Correct the query, then run: pgmigrate record {name}",
        )
    return PgMigrateError(
        Kind.FILE,
        f"cannot use {name}.verify.sql",
        detail=f"Found the columns {', '.join(columns)} and {problems} rows on the scratch database; "
        "expected the columns object, problem and no row, right after the migration.",
        hint="Name the columns object and problem, and return one row a problem.",
    )
