"""What a backup is: its manifest and contents, which one to take, keep or remove. Pure.

A backup is a folder on the host::

    LABEL/manifest.json    what it is, with hashes of the three below and of itself; written last
    LABEL/files.sha256     hash of every file that PostgreSQL's programs wrote
    LABEL/contents.json    rows and content hash of every table, properties of the database, answers of the totals
    LABEL/catalog.json     the catalog, line by line
    LABEL/dump/            pg_dump, directory format
    LABEL/globals.sql      roles and tablespaces, where the role may read them
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from ..application.totals import Answers, answers_of, as_json
from ..catalog.lines import LINES_VERSION, Catalog, is_own, key_of, unescaped
from .ownership import Left, roles_in

# 2: the database is named by its number too. A backup of format 1 has none.
FORMAT = 2
FORMATS = (1, FORMAT)
_SINCE_2 = ("database_oid", "timeline", "file_bytes")

# Bytes that manifest, contents and catalog may have, which are written after the rest was counted.
_TEXTS_BYTES = 300_000_000

# Bytes that a new backup may need beyond an estimate from earlier ones: tables grow.
_GROWTH = 1.2


@dataclass(frozen=True)
class Verification:
    """What was done to find out whether a backup restores.

    + how: restore, read or none, as pg_verify says; failed where it did not
    + at: ISO 8601, UTC
    + notes: what could not be restored for reasons outside the backup
    """

    how: str
    at: str
    server_version: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Manifest:
    """What a backup says of itself.

    + taken_at: ISO 8601, UTC; taken_s: the same in seconds since 1970
    + state: digest of catalog and registry; two backups of one state differ in rows only
    + applied: number of the last migration that the registry had
    + size_bytes: of the database; backup_bytes: of the backup
    + sums: SHA-256 of files.sha256, contents.json and catalog.json, by name
    + globals: all, without passwords, or none
    + database_oid: number of the database on its server; with system_identifier it names one database. 0: not known
    + timeline: of the server's history; 0: not known
    + file_bytes: of all its files, holes included; 0: not known
    """

    label: str
    database: str
    system_identifier: str
    server_version: str
    server_version_num: int
    taken_at: str
    taken_s: int
    lsn: str
    state: str
    applied: int
    size_bytes: int
    backup_bytes: int
    duration_ms: int
    tables: int
    rows: int
    sums: Mapping[str, str]
    pg_dump: str
    compression: str
    globals: str
    extensions: Mapping[str, str]
    roles: tuple[str, ...]
    run_id: str
    operator: str
    tool_version: str
    verification: Verification = field(default_factory=lambda: Verification("none", ""))
    format: int = FORMAT
    database_oid: int = 0
    timeline: int = 0
    file_bytes: int = 0

    @property
    def most_bytes(self) -> int:
        """More than its files have together, but for one with holes in them."""
        return self.file_bytes + _TEXTS_BYTES if self.file_bytes else 1000 * self.backup_bytes + _TEXTS_BYTES

    @property
    def is_verified(self) -> bool:
        """Whether it was restored and compared, or at least read from end to end."""
        return self.verification.how in ("restore", "read")

    def verified(self, verification: Verification) -> Manifest:
        """Returns the manifest with another verification."""
        return replace(self, verification=verification)

    def text(self) -> str:
        """Returns it as one line of JSON with the hash of the rest in it."""
        values = asdict(self)
        if self.format == 1:
            # As whoever took it reads it.
            values = {name: value for name, value in values.items() if name not in _SINCE_2}
        return json_line({**values, "manifest_sha256": _digest(values)})


def json_line(value: object) -> str:
    """Returns a value as one line of JSON, the same for the same value."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _digest(values: Mapping[str, Any]) -> str:
    return hashlib.sha256(json_line(values).encode()).hexdigest()


def read_manifest(text: str) -> Manifest:
    """Returns the manifest that a text holds.

    Raises ValueError for one that is damaged, edited, or of another format, and says which.
    """
    try:
        values = json.loads(text)
        expected = values.pop("manifest_sha256")
        digest = _digest(values)
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        raise ValueError("its manifest cannot be read") from None
    if digest != expected:
        raise ValueError("its manifest was edited: it does not fit its own hash")
    if values.get("format") not in FORMATS:
        raise ValueError(f"its manifest has format {values.get('format')}, this tool reads {FORMATS[-1]}")
    try:
        found = _manifest_of(values)
    except (KeyError, TypeError, AttributeError):
        raise ValueError("its manifest lacks what belongs into it") from None
    if not _has_kinds(found) or not _has_kinds(found.verification):
        raise ValueError("its manifest has values of other kinds than belong into it")
    return found


def _manifest_of(values: Mapping[str, Any]) -> Manifest:
    verification = values["verification"]
    return Manifest(
        **{
            **values,
            "sums": dict(values["sums"]),
            "extensions": dict(values["extensions"]),
            "roles": tuple(values["roles"]),
            "verification": Verification(**{**verification, "notes": tuple(verification["notes"])}),
        }
    )


def _has_kinds(found: Manifest | Verification) -> bool:
    """Tells whether each value is of the kind that its field has."""
    return all(_is_of_kind(getattr(found, one.name), str(one.type)) for one in fields(found))


def _is_of_kind(value: object, kind: str) -> bool:
    if isinstance(value, Mapping):
        return all(isinstance(text, str) for pair in value.items() for text in pair)
    if isinstance(value, tuple):
        return all(isinstance(text, str) for text in value)
    if kind == "int":
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, str) or kind not in ("str", "int")


@dataclass(frozen=True)
class Identity:
    """Which database, whatever others are called.

    + system_identifier: of its server; empty where that does not tell
    + oid: its number there; 0: there is none of that name
    + timeline: of the server's history; 0: not known
    """

    system_identifier: str
    oid: int
    timeline: int = 0


@dataclass(frozen=True)
class Backup:
    """A backup as it was found on a host.

    + problem: why its manifest cannot be used
    """

    label: str
    manifest: Manifest | None = None
    problem: str = ""


@dataclass(frozen=True)
class Unsafe:
    """A path on the host that another user made or may change, or that is not what it should be.

    + cure: the command that mends it, without the path
    """

    found: str
    expected: str
    cure: str
    path: str


def decoded(text: str) -> str:
    """Returns the text that came as base64.

    Raises ValueError where it is no base64.
    """
    try:
        return base64.b64decode(text, validate=True).decode(errors="replace")
    except binascii.Error as error:
        raise ValueError("no base64") from error


def found_backup(label: str, manifest: str, flaw: str = "") -> Backup:
    """Returns a backup from its label and the text of its manifest.

    + flaw: why its manifest could not be read
    """
    if flaw:
        return Backup(label, problem=flaw)
    if not manifest:
        return Backup(label, problem="it has no manifest")
    try:
        read = read_manifest(manifest)
    except ValueError as error:
        return Backup(label, problem=str(error))
    if read.label != label:
        return Backup(label, problem=f"its manifest belongs to {read.label}")
    return Backup(label, read)


@dataclass(frozen=True)
class Store:
    """The backups of one database on its host.

    + now_s: seconds since 1970 on that host
    + free_bytes: room where they are
    + data_free_bytes: room where the server keeps its data; None where that is not known
    + pg_dump: what its program says of its version
    + lineage: databases that a restore put in the place of others: number of the server, of the database, of the other
    """

    folder: str
    now_s: float
    free_bytes: int
    pg_dump: str
    backups: tuple[Backup, ...] = ()
    data_free_bytes: int | None = None
    lineage: tuple[tuple[str, int, int], ...] = ()

    @property
    def good(self) -> list[Manifest]:
        """The manifests that can be used, newest first."""
        found = [backup.manifest for backup in self.backups if backup.manifest is not None]
        return sorted(found, key=lambda manifest: (manifest.taken_s, manifest.label), reverse=True)

    def _one_database(self, oid: int, system_identifier: str) -> frozenset[int]:
        """Returns the number of a database and of all that it goes on from."""
        found = {oid}
        while (
            more := {
                earlier for server, later, earlier in self.lineage if server == system_identifier and later in found
            }
            - found
        ):
            found |= more
        return frozenset(found)

    def foreign(self, manifest: Manifest, identity: Identity) -> str:
        """Returns why a backup is not of this database; empty where it is.

        One that an earlier version of this library took knows its server, but not the number of its database there.
        Where there is no database of that name, any of that name on that server may be meant.
        """
        here = identity.system_identifier
        if here and manifest.system_identifier and here != manifest.system_identifier:
            return f"it is of server {manifest.system_identifier}, this is {here}"
        if not identity.oid or not manifest.database_oid:
            return ""
        if manifest.database_oid in self._one_database(identity.oid, here):
            return ""
        return f"it is of database {manifest.database_oid} of this server, this is {identity.oid}"

    def own(self, identity: Identity) -> list[Manifest]:
        """The manifests of this database that can be used, newest first."""
        return [manifest for manifest in self.good if not self.foreign(manifest, identity)]

    def latest(self, identity: Identity) -> list[Manifest]:
        """The newest verified backup of this database; several where there is none of that name and more than one was.

        Newest first.
        """
        verified = [manifest for manifest in self.own(identity) if manifest.is_verified]
        if identity.oid:
            return verified[:1]
        found: list[Manifest] = []
        for manifest in verified:
            known = [one for one in found if self._are_one(one, manifest)]
            if not known:
                found.append(manifest)
        return found

    def _are_one(self, later: Manifest, earlier: Manifest) -> bool:
        if not later.database_oid or not earlier.database_oid:
            return True
        one = self._one_database(later.database_oid, later.system_identifier)
        other = self._one_database(earlier.database_oid, earlier.system_identifier)
        return not one.isdisjoint(other)

    def young(self, *, state: str, identity: Identity, max_age_s: float, how: str) -> Manifest | None:
        """Returns the newest verified backup of a database in a state that is young enough.

        + how: the verification that is wanted; one that proves more will do
        """
        enough = {"restore": ("restore",), "read": ("restore", "read"), "none": ("restore", "read", "none")}[how]
        for manifest in self.good:
            if (
                manifest.state == state
                and Identity(manifest.system_identifier, manifest.database_oid, manifest.timeline) == identity
                and self.now_s - manifest.taken_s <= max_age_s
                and manifest.verification.how in enough
            ):
                return manifest
        return None

    def named(self, label: str) -> Backup | None:
        """Returns the backup with a label."""
        return next((backup for backup in self.backups if backup.label == label), None)

    def superfluous(self, keep: int, referenced: Collection[str], identity: Identity) -> list[str]:
        """Returns the labels of this database that retention lets go, oldest last.

        + keep: how many of the newest stay; of those that are verified as many
        + referenced: labels that stay whatever their age
        """
        good = self.own(identity)
        verified = [manifest.label for manifest in good if manifest.is_verified]
        kept = {*verified[:keep], *[manifest.label for manifest in good[:keep]], *referenced}
        return [manifest.label for manifest in good if manifest.label not in kept] if verified else []

    def needed_bytes(self, size_bytes: int, table_bytes: int) -> int:
        """Returns how much room a new backup may need.

        + table_bytes: of all tables, without their indexes: more than their dump where there is none yet
        """
        for manifest in self.good:
            if manifest.size_bytes:
                return round(_GROWTH * manifest.backup_bytes * max(1.0, size_bytes / manifest.size_bytes))
        return table_bytes


def state_of(catalog: Catalog, applied: Iterable[tuple[int, str]], history: Iterable[str] = ()) -> str:
    """Returns the digest of a catalog and of the migrations that the registry has, by version and checksum.

    + history: as history.sql tells it, in any order
    """
    return _digest(
        {"catalog": sorted(catalog.lines), "applied": sorted(map(list, applied)), "history": sorted(set(history))}
    )


def label_of(key: str, now: str, applied: int) -> str:
    """Returns the label of a new backup.

    + now: ISO 8601, UTC

    >>> label_of("stage", "2026-11-22T13:05:09Z", 6)
    'stage.20261122T130509Z.006'
    """
    return f"{key}.{re.sub('[^0-9TZ]', '', now)}.{applied:03}"


@dataclass(frozen=True)
class Contents:
    """What was in a database at one moment.

    + tables: rows and content hash by table
    + large_objects: how many
    + totals: answers by name of the total; none of a backup that an earlier version took
    + lines_version: of the form of the catalog's lines
    """

    tables: Mapping[str, tuple[int, str]]
    large_objects: int
    catalog: Catalog
    applied: tuple[tuple[int, str], ...] = ()
    properties: Mapping[str, Any] = field(default_factory=dict)
    totals: Mapping[str, Answers] = field(default_factory=dict)
    lines_version: int = LINES_VERSION

    def text(self) -> str:
        """Returns all but the catalog as one line of JSON."""
        return json_line(
            {
                "tables": self.tables,
                "large_objects": self.large_objects,
                "applied": self.applied,
                "properties": self.properties,
                "totals": {name: as_json(answers) for name, answers in self.totals.items()},
                "lines_version": self.lines_version,
            }
        )


def read_contents(contents: str, catalog: str) -> Contents:
    """Returns the contents that two files of a backup hold.

    Raises ValueError where they cannot be read.
    """
    try:
        values = json.loads(contents)
        return Contents(
            {name: (rows, digest) for name, (rows, digest) in values["tables"].items()},
            values["large_objects"],
            Catalog.of(json.loads(catalog)),
            tuple((version, checksum) for version, checksum in values["applied"]),
            values["properties"],
            {name: answers_of(found) for name, found in values.get("totals", {}).items()},
            values.get("lines_version", 1),
        )
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise ValueError(f"contents.json or catalog.json cannot be read: {error!r}") from error


def identifiers(ident: str) -> tuple[str, str]:
    """Returns schema and name of a table from what SQL would write.

    >>> identifiers('public."Two Words"')
    ('public', 'Two Words')
    """
    words = re.findall(r'"(?:[^"]|"")*"|[^.]+', ident)
    schema, name = (word[1:-1].replace('""', '"') if word.startswith('"') else word for word in words)
    return schema, name


@dataclass(frozen=True)
class Judged:
    """What pg_restore complained of, sorted.

    + notes: reasons outside the backup, for people
    + failures: all others
    + lost: names of roles and extensions that the copy cannot have
    + bare: names of objects that came without their owner and grants for that reason
    + made: names of event triggers and publications that could not be made
    + defaults: roles whose default privileges could not be set
    """

    notes: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    lost: frozenset[str] = frozenset()
    bare: frozenset[str] = frozenset()
    made: frozenset[str] = frozenset()
    defaults: frozenset[str] = frozenset()

    def and_left(self, left: Left) -> Judged:
        """Returns the same with what could not be done with owners and rights."""
        return replace(
            self,
            notes=tuple(dict.fromkeys((*self.notes, *left.notes))),
            lost=self.lost | left.roles,
            bare=self.bare | left.names,
            made=self.made | left.made,
            defaults=self.defaults | left.defaults,
        )

    def explains(self, line: str) -> bool:
        """Tells whether a catalog line differs for one of these reasons."""
        # A view's full text differs between major versions; its comparable text is a line of its own.
        if line.startswith("definition "):
            return True
        key = key_of(line)
        if is_own(line):
            is_default = key.startswith(("defaults ", "database_defaults "))
            about = _names_one_of(line, self.defaults) if is_default else _is_about(key, self.bare | self.made)
            return about or _names_one_of(line, self.lost)
        if key.startswith(("event_trigger ", "publication")):
            return _names_one_of(key, self.made)
        return key.startswith(("extension ", "schema ", "policy ")) and _names_one_of(line, self.lost)


def _is_about(key: str, names: Collection[str]) -> bool:
    """Tells whether the object of a key, or the table of a column, has one of these names, in whichever schema.

    >>> _is_about('function "F(x)"(int)', {"F(x)"}), _is_about("column s.t.c", {"t"}), _is_about("table s.t", {"s"})
    (True, True, False)
    """
    kind, _, ident = key.partition(" ")
    words = re.match(r'(?:"(?:[^"]|"")*"|[^".( ])+(?:\.(?:"(?:[^"]|"")*"|[^".( ])+)*', unescaped(ident))
    parts = re.findall(r'"(?:[^"]|"")*"|[^.]+', words[0]) if words else []
    place = 2 if kind == "column" else 1
    return len(parts) >= place and parts[-place].strip('"').replace('""', '"') in names


def _names_one_of(line: str, names: Collection[str]) -> bool:
    return any(re.search(rf'(?<![\w"]){re.escape(name)}(?![\w"])', line) for name in names)


def differences(expected: Contents, found: Contents, judged: Judged | None = None) -> Iterator[str]:
    """Yields what is otherwise in a restored copy.

    + judged: what pg_restore complained of; lines that this explains do not count
    """
    for table in sorted({*expected.tables, *found.tables}):
        was, now = expected.tables.get(table), found.tables.get(table)
        if was == now:
            continue
        if was is None or now is None:
            yield f"table {table} is {'not in the backup' if was is None else 'missing'}"
        elif was[0] != now[0]:
            yield f"table {table} has {now[0]} rows, expected {was[0]}"
        else:
            yield f"table {table} has other contents in its {now[0]} rows"
    if expected.large_objects != found.large_objects:
        yield f"there are {found.large_objects} large objects, expected {expected.large_objects}"
    if expected.lines_version != found.lines_version:
        # Lines in another form cannot be compared; tables and rows can.
        return
    change = expected.catalog.difference(found.catalog)
    for line in change.render():
        if judged is None or not judged.explains(line[2:]):
            yield f"catalog: {line}"


@dataclass(frozen=True)
class Complaint:
    """Something that pg_restore could not do.

    + command: what it tried; empty where it does not say
    + context: what the server says besides, among it the functions that were at work
    """

    message: str
    command: str = ""
    context: str = field(default="", repr=False)


def complaints(output: str) -> list[Complaint]:
    r"""Returns the errors that pg_restore printed.

    Source: pg_backup_archiver.c, PostgreSQL 15 to 18: an error, and the command up to an empty line.

    >>> complaints('pg_restore: error: could not execute query: ERROR:  no\nCommand was: GRANT x;\n\n')
    [Complaint(message='no', command='GRANT x;')]
    """
    found: list[Complaint] = []
    inside = ""
    for line in output.splitlines():
        if error := re.match(r"pg_restore: error: (?:could not execute query: [^:]+: +)?(.*)", line):
            found.append(Complaint(error[1]))
            inside = "context"
        elif found and line.startswith("Command was: "):
            inside = "command"
            found[-1] = replace(found[-1], command=line.removeprefix("Command was: "))
        elif not line or line.startswith("pg_restore: "):
            inside = ""
        elif inside == "command":
            found[-1] = replace(found[-1], command=f"{found[-1].command} {line.strip()}")
        elif inside == "context":
            found[-1] = replace(found[-1], context=f"{found[-1].context}{line}\n")
    return found


# A program newer than the server sets what the server does not know.
_UNKNOWN_SETTING = "SET transaction_timeout ="
MOST_COMMAND = 120


def judged(found: Sequence[Complaint], roles: Collection[str]) -> Judged:
    """Returns the complaints of pg_restore, sorted.

    + roles: that the server has

    What was left out with an extension need not be named by it: whether that is all that is missing, the
    comparison of tables and catalog tells.
    """
    notes: dict[str, None] = {}
    failures: list[str] = []
    missing: set[str] = set()
    bare: set[str] = set()
    made = [re.match(r'CREATE EXTENSION (?:IF NOT EXISTS )?"?([^"\s;]+)', complaint.command) for complaint in found]
    lost = {one[1] for one in made if one is not None}
    for complaint, extension in zip(found, made, strict=True):
        gone = sorted(roles_in(complaint.command) - {*roles})
        if complaint.command.startswith(_UNKNOWN_SETTING):
            continue
        if gone:
            for role in gone:
                notes[f'role "{role}" is not on the server: what it owns or may do was left out'] = None
            missing.update(gone)
            # The grants of an object are one command: all of them or none.
            bare.update(name.strip('"') for name in re.findall(r'[\w"]+\.("[^"]+"|\w+)', complaint.command))
        elif extension is not None:
            notes[f'extension "{extension[1]}" could not be made: {complaint.message}'] = None
        elif lost and complaint.command:
            notes[f"left out with an extension: {complaint.command[:MOST_COMMAND]}"] = None
        else:
            failures.append(f"{complaint.message} ({complaint.command[:MOST_COMMAND]})".removesuffix(" ()"))
    return Judged(tuple(notes), tuple(failures), frozenset(missing | lost), frozenset(bare))


@dataclass(frozen=True)
class Unfound:
    """A function that does not find something by name when a restore calls it: a restore has no search_path.

    + function: as ALTER FUNCTION takes it, with its arguments where they are known
    + is_own: it belongs to no extension
    + complaint: of the server
    """

    function: str
    is_own: bool
    complaint: Complaint


# Where the server says in which function it was; the messages of a copy's role are in English.
_IN_FUNCTION = re.compile(r'(?:PL/pgSQL function (.+?\(.*?\)) line \d|SQL function "(.+?)" )')


def _bare(function: str) -> str:
    """Returns the name of a function without schema, quotes and arguments."""
    return function.partition("(")[0].rpartition(".")[2].strip('"')


def unfound(found: Sequence[Complaint], catalog: Catalog) -> Unfound | None:
    """Returns the first function for which a restore fails as it does not name its schemas; None where there is none.

    + catalog: of the database, with the arguments of its functions

    >>> complaint = Complaint('relation "t" does not exist', "CREATE INDEX i", 'SQL function "f" during startup')
    >>> unfound([complaint], Catalog.of(["function f(integer) returns integer"])).function
    'f(integer)'
    """
    functions = [key_of(line).removeprefix("function ") for line in catalog.lines if line.startswith("function ")]
    for complaint in found:
        if "does not exist" not in complaint.message:
            continue
        named = _IN_FUNCTION.search(complaint.context)
        if named is not None:
            function = str(named[1] or named[2])
            known = [one for one in functions if _bare(one) == _bare(function)]
            return Unfound(known[0] if len(known) == 1 else function, bool(known), complaint)
    return None


# The server's or the machine's trouble, not the backup's.
_OUTSIDE = re.compile(
    r"No space left on device|could not extend file|connection to server|server closed the connection"
    r"|terminating connection|out of memory|too many connections|the database system is"
)


def outside(status: int, failures: Sequence[str]) -> str:
    """Returns why a restore ended for reasons that say nothing of the backup; empty where there is none.

    + status: of pg_restore; above 128 a signal ended it

    >>> outside(137, [])
    'pg_restore was ended by signal 9'
    """
    if status > 128:
        return f"pg_restore was ended by signal {status - 128}"
    return next((failure for failure in failures if _OUTSIDE.search(failure)), "")
