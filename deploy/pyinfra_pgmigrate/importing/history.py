"""Reads the folder of another tool as one history: its migrations in their order, with their ways back."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from ..errors import Kind, PgMigrateError
from ..sqltext.files import read_text
from ..sqltext.grammar import SqlSyntaxError, tokens_of
from .shapes import FLYWAY, LIKE_MARKS, UP_DOWN, WITHOUT_TRANSACTION, Marks, marks_of

_PLAIN = re.compile(r"(?P<version>[0-9]+)[_-](?P<name>.+)\.sql")
# dbmate and sql-migrate take more names than the others.
_DIGITS = re.compile(r"(?P<version>[0-9]+)[_-]?(?P<name>.*)\.sql")
_FOLDER = re.compile(r"(?P<version>[0-9][0-9-]*)_(?P<name>.+)")
# Of a change in sqitch.plan: its name; what follows is dependencies, time, planner and note.
_CHANGE = re.compile(r"(?P<name>[^\s@%\[#][^\s\[#]*)[^\n]*")
_TAG = re.compile(r"@(?P<name>\S+)[^\n]*")
# Migrations that are programs, by their names.
_PROGRAMS = frozenset({".cjs", ".go", ".java", ".js", ".kt", ".mjs", ".py", ".rb", ".ts"})
_NUMBERED = re.compile(r"[VR]?[0-9]+[_.-]|[VR]_?_")
_OFF = re.compile(r"^[ \t]*run_in_transaction[ \t]*=[ \t]*false\b", re.MULTILINE)
_SHARED = "ran without a transaction; here its statements share one where PostgreSQL lets them"
_PLACEHOLDER = re.compile(r"\$\{[A-Za-z_][\w.:-]*\}")


@dataclass(frozen=True)
class Entry:
    """One migration of another tool.

    + key: by which the tool's own table knows it
    + version: its number; 0 where it has none that could be kept
    + name: in words or with _
    + up, down: SQL; down is empty where there is no way back
    + source: its file, from the folder on
    + is_alone: its statements ran in no transaction
    """

    key: str
    version: int
    name: str
    up: str
    down: str
    source: str
    is_alone: bool = False


@dataclass(frozen=True)
class ForeignHistory:
    """The folder of another tool.

    + entries: in the order in which the tool runs them
    + left_out: what is not the same as it was, or none of its migrations, with the reason
    + unread: what may be a migration of it and was not read, with the reason
    """

    tool: str
    entries: tuple[Entry, ...]
    left_out: tuple[tuple[str, str], ...] = ()
    unread: tuple[tuple[str, str], ...] = ()


def read_foreign(folder: Path) -> ForeignHistory:
    """Returns the history in a folder, with numbers that can be kept or else new ones from 1.

    Raises PgMigrateError: settings, where no tool's files are found; file, for one that cannot be read.
    """
    history = _read(folder)
    if not history.entries:
        raise PgMigrateError(
            Kind.SETTINGS,
            f'could not find migrations of another tool in "{folder}"',
            detail=f"Found {_named(history) or 'none by name'}; expected files or folders of Flyway, dbmate, "
            "golang-migrate, goose, sql-migrate, node-pg-migrate, sqlx, Supabase, Prisma, Diesel, Sqitch or Alembic.",
            hint=f"Name the folder that holds them: ls {folder}",
        )
    return numbered(history)


def _named(history: ForeignHistory) -> str:
    """Returns the first file that may be a migration and was not read, with the reason."""
    return next((f'"{name}" ({reason})' for name, reason in history.unread), "")


def numbered(history: ForeignHistory) -> ForeignHistory:
    """Returns a history whose numbers can be those of migrations: as they are, or else new ones from 1."""
    versions = [entry.version for entry in history.entries]
    if all(one < other for one, other in pairwise([0, *versions])) and versions[-1] < 10**18:
        return history
    entries = tuple(replace(entry, version=number) for number, entry in enumerate(history.entries, start=1))
    return replace(history, entries=entries)


def _read(folder: Path) -> ForeignHistory:
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise PgMigrateError(
            Kind.SETTINGS,
            f'could not read folder "{folder}": {error.strerror}',
            detail=f"Found no folder that can be listed ({type(error).__name__}); expected one with migrations.",
            hint=f"Look at it: ls -ld {folder}",
        ) from error
    if (folder / "sqitch.plan").exists():
        return _sqitch(folder)
    everywhere = sorted(path for path in folder.rglob("*.sql") if path.is_file())
    if any(FLYWAY.fullmatch(path.name) for path in everywhere):
        # It looks into folders, too.
        return _completed(_flyway(everywhere), folder, read=everywhere)
    files = [path for path in everywhere if path.parent == folder]
    folders = [path for path in paths if path.is_dir()]
    if any((path / "migration.sql").exists() for path in folders):
        history = _in_folders("Prisma", folders, "migration.sql", None)
    elif any((path / "up.sql").exists() for path in folders):
        history = _in_folders("Diesel", folders, "up.sql", "down.sql")
    elif any(UP_DOWN.fullmatch(path.name) for path in files):
        history = _up_and_down(files)
    else:
        history = _plain(files)
    inside = {"migration.sql", "up.sql", "down.sql"} if history.tool in ("Prisma", "Diesel") else set()
    return _completed(history, folder, read=[path for path in everywhere if path in files or path.name in inside])


def _completed(history: ForeignHistory, folder: Path, *, read: Collection[Path]) -> ForeignHistory:
    """Returns a history that also names what may be a migration and was not read: other folders, other languages.

    And which of its migrations ran without a transaction.
    """
    left_out = list(history.left_out)
    for entry in history.entries:
        settings = folder / Path(entry.source).with_name("metadata.toml")
        is_off = history.tool == "Diesel" and settings.exists() and _OFF.search(read_text(settings))
        if is_off or WITHOUT_TRANSACTION.search(entry.up) or entry.is_alone:
            left_out.append((entry.source, _SHARED))
    history = replace(history, left_out=tuple(left_out))
    unread = [path for path in sorted(folder.rglob("*")) if path.is_file() and path not in read]
    told = [
        (str(path.relative_to(folder)), "in a folder that is not read" if path.suffix == ".sql" else "it is no SQL")
        for path in unread
        if path.suffix == ".sql" or (path.suffix in _PROGRAMS and _NUMBERED.match(path.name))
    ]
    return replace(history, unread=(*history.unread, *told))


# Each tool.


def _flyway(files: list[Path]) -> ForeignHistory:
    """Flyway: V is a migration, U its way back, R runs again whenever its text changes, after all others."""
    found = {path: FLYWAY.fullmatch(path.name) for path in files}
    backs = {_numbers(match["version"]): path for path, match in found.items() if match and match["kind"] == "U"}
    versioned: list[tuple[tuple[int, ...], Entry]] = []
    repeated: list[Entry] = []
    left_out: list[tuple[str, str]] = []
    for path, match in found.items():
        if match is None:
            left_out.append((path.name, "its name is none of Flyway's"))
        elif match["repeated"] is not None:
            text = _without_placeholders(path)
            repeated.append(Entry(path.name, 0, match["repeated"], text, "", path.name))
            reason = "is run once here, after the others; Flyway runs it again whenever it changes"
            left_out.append((path.name, reason))
        elif match["kind"] == "B":
            left_out.append((path.name, "a baseline migration: use it as baseline.sql"))
        elif match["kind"] == "V":
            numbers = _numbers(match["version"])
            down = _without_placeholders(backs[numbers]) if numbers in backs else ""
            key = match["version"].replace("_", ".")
            version = numbers[0] if len(numbers) == 1 else 0
            versioned.append(
                (numbers, Entry(key, version, match["name"], _without_placeholders(path), down, path.name))
            )
    entries = [entry for _, entry in sorted(versioned, key=lambda one: one[0])]
    last = entries[-1].version if entries else 0
    # By what they are called, in whichever folder.
    repeated.sort(key=lambda entry: entry.name)
    entries += [replace(entry, version=number) for number, entry in enumerate(repeated, start=last + 1)]
    return ForeignHistory("Flyway", tuple(entries), tuple(left_out))


def _numbers(version: str) -> tuple[int, ...]:
    """Returns the parts of a version: 1.10 comes after 1.9, and 2.0 is 2."""
    parts = [int(part) for part in re.split(r"[._]", version)]
    while len(parts) > 1 and parts[-1] == 0:
        parts.pop()
    return tuple(parts)


def _without_placeholders(path: Path) -> str:
    text = read_text(path)
    found = _PLACEHOLDER.search(text)
    if found is not None:
        raise PgMigrateError(
            Kind.FILE,
            f"cannot import {path.name}, line {text[: found.start()].count(chr(10)) + 1}: it holds a placeholder",
            detail=f'Found "{found[0]}", which Flyway replaces when it runs; expected SQL as the server gets it.',
            hint="Replace it in a copy of the folder by its value, then import that.",
        )
    return text


def _in_folders(tool: str, folders: list[Path], up: str, down: str | None) -> ForeignHistory:
    """Prisma, Diesel: a folder each, named after time and subject."""
    entries: list[Entry] = []
    left_out: list[tuple[str, str]] = []
    for folder in folders:
        if not (folder / up).exists():
            left_out.append((f"{folder.name}/", f"a folder without {up}"))
            continue
        found = _FOLDER.fullmatch(folder.name)
        # Diesel's version is what stands before the first _, without dashes; Prisma knows the name alone.
        first, _, rest = folder.name.partition("_")
        version = first.replace("-", "")
        number = int(version) if found is not None and version.isdigit() else 0
        name = found["name"] if found is not None else rest if tool == "Diesel" and rest else folder.name
        way_back = read_text(folder / down) if down is not None and (folder / down).exists() else ""
        key = folder.name if tool == "Prisma" else version
        entries.append(Entry(key, number, name, read_text(folder / up), way_back, f"{folder.name}/{up}"))
    # Prisma by the name of the folder; Diesel by its digits, as text: some names have dashes between them.
    entries.sort(key=lambda entry: entry.key)
    return ForeignHistory(tool, tuple(entries), tuple(left_out))


def _up_and_down(files: list[Path]) -> ForeignHistory:
    """golang-migrate, sqlx (reversible): NUMBER_NAME.up.sql, with NUMBER_NAME.down.sql for the way back."""
    entries: list[Entry] = []
    left_out: list[tuple[str, str]] = []
    unread: list[tuple[str, str]] = []
    downs = {path.name for path in files if path.name.endswith(".down.sql")}
    for path in files:
        found = UP_DOWN.fullmatch(path.name)
        if found is None or (found["way"] == "down" and path.name.replace(".down.", ".up.") not in _names(files)):
            other = unread if found is None and _PLAIN.fullmatch(path.name) else left_out
            why = "; sqlx runs it, golang-migrate does not: name it so in a copy of the folder, or leave it out there"
            other.append((path.name, f"its name is not NUMBER_NAME.up.sql{why if other is unread else ''}"))
        elif found["way"] == "up":
            back = path.with_name(f"{path.name.removesuffix('.up.sql')}.down.sql")
            down = read_text(back) if back.name in downs else ""
            version = int(found["version"])
            entries.append(Entry(str(version), version, found["name"], read_text(path), down, path.name))
    entries.sort(key=lambda entry: entry.version)
    return ForeignHistory("golang-migrate", tuple(entries), tuple(left_out), tuple(unread))


def _names(files: list[Path]) -> set[str]:
    return {path.name for path in files}


def _plain(files: list[Path]) -> ForeignHistory:
    """dbmate, goose, sql-migrate, node-pg-migrate: both ways in one file; Supabase, sqlx and others: one way."""
    texts = {path: read_text(path) for path in files}
    marks = {path: marks_of(text) for path, text in texts.items()}
    tool = next((found.tool for path, found in marks.items() if found is not None and path.name[0].isdigit()), "")
    tool = tool or next((found.tool for found in marks.values() if found is not None), "")
    entries: list[tuple[tuple[bool, int, str], Entry]] = []
    left_out: list[tuple[str, str]] = []
    unread: list[tuple[str, str]] = []
    for path, text in texts.items():
        found = (_DIGITS if tool in ("dbmate", "sql-migrate") else _PLAIN).fullmatch(path.name)
        takes_any = tool == "sql-migrate" and marks[path] is not None
        if found is None and not takes_any:
            is_like_one = marks[path] is not None or path.name[0].isdigit()
            (unread if is_like_one else left_out).append((path.name, "its name is not NUMBER_NAME.sql"))
            continue
        mark = marks[path]
        if tool == "node-pg-migrate" and (like := _like_a_mark(text, mark)):
            unread.append((path.name, f'{tool} takes "{like}" for a mark: word it otherwise in a copy of the folder'))
            continue
        up, down, above = (text, "", "") if mark is None else _parted(text, mark.up, mark.down)
        if _has_sql(above):
            left_out.append((path.name, f"SQL above its first mark is left out, as {tool} does not run it"))
        version = 0 if found is None else int(found["version"])
        name = (found["name"] if found is not None else path.stem) or "migration"
        keys = {"node-pg-migrate": path.stem, "sql-migrate": path.name}
        key = keys.get("" if mark is None else mark.tool, str(version))
        is_alone = bool(WITHOUT_TRANSACTION.search(text))
        entries.append(((found is None, version, path.name), Entry(key, version, name, up, down, path.name, is_alone)))
    ordered = tuple(entry for _, entry in sorted(entries, key=lambda one: one[0]))
    return ForeignHistory(tool or "numbered", ordered, tuple(left_out), tuple(unread))


def _like_a_mark(text: str, marks: Marks | None) -> str:
    """Returns a comment that is no mark, but might be taken for one; empty where there is none."""
    found = (one[0] for one in LIKE_MARKS.finditer(text))
    return next((one for one in found if marks is None or not (marks.up.match(one) or marks.down.match(one))), "")


def _has_sql(text: str) -> bool:
    try:
        return bool(tokens_of(text))
    except SqlSyntaxError:
        return True


def _parted(text: str, up: re.Pattern[str], down: re.Pattern[str]) -> tuple[str, str, str]:
    """Returns the parts of a text for both ways, and what stands above both; lines with a mark are left out."""
    first, second = up.search(text), down.search(text)
    begin = first.end() if first is not None else 0
    above = text[: min(one.start() for one in (first, second) if one is not None)] if first is not None else ""
    if second is None:
        return text[begin:], "", above
    if first is None or second.start() > first.start():
        return text[begin : second.start()], text[second.end() :], above
    return text[begin:], text[second.end() : first.start()], above


def _sqitch(folder: Path) -> ForeignHistory:
    """Sqitch: the order is that of the plan; a change that comes again has its earlier text under NAME@TAG."""
    lines = [line.strip() for line in read_text(folder / "sqitch.plan").splitlines()]
    steps = list(_plan(lines))
    entries = []
    for place, name in enumerate(steps):
        if name.startswith("@"):
            continue
        later = steps[place + 1 :]
        file = f"{name}{_tag_of(folder, name, later)}.sql"
        back = folder / "revert" / file
        up = read_text(folder / "deploy" / file)
        down = read_text(back) if back.exists() else ""
        entries.append(Entry(name, 0, name.replace("/", "_"), up, down, f"deploy/{file}"))
    verify = [(f"verify/{path.name}", "a verify file here is one SELECT") for path in folder.glob("verify/*.sql")]
    return ForeignHistory("Sqitch", tuple(entries), tuple(sorted(verify)))


def _tag_of(folder: Path, name: str, later: list[str]) -> str:
    """Returns under which tag the text of a change stands that comes again later; empty where it does not."""
    if name not in later:
        return ""
    tags = [one for one in reversed(later[: later.index(name)]) if one.startswith("@")]
    return next((one for one in tags if (folder / "deploy" / f"{name}{one}.sql").exists()), tags[0] if tags else "")


def _plan(lines: list[str]) -> Iterator[str]:
    """Yields the changes of a plan, and its tags with @ before, in their order."""
    for line in lines:
        if (tag := _TAG.match(line)) is not None:
            yield f"@{tag['name']}"
        elif (change := _CHANGE.match(line)) is not None:
            yield change["name"]
