"""The files of the SQL folder, read and checked; nothing here talks to a server.

Names: ``NNN_name.sql`` with ``NNN_name.effect`` and, optional, ``NNN_name.verify.sql`` beside it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from itertools import groupby, pairwise
from pathlib import Path

from . import effect as effects
from .effect import Effect, StatementEffect
from .errors import Kind, PgMigrateError, Refusal
from .statements import (
    SqlSyntaxError,
    Statement,
    checksum_of,
    is_local_setting,
    is_query,
    reads_standard_input,
    split,
)

PHASES = ("preparation", "schema", "data", "validation", "contract")

_FILE_NAME = re.compile(r"(?P<version>[0-9]+)_(?P<name>[a-z0-9_]+)\.sql")
_NUMBERED = re.compile(r"[0-9]")
_HEADER_LINE = re.compile(r"-- (?P<key>[a-z]+): *(?P<value>\S.*)")
_CONTINUED = re.compile(r"--     *(?P<value>\S.*)")
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
    + verify: the SELECT of its verify file, or None
    + effect: None where it is not recorded, or not current; then ``stale`` says so
    """

    version: int
    name: str
    header: Header
    statements: tuple[Statement, ...]
    checksum: str
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
    text = path.read_text(encoding="utf-8")
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
        hint="Correct the header; the README lists the keys (a blank line ends it).",
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
    match statement.node:
        case "transaction_stmt":
            raise _wrong_sql(
                source,
                statement.line,
                f"{statement.words.split()[0].upper()} is not allowed",
                detail=f'Found "{statement.words}"; expected no transaction control: the runner owns the transaction.',
                hint="Remove BEGIN, COMMIT and ROLLBACK; consecutive statements run in one transaction anyway.",
            )
        case "copy_stmt" if reads_standard_input(statement):
            raise _wrong_sql(
                source,
                statement.line,
                "COPY from or to the client is not allowed",
                detail=f'Found "{statement.words}"; expected a statement that needs no client data.',
                hint="Use INSERT ... VALUES, or a file on the server.",
            )
        case "discard_stmt":
            session_wide = True
        case "variable_set_stmt":
            session_wide = not is_local_setting(statement)
        case _:
            session_wide = False
    if session_wide:
        raise _wrong_sql(
            source,
            statement.line,
            "settings of the whole session are the runner's",
            detail=f'Found "{statement.words}"; expected SET LOCAL, which ends with the transaction.',
            hint="Write SET LOCAL, or name the schema in the statement.",
        )


def read_statements(text: str, source: str) -> tuple[Statement, ...]:
    """Returns the statements of a file that the runner may run.

    Raises PgMigrateError (file) for the first that it may not, naming file and line.
    """
    try:
        found = tuple(split(text))
    except SqlSyntaxError as error:
        raise _syntax_refusal(text, source, error) from error
    for statement in found:
        _check_statement(source, statement)
    return found


def _verify_query(path: Path) -> str | None:
    if not path.exists():
        return None
    text = path.read_text(encoding="utf-8")
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
    text = path.read_text(encoding="utf-8")
    header = _migration_header(text, source=path.name)
    statements = read_statements(text, path.name)
    verify = _verify_query(path.with_suffix(".verify.sql"))
    if not statements and verify is None:
        raise _wrong_sql(
            path.name,
            1,
            "there is nothing to run and nothing to verify",
            detail="Found no statement and no verify file; expected one of them.",
            hint=f"Write a statement, or {path.stem}.verify.sql.",
        )
    if header.converges and verify is None:
        raise wrong_header(path.name, None, 'Found "data: converge" and no verify file; expected both.')
    return Migration(
        version=int(found["version"]),
        name=path.stem,
        header=header,
        statements=statements,
        checksum=checksum_of(text),
        verify=verify,
    )


def read_folder(folder: Path) -> list[Migration]:
    """Returns the migrations of a folder in order, without their effects.

    Raises PgMigrateError (file) for the first file that breaks a rule, naming it.
    """
    if not folder.is_dir():
        raise PgMigrateError(
            Kind.SETTINGS,
            f'could not open SQL folder "{folder}": it is not there',
            detail=f"Found no folder at {folder.absolute()}; expected one with NNN_name.sql files.",
            hint="Set pg_sql_dir, or run pyinfra from the folder that holds it.",
        )
    migrations: list[Migration] = []
    for path in sorted(folder.iterdir()):
        if not _NUMBERED.match(path.name) or not path.is_file():
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


def baseline_checksum(folder: Path) -> str:
    """Returns the checksum of ``baseline.sql``, or of an empty text where there is none.

    Raises PgMigrateError (file) where the baseline is no SQL.
    """
    path = folder / "baseline.sql"
    if not path.exists():
        return checksum_of("")
    text = path.read_text(encoding="utf-8")
    try:
        return checksum_of(text)
    except SqlSyntaxError as error:
        raise _syntax_refusal(text, path.name, error) from error


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
    if not path.exists():
        refusal = Refusal(
            Kind.EFFECT,
            f'cannot use migration "{migration.name}": its effect is not recorded',
            detail=f"Found no file {path.name}; expected one beside {migration.name}.sql.",
            hint=f"Run: pgmigrate record {folder}",
        )
        return replace(migration, stale=refusal)
    effect = effects.parse(path.read_text(encoding="utf-8"), source=path.name)
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
