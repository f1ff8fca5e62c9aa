"""The files of the SQL folder, read and checked; nothing here talks to a server.

Names: ``NNN_name.sql`` with ``NNN_name.effect`` and, optional, ``NNN_name.verify.sql`` beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from itertools import groupby, pairwise
from os.path import lexists
from pathlib import Path

from ..errors import Kind, PgMigrateError, Refusal
from ..importing.shapes import marks_of, tool_of
from ..sqltext.files import read_text
from ..sqltext.grammar import SqlSyntaxError
from ..sqltext.parser import WRITES_ROWS, Statement, checksum_of, is_query, split
from . import effect as effects
from .effect import Effect, StatementEffect
from .header import Header, has_header, migration_header, wrong_header
from .script import RESTRICT, read_script, split_statements, syntax_refusal, wrong_sql

_BASELINE = "baseline.sql"
_FILE_NAME = re.compile(r"(?P<version>[0-9]{1,18})_(?P<name>[A-Za-z0-9_-]+)\.sql")
_NUMBERED = re.compile(r"[0-9]")
# What the comments at the top of the baseline may say.
_NAMED = re.compile(r"-- (schema|search_path):\s*(.*?)\s*")
_OF_ROWS = WRITES_ROWS | {"select_stmt"}


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

    def chosen(self, numbers: Iterable[int]) -> tuple[Statement, ...]:
        """Returns the statements with these numbers, in the order of the file."""
        wanted = frozenset(numbers)
        return tuple(statement for statement in self.statements if statement.number in wanted)

    def steps(self, numbers: Iterable[int]) -> list[tuple[Statement, ...]]:
        """Returns the statements with these numbers by step: what runs in one transaction together.

        A statement that cannot run in a transaction is a step of its own, and so is one that is run
        in batches.
        """
        steps: list[tuple[Statement, ...]] = []
        chosen = self.chosen(numbers)
        for together, group in groupby(chosen, key=lambda one: one.in_transaction and not self.header.in_batches):
            statements = tuple(group)
            steps += [statements] if together else [(statement,) for statement in statements]
        return steps

    def mode_of(self, step: Sequence[Statement]) -> str:
        """Returns what BEGIN says of the transaction in which a step runs; mostly nothing."""
        return self.transaction_mode if step and step[0].number == 1 else ""


def _verify_query(path: Path) -> str | None:
    # Not exists(): a link that leads nowhere is a file that cannot be read, not one that nobody wrote.
    if not lexists(path):
        return None
    text = read_text(path)
    try:
        fits = is_query(text)
        query = split(text)[0].text if fits else ""
    except SqlSyntaxError as error:
        raise syntax_refusal(text, path.name, error) from error
    if not fits:
        raise wrong_sql(
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


def _of_another_tool(path: Path, tool: str, found: str) -> PgMigrateError:
    return PgMigrateError(
        Kind.FILE,
        f'cannot use "{path.name}": it is a migration of {tool}',
        detail=f"Found {found}; expected NNN_name.sql, with one way only.",
        hint=f"Import the folder into another one: pgmigrate import {path.parent} --dir NEW_FOLDER",
    )


def _read_migration(path: Path) -> Migration:
    found = _FILE_NAME.fullmatch(path.name)
    if found is None:
        raise _wrong_name(path, "NNN_name.sql: up to 18 digits, then letters, digits, _ and -")
    text = read_text(path)
    marks = marks_of(text)
    if marks is not None:
        raise _of_another_tool(path, marks.tool, "comments that part it into a way forward and a way back")
    script = read_script(text, path.name)
    header = Header(found["name"].replace("_", " "), phase_of(script.statements))
    if has_header(text, source=path.name):
        header = migration_header(text, source=path.name, purpose=header.purpose, phase=header.phase)
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


def phase_of(statements: Sequence[Statement]) -> str:
    """Returns the phase of a migration whose header names none."""
    return "data" if statements and all(one.node in _OF_ROWS for one in statements) else "schema"


def read_folder(folder: Path) -> list[Migration]:
    """Returns the migrations of a folder in order, without their effects.

    Raises PgMigrateError (file) for the first file that breaks a rule, naming it.
    """
    migrations: list[Migration] = []
    for path in _files(folder):
        tool = tool_of(path)
        if tool is not None:
            raise _of_another_tool(path, tool, f'the name "{path.name}"')
        if not _NUMBERED.match(path.name) or (path.is_dir() and path.suffix not in (".sql", ".effect")):
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
            f'could not open SQL folder "{folder}": it is {"no folder" if lexists(folder) else "not there"}',
            detail=f"Found {'a file' if lexists(folder) else 'nothing'} at {folder.absolute()}; "
            "expected a folder with NNN_name.sql files.",
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
    return split_statements(_baseline_text(folder), _BASELINE)


@dataclass(frozen=True)
class BaselineNames:
    """Where names without a schema are found while effects are recorded, as the header of ``baseline.sql`` says.

    + schema: the target schema; search_path: further ones for statements
    """

    schema: str = "public"
    search_path: tuple[str, ...] = ()


def read_names(folder: Path) -> BaselineNames:
    """Returns the names of the schemas that the comments at the top of ``baseline.sql`` give.

    Raises PgMigrateError (file) for one that is there twice or says nothing.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(_baseline_text(folder).splitlines(), start=1):
        if line.strip() and not line.startswith("--"):
            break
        if (said := _NAMED.fullmatch(line)) is not None:
            if said[1] in found or not said[2]:
                problem = f'the key "{said[1]}" again' if said[1] in found else f'no name at "{said[1]}"'
                raise wrong_header(_BASELINE, number, f"Found {problem}; expected names of schemas, once.")
            found[said[1]] = said[2]
    further = tuple(one.strip() for one in found.get("search_path", "").split(",") if one.strip())
    return BaselineNames(found.get("schema", "public"), further)


def baseline_checksum(folder: Path) -> str:
    """Returns the checksum of ``baseline.sql``, or of an empty text where there is none.

    Of its comments those count that name schemas. Raises PgMigrateError (file) where the baseline is no SQL.
    """
    text, names = _baseline_text(folder), read_names(folder)
    try:
        found = checksum_of(text)
        if names == BaselineNames():
            return found
        return sha256("\0".join((found, names.schema, *names.search_path)).encode()).hexdigest()
    except SqlSyntaxError as error:
        raise syntax_refusal(text, _BASELINE, error) from error


def _baseline_text(folder: Path) -> str:
    """Returns the text of the baseline, without the two lines of pg_dump that only psql understands."""
    path = folder / _BASELINE
    return RESTRICT.sub("", read_text(path)) if lexists(path) else ""


def expected_bases(baseline: str, migrations: Iterable[Migration]) -> Iterator[str]:
    """Yields what the effect of each migration must name as its base.

    + baseline: checksum of ``baseline.sql``
    """
    return effects.bases_of(baseline, (migration.checksum for migration in migrations))


def load_folder(folder: Path) -> tuple[Migration, ...]:
    """Returns the migrations of a folder in order, each with its effect, or with why that is not to be used.

    Raises PgMigrateError: file, for one that breaks a rule; effect, for one that cannot be read.
    """
    return with_effects(folder, read_folder(folder))


def with_effects(folder: Path, migrations: Sequence[Migration]) -> tuple[Migration, ...]:
    """Returns the migrations of a folder, each with its effect, or with why that is not to be used.

    Raises PgMigrateError (effect) for one that cannot be read.
    """
    bases = expected_bases(baseline_checksum(folder), migrations)
    return tuple(_with_effect(folder, migration, base) for migration, base in zip(migrations, bases, strict=True))


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
