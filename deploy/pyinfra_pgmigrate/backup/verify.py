"""Whether a backup is what its manifest says: files, hashes, contents; and what was found is noted with it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ..errors import Kind, PgMigrateError, Refusal
from ..psql.answer import Answer
from ..psql.script import prepared
from ..registry.model import Identity
from . import programs
from .contents import Contents, read_contents
from .keeper import MOST_DIFFERENCES, Keeper
from .manifest import Manifest, Verification, read_manifest
from .store import Backup, Store, decoded


def register_backup(keeper: Keeper, manifest: Manifest) -> None:
    """Takes a backup down in the registry, where there is one; what it says of it already is brought up to date."""
    if not keeper.has_registry:
        return
    text = prepared(
        keeper.session.run,
        keeper.settings.schema,
        "backup/register_backup",
        label=manifest.label,
        taken_at=manifest.taken_at,
        folder=keeper.folder or keeper.look().folder,
        host_name=keeper.host_name,
        backup_bytes=manifest.backup_bytes,
        verification=manifest.verification.how,
        verified_at=manifest.verification.at,
    )
    answer = keeper.session.psql(text)
    if answer.status != 0:
        keeper.session.tell(
            f"    warning: could not record this backup in the registry: {answer.message or answer.errors}"
        )


def check_backup(keeper: Keeper, manifest: Manifest, label: str) -> tuple[Manifest, Contents]:
    """Returns what a backup says of itself, once its files, hashes and permissions are right."""
    command = programs.call("check", keeper.place, label, keeper.settings.jobs, manifest.most_bytes)
    answer = keeper.called(command, "read a backup of")
    return described_backup(keeper, answer, manifest, label, answer.text("damage").splitlines())


def described_backup(
    keeper: Keeper, answer: Answer, manifest: Manifest | None, label: str, problems: list[str]
) -> tuple[Manifest, Contents]:
    """Returns what a backup says of itself, as an answer of check.sh or describe.sh has it.

    + manifest: as it was read before, if it was; problems: found so far
    """
    contents: Contents | None = None
    found: Manifest | None = None
    problems += [decoded(flaw) for flaw in answer.value("flaws") or ()]
    try:
        found = read_manifest(answer.text("manifest"))
        if manifest is not None and found != manifest:
            problems.append("its manifest is not the one that was read before")
        names = ("files.sha256", "contents.json", "catalog.json")
        for name, digest in zip(names, answer.value("sums") or ("", "", ""), strict=True):
            if found.sums.get(name) != digest:
                problems.append(f"{name} does not fit the manifest")
        contents = read_contents(answer.text("contents"), answer.text("catalog"))
    except ValueError as error:
        problems.append(str(error))
    if problems or contents is None or found is None:
        raise damaged(keeper, label, problems)
    return found, contents


def properties_of(keeper: Keeper, manifest: Manifest) -> Mapping[str, Any]:
    """Returns the properties of the database that a backup has, without a look at its dump."""
    answer = keeper.called(programs.call("describe", keeper.place, manifest.label), "read a backup of")
    return described_backup(keeper, answer, manifest, manifest.label, [])[1].properties


def damage_of(keeper: Keeper, manifest: Manifest) -> Refusal | None:
    """Returns why a backup is not what it was any more, or None."""
    try:
        check_backup(keeper, manifest, manifest.label)
    except PgMigrateError as error:
        if error.refusal.kind is Kind.DAMAGED:
            return error.refusal
        raise
    return None


def damaged(keeper: Keeper, label: str, problems: Collection[str]) -> PgMigrateError:
    """Returns the refusal of a backup that is not what it should be."""
    shown = "; ".join(list(problems)[:MOST_DIFFERENCES])
    more = len(problems) - MOST_DIFFERENCES
    return PgMigrateError(
        Kind.DAMAGED,
        f'backup "{label}" is damaged: its files do not match its manifest',
        detail=f"Found: {shown}{f'; and {more} more' if more > 0 else ''}; "
        "expected what its manifest says. Nothing was changed; other backups are as they were.",
        hint="Take another one: deploy/backup.py; those that are there: ls in the folder of the backups.",
    )


def verify_by_reading(keeper: Keeper, manifest: Manifest, instead: Refusal | None = None) -> Manifest:
    """Returns the manifest after every block of the backup was read.

    + instead: why it was not restored, where it should have been
    """
    manifest, _ = check_backup(keeper, manifest, manifest.label)
    keeper.read_bytes = manifest.backup_bytes
    answer = keeper.called(programs.read(keeper.place, manifest.label), "read a backup of")
    if answer.value("status") != 0:
        raise damaged(keeper, manifest.label, [" ".join(answer.text("complaints").split())])
    notes = () if instead is None else (f"{instead.message}. {instead.detail}",)
    return note_verification(keeper, manifest, Verification("read", keeper.now(), notes=notes))


def note_verification(keeper: Keeper, manifest: Manifest, verification: Verification) -> Manifest:
    """Returns the manifest with a verification, written down with the backup and in the registry."""
    verified = manifest.verified(verification)
    keeper.called(programs.rewrite(keeper.place, manifest.label, verified.text()), "write the manifest of")
    register_backup(keeper, verified)
    return verified


def named_backup(keeper: Keeper, label: str, *, failed: bool = False) -> Manifest:
    """Returns the backup of this database with a label, or the newest verified one for ``latest``.

    + failed: True returns one whose last verification failed, too
    """
    store, identity = keeper.look(), keeper.identity()
    found = _latest(keeper, store, identity) if label == "latest" else store.named(label)
    if found is None:
        there = ", ".join(manifest.label for manifest in store.good[:5]) or "none"
        raise PgMigrateError(
            Kind.RESTORE,
            f'could not find backup "{label}" of database "{keeper.database}"',
            detail=f"Found {there} in {store.folder}; expected "
            + ("a verified one." if label == "latest" else "that label."),
            hint="Name one of them: --data pg_backup=LABEL; or set pg_backup_dir to where it is.",
        )
    if found.manifest is None:
        raise damaged(keeper, label, [found.problem])
    if found.manifest.verification.how == "failed" and not failed:
        raise damaged(keeper, label, ["its verification failed", *found.manifest.verification.notes])
    foreign = store.foreign(found.manifest, identity)
    if foreign and not keeper.settings.backup_of_other:
        raise _of_other(keeper, label, [found.manifest], foreign)
    if not found.manifest.database_oid:
        keeper.session.tell(
            f'note: an earlier version of this tool took backup "{found.label}", and did not note which database '
            f'it is of, but for its name and its server: taken for "{keeper.database}"'
        )
    return found.manifest


def _latest(keeper: Keeper, store: Store, identity: Identity) -> Backup | None:
    found = store.latest(identity)
    if len(found) > 1:
        why = f'there is no database "{keeper.database}" now, and they are of {len(found)} that had this name'
        raise _of_other(keeper, "latest", found, why, more="")
    others = [one for one in store.good if one.is_verified and store.foreign(one, identity)]
    if not found and others:
        raise _of_other(keeper, "latest", others, store.foreign(others[0], identity))
    return Backup(found[0].label, found[0]) if found else None


def _of_other(
    keeper: Keeper, label: str, found: Collection[Manifest], why: str, *, more: str = " --data pg_backup_of_other=true"
) -> PgMigrateError:
    """Returns the refusal of a backup that is not of this database.

    + found: backups that were found instead; more: what is to be given besides the label
    """
    first = next(iter(found))
    there = ", ".join(f"{one.label} of {one.taken_at}" for one in list(found)[:MOST_DIFFERENCES])
    return PgMigrateError(
        Kind.RESTORE,
        f'could not use backup "{label}": it is not sure to be of database "{keeper.database}" on host '
        f"{keeper.session.host.name}",
        detail=f"Found {there}: {why}; expected one of this very database, or of one that a restore put it in the "
        "place of.",
        hint=f"If that is the one that you want all the same: --data pg_backup={first.label}{more}",
    )
