"""The folder of the backups, as look.sh tells of it. Pure."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ..catalog.lines import Catalog
from ..psql.answer import Answer
from ..registry.model import Identity
from .manifest import Manifest, digest_of, read_manifest

# Bytes that a new backup may need beyond an estimate from earlier ones: tables grow.
_GROWTH = 1.2


def unsafe(answer: Answer) -> Unsafe | None:
    """Returns the path that a program of the backups would not use, or None."""
    found = answer.value("unsafe")
    return None if found is None else Unsafe(*map(decoded, found))


def lineage(text: str) -> tuple[tuple[str, int, int], ...]:
    """Returns what the lines say that restores wrote: number of the server, of the database, of an earlier one."""
    rows = [re.fullmatch(r"(\d*) (\d+) (\d+)", line) for line in text.splitlines()]
    return tuple((row[1], int(row[2]), int(row[3])) for row in rows if row is not None)


def store(answer: Answer) -> Store | Unsafe:
    """Returns the backups that an answer of look.sh tells of. Raises ValueError where it tells nothing."""
    if (path := unsafe(answer)) is not None:
        return path
    if answer.status != 0 or answer.value("free_kib") is None:
        raise ValueError(answer.text("problem") or answer.errors or "no answer")
    return Store(
        folder=decoded(answer.value("folder")),
        now_s=answer.value("now"),
        free_bytes=answer.value("free_kib") * 1024,
        lineage=lineage(answer.text("lineage")),
        data_free_bytes=None if (free := answer.value("data_free_kib")) is None else free * 1024,
        pg_dump=answer.value("pg_dump"),
        backups=tuple(
            found_backup(label, decoded(text), decoded(flaw)) for label, text, flaw in answer.value("backups")
        ),
    )


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
        for manifest in self.good:
            if (
                manifest.state == state
                and Identity(manifest.system_identifier, manifest.database_oid, manifest.timeline) == identity
                and self.is_young(manifest, max_age_s=max_age_s, how=how)
            ):
                return manifest
        return None

    def is_young(self, manifest: Manifest, *, max_age_s: float, how: str) -> bool:
        """Tells whether a backup is young enough, and as well verified as is wanted."""
        enough = {"restore": ("restore",), "read": ("restore", "read"), "none": ("restore", "read", "none")}[how]
        return self.now_s - manifest.taken_s <= max_age_s and manifest.verification.how in enough

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
    return digest_of(
        {"catalog": sorted(catalog.lines), "applied": sorted(map(list, applied)), "history": sorted(set(history))}
    )


def label_of(key: str, now: str, applied: int) -> str:
    """Returns the label of a new backup.

    + now: ISO 8601, UTC

    >>> label_of("stage", "2026-11-22T13:05:09Z", 6)
    'stage.20261122T130509Z.006'
    """
    return f"{key}.{re.sub('[^0-9TZ]', '', now)}.{applied:03}"
