"""The files of the SQL folder, read and checked; nothing here talks to a server.

Names: ``NNN_name.sql`` with ``NNN_name.effect`` and, optional, ``NNN_name.verify.sql`` beside it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby, pairwise
from os.path import lexists
from pathlib import Path

from ..errors import Kind, PgMigrateError, Refusal
from ..settings import PHASES
from ..sqltext.parser import (
    SqlSyntaxError,
    Statement,
    begins_transaction,
    checksum_of,
    commits_transaction,
    forgets_prepared,
    is_local_setting,
    is_query,
    is_reset,
    is_transaction_mode,
    reads_standard_input,
    server_wide_operation,
    split,
    transaction_modes,
)
from . import effect as effects
from .effect import Effect, StatementEffect

# What BEGIN may say of its transaction and nobody will notice.
_HARMLESS_MODES = frozenset({"transaction_isolation", "transaction_deferrable"})
_READ_WRITE = ("transaction_read_only", "0")


_BASELINE = "baseline.sql"
_FILE_NAME = re.compile(r"(?P<version>[0-9]+)_(?P<name>[a-z0-9_]+)\.sql")
_NUMBERED = re.compile(r"[0-9]")
_HEADER_LINE = re.compile(r"-- (?P<key>[a-z]+): *(?P<value>\S.*)")
_CONTINUED = re.compile(r"--     *(?P<value>\S.*)")
# Since August 2025 pg_dump puts its text between these, with a random word.
_RESTRICT = re.compile(r"^\\(?:un)?restrict [A-Za-z0-9]+[ \t]*$", re.MULTILINE)
_SESSION_SET = re.compile(r"SET (?:SESSION (?!AUTHORIZATION|CHARACTERISTICS))?", re.IGNORECASE)
_SAFE = re.compile(r"(?P<rule>[a-z-]+(?:, *[a-z-]+)*) because (?P<reason>\S.*)")

# Keys of a migration's header, with the values each may have; None: any text.
HEADER_KEYS: dict[str, tuple[str, ...] | None] = {
    "purpose": None,
    "phase": PHASES,
    "data": ("once", "converge"),
    "batch": ("keyset",),
    "repeatable": ("true", "false"),
    "removes": None,
    "safe": None,
}


@dataclass(frozen=True)
class Header:
    """What the comment lines at the top of a migration say.

    + purpose: one line for people
    + phase: one of PHASES
    + converges: run again whenever the verify query finds problems (``data: converge``)
    + in_batches: each statement is run again and again, a transaction each (``batch: keyset``)
    + repeatable: by its author's word, each of its statements may run twice (``repeatable: true``)
    + removes: patterns of catalog lines that it may take away besides those of its effect
    + accepted: rules of ``pgmigrate check`` that it breaks knowingly, with the reason
    """

    purpose: str
    phase: str
    converges: bool = False
    in_batches: bool = False
    repeatable: bool = False
    removes: tuple[str, ...] = ()
    accepted: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class Migration:
    """One numbered change: its file, its statements, its recorded effect, its verify query.

    + checksum: SHA-256 of all its statements; comments and white space do not count
    + transaction_mode: what BEGIN says in its first step, such as ``ISOLATION LEVEL SERIALIZABLE``; mostly empty
    + verify: the SELECT of its verify file, or None
    + effect: None where it is not recorded, or not current; then ``stale`` says so
    """

    version: int
    name: str
    header: Header
    statements: tuple[Statement, ...]
    checksum: str
    transaction_mode: str = ""
    verify: str | None = None
    effect: Effect | None = field(default=None, compare=False)
    stale: Refusal | None = field(default=None, compare=False)

    def effect_of(self, statement: Statement) -> StatementEffect:
        """Returns what a statement of this migration was recorded to do."""
        if self.effect is None:
            raise LookupError(f"{self.name} has no effect yet")
        return self.effect.statements[statement.number - 1]

    def steps(self, numbers: Iterable[int]) -> list[tuple[Statement, ...]]:
        """Returns the statements with these numbers by step: what runs in one transaction together.

        A statement that cannot run in a transaction is a step of its own, and so is one that is run
        in batches.
        """
        wanted = set(numbers)
        steps: list[tuple[Statement, ...]] = []
        chosen = [statement for statement in self.statements if statement.number in wanted]
        for together, group in groupby(chosen, key=lambda one: one.in_transaction and not self.header.in_batches):
            statements = tuple(group)
            steps += [statements] if together else [(statement,) for statement in statements]
        return steps

    def mode_of(self, step: Sequence[Statement]) -> str:
        """Returns what BEGIN says of the transaction in which a step runs; mostly nothing."""
        return self.transaction_mode if step and step[0].number == 1 else ""


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


def read_text(path: Path, *, kind: Kind = Kind.FILE) -> str:
    """Returns the text of a file of the SQL folder, without the mark that some editors begin UTF-8 files with.

    + kind: of the refusal
    Raises PgMigrateError where it cannot be read or is no UTF-8 text.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise PgMigrateError(
            kind,
            f'could not read "{path}": {error.strerror}',
            detail=f"Found a file that this account cannot read ({type(error).__name__}); expected a text file.",
            hint=f"Look at it, and at the folders above it: ls -ld {path}",
        ) from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise _no_text(path, kind, line, f"the byte 0x{data[error.start]:02x}", "iconv -f LATIN1 -t UTF-8") from error
    if "\0" in text:
        # To the grammar, which is written in C, the text would end there.
        line = text[: text.index("\0")].count("\n") + 1
        raise _no_text(path, kind, line, "the byte 0x00", "iconv -f UTF-16 -t UTF-8")
    # A line end in a literal or a body is part of it, as psql takes it; of an effect it is none.
    return text.replace("\r\n", "\n") if kind is Kind.EFFECT else text


def _no_text(path: Path, kind: Kind, line: int, found: str, command: str) -> PgMigrateError:
    return PgMigrateError(
        kind,
        f"could not read {path.name}, line {line}: it is no UTF-8 text",
        detail=f"Found {found}; expected UTF-8 alone.",
        hint=f"If you know its encoding, convert it: {command} {path} > {path.name}.utf8",
    )


def parse_header(text: str, *, source: str) -> dict[str, str]:
    """Returns the keys and values of the comment lines at the top of a file.

    A line ``-- key: value`` begins a value, a line ``--     more`` goes on with it; the first line
    that is not a comment ends the header.
    Raises PgMigrateError (file) for a comment of another form or a repeated key, naming file and line.
    """
    values: dict[str, str] = {}
    key = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.startswith("--"):
            break
        if (more := _CONTINUED.fullmatch(line)) and key:
            values[key] += " " + more["value"].rstrip()
            continue
        found = _HEADER_LINE.fullmatch(line)
        if found is None:
            raise wrong_header(source, number, f'Found "{line}"; expected "-- key: value".')
        key = found["key"]
        if key in values:
            raise wrong_header(source, number, f'Found the key "{key}" a second time; expected it once.')
        values[key] = found["value"].rstrip()
    return values


def read_header(path: Path, keys: Collection[str]) -> tuple[str, dict[str, str]]:
    """Returns the text of a file beside the migrations, and its header, which has a purpose.

    + keys: those that it may have
    Raises PgMigrateError (file) for another key, and without a purpose, naming the file.
    """
    text = read_text(path)
    values = parse_header(text, source=path.name)
    for key in values:
        if key not in keys:
            raise wrong_header(path.name, None, f'Found the key "{key}"; expected one of {", ".join(keys)}.')
    if "purpose" not in values:
        raise wrong_header(path.name, None, 'Found no purpose; expected "-- purpose: ..." at the top.')
    return text, values


def wrong_header(source: str, number: int | None, detail: str) -> PgMigrateError:
    """Returns the refusal of a header, with file and line."""
    place = source if number is None else f"{source}, line {number}"
    return PgMigrateError(
        Kind.FILE,
        f"could not read header of {place}",
        detail=detail,
        hint="Correct the header; docs/reference/header-keys.md lists the keys (a blank line ends it).",
    )


def _line_of_key(text: str, key: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), start=1) if line.startswith(f"-- {key}:"))


def _migration_header(text: str, *, source: str) -> Header:
    values = parse_header(text, source=source)
    for key, value in values.items():
        if key not in HEADER_KEYS:
            detail = f'Found the key "{key}"; expected one of {", ".join(HEADER_KEYS)}.'
            raise wrong_header(source, _line_of_key(text, key), detail)
        allowed = HEADER_KEYS[key]
        if allowed is not None and value not in allowed:
            detail = f'Found {key} "{value}"; expected one of {", ".join(allowed)}.'
            raise wrong_header(source, _line_of_key(text, key), detail)
    for key in ("purpose", "phase"):
        if key not in values:
            raise wrong_header(source, None, f'Found no key "{key}"; expected "-- {key}: ..." at the top.')
    accepted: tuple[str, ...] = ()
    reason = ""
    if "safe" in values:
        safe = _SAFE.fullmatch(values["safe"])
        if safe is None:
            detail = f'Found safe "{values["safe"]}"; expected "<rule> because <reason>".'
            raise wrong_header(source, _line_of_key(text, "safe"), detail)
        accepted, reason = tuple(re.split(", *", safe["rule"])), safe["reason"]
    return Header(
        purpose=values["purpose"],
        phase=values["phase"],
        converges=values.get("data") == "converge",
        in_batches="batch" in values,
        repeatable=values.get("repeatable") == "true",
        removes=tuple(values["removes"].split(" or ")) if "removes" in values else (),
        accepted=accepted,
        reason=reason,
    )


def _wrong_sql(source: str, line: int, message: str, *, detail: str, hint: str) -> PgMigrateError:
    return PgMigrateError(Kind.FILE, f"cannot use {source}, line {line}: {message}", detail=detail, hint=hint)


def _syntax_refusal(text: str, source: str, error: SqlSyntaxError) -> PgMigrateError:
    line = text.splitlines()[error.line - 1].strip() if text.splitlines() else ""
    if error.message.endswith('at or near "\\"'):
        return _wrong_sql(
            source,
            error.line,
            "backslash commands of psql are not allowed",
            detail=f'Found "{line[:80]}"; expected SQL alone, for the server.',
            hint="Write the change as SQL; settings and transactions are the runner's.",
        )
    return _wrong_sql(
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
    match statement.node:
        case "transaction_stmt":
            raise _wrong_sql(
                source,
                statement.line,
                f"{statement.words.split()[0].upper()} is not allowed here",
                detail=f'Found "{statement.words}"; expected no transaction control: the runner owns the transaction.',
                hint="Remove it: consecutive statements run in one transaction. What must be committed before the rest "
                "is a migration of its own. BEGIN as a migration's first and COMMIT as its last statement may stay.",
            )
        case "copy_stmt" if reads_standard_input(statement):
            raise _wrong_sql(
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
        raise _wrong_sql(
            source,
            statement.line,
            "SET TRANSACTION is not allowed here",
            detail=f'Found "{statement.words}"; expected it as the first statement, naming an isolation level.',
            hint="Make it the first statement of the file.",
        )
    if is_reset(statement):
        raise _session_wide(source, statement, "Remove it: each migration begins with the runner's settings.")
    if not is_local_setting(statement):
        local = _SESSION_SET.sub("SET LOCAL ", statement.words)
        raise _session_wide(source, statement, f"Write: {local};")


def _session_wide(source: str, statement: Statement, hint: str) -> PgMigrateError:
    return _wrong_sql(
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
    return _wrong_sql(
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
    found = _split(text, source)
    for statement in found:
        _check_statement(source, statement)
    return found


def read_script(text: str, source: str) -> Script:
    """Returns the statements of a migration's file that the runner may run.

    A BEGIN as first and a COMMIT as last statement are as if they were not there; an isolation level that the file
    begins with becomes that of its first step.
    Raises PgMigrateError (file) for the first statement that may not run, naming file and line.
    """
    found = _split(text, source)
    is_block = len(found) > 1 and begins_transaction(found[0]) and commits_transaction(found[-1])
    mode = _isolation(source, found[0]) if is_block else ""
    if is_block:
        found = found[1:-1]
    if found and is_transaction_mode(found[0]):
        mode = _isolation(source, found[0]) or mode
        found = found[1:]
    statements = tuple(replace(statement, number=number) for number, statement in enumerate(found, start=1))
    for statement in statements:
        _check_statement(source, statement)
        if is_block and not statement.in_transaction:
            raise _wrong_sql(
                source,
                statement.line,
                "PostgreSQL does not run it in a transaction",
                detail=f'Found "{statement.words}" between BEGIN and COMMIT; expected it outside.',
                hint="Remove BEGIN and COMMIT: the runner gives such a statement a step of its own.",
            )
    return Script(statements, _script_checksum(text, statements, mode, is_block=is_block), mode, is_block)


def _split(text: str, source: str) -> tuple[Statement, ...]:
    try:
        return tuple(split(text))
    except SqlSyntaxError as error:
        raise _syntax_refusal(text, source, error) from error


def _isolation(source: str, statement: Statement) -> str:
    modes = transaction_modes(statement)
    refused = [name for name in modes if name not in _HARMLESS_MODES and (name, modes[name]) != _READ_WRITE]
    if refused:
        raise _wrong_sql(
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


def _verify_query(path: Path) -> str | None:
    # Not exists(): a link that leads nowhere is a file that cannot be read, not one that nobody wrote.
    if not lexists(path):
        return None
    text = read_text(path)
    try:
        fits = is_query(text)
        query = split(text)[0].text if fits else ""
    except SqlSyntaxError as error:
        raise _syntax_refusal(text, path.name, error) from error
    if not fits:
        raise _wrong_sql(
            path.name,
            1,
            "a verify file is one SELECT",
            detail="Found something else; expected one query with the columns object and problem.",
            hint="Join several checks by UNION ALL.",
        )
    return query


def _wrong_name(path: Path, expected: str) -> PgMigrateError:
    return PgMigrateError(
        Kind.FILE,
        f'cannot use file "{path.name}" as a migration',
        detail=f'Found the name "{path.name}"; expected {expected}.',
        hint="Rename the file; pgmigrate new NAME writes one with the right name.",
    )


def _read_migration(path: Path) -> Migration:
    found = _FILE_NAME.fullmatch(path.name)
    if found is None:
        raise _wrong_name(path, "NNN_lower_case_name.sql")
    text = read_text(path)
    header = _migration_header(text, source=path.name)
    script = read_script(text, path.name)
    verify = _verify_query(path.with_suffix(".verify.sql"))
    if script.is_block and header.in_batches:
        raise wrong_header(path.name, None, 'Found "batch: keyset" and BEGIN; expected a transaction for each batch.')
    if header.converges and verify is None:
        raise wrong_header(path.name, None, 'Found "data: converge" and no verify file; expected both.')
    return Migration(
        version=int(found["version"]),
        name=path.stem,
        header=header,
        statements=script.statements,
        checksum=script.checksum,
        transaction_mode=script.transaction_mode,
        verify=verify,
    )


def read_folder(folder: Path) -> list[Migration]:
    """Returns the migrations of a folder in order, without their effects.

    Raises PgMigrateError (file) for the first file that breaks a rule, naming it.
    """
    migrations: list[Migration] = []
    for path in _files(folder):
        if not _NUMBERED.match(path.name) or path.is_dir():
            continue
        stem = path.name.split(".")[0]
        if path.name.endswith((".verify.sql", ".effect")):
            if not path.with_name(f"{stem}.sql").exists():
                raise _wrong_name(path, f"{stem}.sql beside it")
        else:
            migrations.append(_read_migration(path))
    if not migrations:
        raise PgMigrateError(
            Kind.SETTINGS,
            f'could not find a migration in SQL folder "{folder}"',
            detail=f"Found no file NNN_name.sql in {folder.absolute()}; expected at least one.",
            hint="Set pg_sql_dir, or write the first: pgmigrate new NAME",
        )
    migrations.sort(key=lambda migration: migration.version)
    for one, other in pairwise(migrations):
        if one.version == other.version:
            raise PgMigrateError(
                Kind.FILE,
                f"cannot use two migrations of version {one.version}",
                detail=f'Found "{one.name}" and "{other.name}"; expected each number once.',
                hint="Give the newer one the next free number, then: pgmigrate record.",
            )
    return migrations


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        raise PgMigrateError(
            Kind.SETTINGS,
            f'could not open SQL folder "{folder}": it is not there',
            detail=f"Found no folder at {folder.absolute()}; expected one with NNN_name.sql files.",
            hint="Set pg_sql_dir, or run pyinfra from the folder that holds it.",
        ) from None
    except OSError as error:
        raise PgMigrateError(
            Kind.SETTINGS,
            f'could not read SQL folder "{folder}": {error.strerror}',
            detail=f"Found a folder that this account cannot list ({type(error).__name__}); expected one that it can.",
            hint=f"Look at its rights: ls -ld {folder}",
        ) from error


def read_baseline(folder: Path) -> tuple[Statement, ...]:
    """Returns the statements of ``baseline.sql``; none where there is no such file.

    Raises PgMigrateError (file) where the baseline is no SQL.
    """
    return _split(_baseline_text(folder), _BASELINE)


def baseline_checksum(folder: Path) -> str:
    """Returns the checksum of ``baseline.sql``, or of an empty text where there is none.

    Raises PgMigrateError (file) where the baseline is no SQL.
    """
    text = _baseline_text(folder)
    try:
        return checksum_of(text)
    except SqlSyntaxError as error:
        raise _syntax_refusal(text, _BASELINE, error) from error


def _baseline_text(folder: Path) -> str:
    """Returns the text of the baseline, without the two lines of pg_dump that only psql understands."""
    path = folder / _BASELINE
    return _RESTRICT.sub("", read_text(path)) if lexists(path) else ""


def expected_base(baseline: str, before: Iterable[Migration]) -> str:
    """Returns what the effect of a migration must name as its base.

    + baseline: checksum of ``baseline.sql``
    """
    return effects.base_of([baseline, *(migration.checksum for migration in before)])


def load_folder(folder: Path) -> tuple[Migration, ...]:
    """Returns the migrations of a folder in order, each with its effect, or with why that is not to be used.

    Raises PgMigrateError: file, for one that breaks a rule; effect, for one that cannot be read.
    """
    migrations = read_folder(folder)
    baseline = baseline_checksum(folder)
    return tuple(
        _with_effect(folder, migration, expected_base(baseline, migrations[:place]))
        for place, migration in enumerate(migrations)
    )


def _with_effect(folder: Path, migration: Migration, base: str) -> Migration:
    path = folder / f"{migration.name}.effect"
    if not lexists(path):
        refusal = Refusal(
            Kind.EFFECT,
            f'cannot use migration "{migration.name}": its effect is not recorded',
            detail=f"Found no file {path.name}; expected one beside {migration.name}.sql.",
            hint=f"Run: pgmigrate record {folder}",
        )
        return replace(migration, stale=refusal)
    effect = effects.parse(read_text(path, kind=Kind.EFFECT), source=path.name)
    recorded = [statement.checksum for statement in effect.statements]
    found = [statement.checksum for statement in migration.statements]
    if len(recorded) != len(found):
        return _not_current(folder, migration, "its number of statements", str(len(recorded)), str(len(found)))
    for number, (was, now) in enumerate(zip(recorded, found, strict=True), start=1):
        if was != now:
            return _not_current(folder, migration, f"its statement {number}", was, now)
    if effect.base != base:
        return _not_current(folder, migration, "what stands before it", effect.base, base)
    return replace(migration, effect=effect)


def _not_current(folder: Path, migration: Migration, what: str, recorded: str, found: str) -> Migration:
    refusal = Refusal(
        Kind.EFFECT,
        f'cannot use migration "{migration.name}": {what} changed after its effect was recorded',
        detail=f"Found {found[:12]} in the file; expected {recorded[:12]}, as recorded in {migration.name}.effect.",
        hint=f"Look at the change, then run: pgmigrate record {folder}",
    )
    return replace(migration, stale=refusal)
