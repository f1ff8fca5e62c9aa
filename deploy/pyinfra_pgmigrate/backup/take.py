"""Takes a backup, copies it to the controller, and removes those that retention lets go."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from time import monotonic

import gevent

from ..errors import Kind, PgMigrateError
from ..psql.answer import Answer
from ..registry.model import Observed
from ..units import size
from . import fetch, programs
from .contents import Contents, contents_of, dump_script
from .keeper import MOST_DIFFERENCES, Keeper
from .manifest import Manifest, json_line
from .store import Store, label_of, state_of
from .verify import register_backup


def take_backup(keeper: Keeper, seen: Observed, store: Store) -> Manifest:
    """Returns the manifest of a new backup, not verified yet.

    + store: the backups that are there
    """
    _check_room(keeper, store, seen)
    label = label_of(keeper.place.key, keeper.now(), max(seen.applied, default=0))
    while store.named(label) is not None:
        # Another one was taken in this very second.
        gevent.sleep(0.2)
        label = label_of(keeper.place.key, keeper.now(), max(seen.applied, default=0))
    keeper.session.tell(f"taking backup {label} in {store.folder}")
    started = monotonic()
    text = dump_script(keeper.session.run, keeper.settings.schema, keeper.session.applying(keeper.session.totals, seen))
    command = programs.dump(
        keeper.place, label, text, jobs=keeper.settings.jobs, compression=keeper.settings.compress or ""
    )
    answer = keeper.called(command, "back up")
    manifest, contents = _manifest(keeper, label, answer, started)
    catalog = answer.value("catalog")
    manifest = replace(
        manifest,
        sums={
            "files.sha256": answer.value("files")[2],
            "contents.json": _line_checksum(contents.text()),
            "catalog.json": _line_checksum(json_line(catalog)),
        },
    )
    sealed = programs.seal(keeper.place, label, contents.text(), json_line(catalog), manifest.text())
    keeper.called(sealed, "complete the backup of")
    register_backup(keeper, manifest)
    keeper.session.tell(
        f"    {manifest.tables} tables, {manifest.rows} rows, {size(manifest.backup_bytes)} "
        f"in {monotonic() - started:.1f} s"
    )
    return manifest


def _check_room(keeper: Keeper, store: Store, seen: Observed) -> None:
    needed = store.needed_bytes(seen.server.size_bytes, seen.server.size_bytes - seen.server.index_bytes)
    if store.free_bytes < needed:
        raise PgMigrateError(
            Kind.BACKUP,
            f'could not back up database "{keeper.database}": not enough room in {store.folder}',
            detail=f"Found {size(store.free_bytes)} free; expected {size(needed)}, "
            "from the size of the tables or of the backup before.",
            hint="Make room, or set pg_backup_dir to a folder with more.",
        )


def _manifest(keeper: Keeper, label: str, answer: Answer, started: float) -> tuple[Manifest, Contents]:
    try:
        contents = contents_of(answer)
        about, identity = answer.value("database"), answer.value("identity")
        manifest = Manifest(
            label=label,
            database=about["database"],
            system_identifier=identity["system_identifier"],
            database_oid=identity["oid"],
            timeline=identity["timeline"],
            server_version=about["server_version"],
            server_version_num=about["server_version_num"],
            taken_at=about["taken_at"],
            taken_s=about["taken_s"],
            lsn=about["lsn"],
            state=state_of(contents.catalog, contents.applied, answer.value("history")),
            applied=max((version for version, _ in contents.applied), default=0),
            size_bytes=about["size_bytes"],
            backup_bytes=answer.value("files")[1] * 1024,
            duration_ms=round((monotonic() - started) * 1000),
            tables=len(contents.tables),
            rows=sum(rows for rows, _ in contents.tables.values()),
            sums={},
            pg_dump=answer.value("pg_dump"),
            compression=answer.value("compression"),
            globals=answer.value("globals"),
            extensions=about["extensions"],
            roles=tuple(about["roles"]),
            run_id=keeper.session.run.run_id,
            operator=f"{keeper.session.run.operator}@{keeper.session.run.controller}",
            tool_version=keeper.session.run.tool_version,
            file_bytes=answer.value("files")[3],
        )
    except (ValueError, KeyError, TypeError) as error:
        raise PgMigrateError(
            Kind.BACKUP,
            f'could not back up database "{keeper.database}": the answer of the host cannot be read',
            detail=f"Found {error!r}; expected counts, hashes and catalog. The next run removes what is left.",
            hint="Run again.",
        ) from error
    return manifest, contents


def fetch_backup(keeper: Keeper, manifest: Manifest, into: Path) -> bool:
    """Copies a backup to the controller, unless it is there already; returns whether it had to."""
    if fetch.is_fetched(into / manifest.label):
        return False
    started = monotonic()

    def piece(name: str, start: int, size: int) -> str:
        command = programs.call("piece", keeper.place, manifest.label, name, start, size)
        return str(keeper.called(command, "fetch a backup of").value("piece"))

    try:
        problems = fetch.fetch(manifest.label, into, piece, dict(manifest.sums))
    except (OSError, ValueError) as error:
        problems = [str(error)]
    if problems:
        raise PgMigrateError(
            Kind.BACKUP,
            f'could not fetch backup "{manifest.label}" into {into}',
            detail=f"Found: {'; '.join(problems[:MOST_DIFFERENCES])}; expected the files with their hashes. "
            "Nothing is left of the copy; the backup on the host is as it was.",
            hint="Remove the cause, then run again.",
        )
    keeper.session.tell(f"    fetched into {into / manifest.label} in {monotonic() - started:.1f} s")
    return True


def prune_backups(keeper: Keeper, seen: Observed) -> None:
    """Removes the backups that retention lets go."""
    referenced = {row.backup for row in seen.applied.values() if row.backup is not None}
    if seen.registry is not None:
        referenced |= seen.registry.backups_of_others
    store = keeper.look(seen)
    labels = store.superfluous(keeper.settings.backup_keep, referenced, keeper.identity())
    if labels:
        keeper.called(programs.call("remove", keeper.place, *labels), "remove a backup of")
        keeper.session.tell(f"    removed, as more than {keeper.settings.backup_keep} are kept: {', '.join(labels)}")


def _line_checksum(text: str) -> str:
    """Returns the SHA-256 of a file that holds one line."""
    return hashlib.sha256(f"{text}\n".encode()).hexdigest()
