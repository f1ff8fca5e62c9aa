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

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

# 2: the database is named by its number too. A backup of format 1 has none.
FORMAT = 2
FORMATS = (1, FORMAT)
_SINCE_2 = ("database_oid", "timeline", "file_bytes")

# Bytes that manifest, contents and catalog may have, which are written after the rest was counted.
_TEXTS_BYTES = 300_000_000


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
        return json_line({**values, "manifest_sha256": digest_of(values)})


def json_line(value: object) -> str:
    """Returns a value as one line of JSON, the same for the same value."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def digest_of(values: Mapping[str, Any]) -> str:
    """Returns the SHA-256 of values as one line of JSON."""
    return hashlib.sha256(json_line(values).encode()).hexdigest()


def read_manifest(text: str) -> Manifest:
    """Returns the manifest that a text holds.

    Raises ValueError for one that is damaged, edited, or of another format, and says which.
    """
    try:
        values = json.loads(text)
        expected = values.pop("manifest_sha256")
        digest = digest_of(values)
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
