"""Copies of backups on the controller: fetched piece by piece through pyinfra's own connection.

Not through pyinfra's file transfer: with sudo that leaves a readable copy in a temporary folder of the host.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import gevent

# Bytes of a piece; each is one line of base64 in the answer.
_PIECE = 4 * 1024 * 1024

_SEALED = ("files.sha256", "contents.json", "catalog.json", "manifest.json")


def is_fetched(folder: Path) -> bool:
    """Tells whether a folder holds a backup whose files all have their hashes."""
    listed = folder / "files.sha256"
    if folder.is_symlink() or not _is_file(folder / "manifest.json") or not _is_file(listed):
        return False
    try:
        return all(
            _is_file(_inside(folder, name)) and _checksum(folder / name) == digest
            for name, digest in listed_files(listed.read_text(encoding="utf-8"))
        )
    except ValueError:
        return False


def _is_file(path: Path) -> bool:
    """Tells whether a path is a file itself: no link, and nothing that keeps whoever reads it waiting."""
    return path.is_file() and not path.is_symlink()


def _inside(folder: Path, name: str) -> Path:
    """Returns the path of a file of a backup. Raises ValueError for a name that leads out of it."""
    if ".." in Path(name).parts or Path(name).is_absolute():
        raise ValueError(f"{name} leads out of the backup")
    return folder / name


def check_folder(folder: Path) -> None:
    """Raises ValueError where others could put something into a folder of this machine, or another one in its place.

    Up to the root of the file system: each must belong to us or to root, and nobody else may write to it; above the
    folder itself one will do in which each may change only what is his own.
    """
    if folder.is_symlink():
        raise ValueError(f"{folder} is a symbolic link; expected a folder")
    resolved = folder.resolve()
    for path in (resolved, *resolved.parents):
        found = path.stat()
        if found.st_uid not in (os.geteuid(), 0):
            raise ValueError(f"{path} belongs to user {found.st_uid}; expected user {os.geteuid()} or root")
        is_sticky = path != resolved and found.st_mode & stat.S_ISVTX
        if found.st_mode & 0o022 and not is_sticky:
            raise ValueError(f"{path} has mode {found.st_mode & 0o7777:o}; expected: chmod go-w {path}")


def listed_files(text: str) -> list[tuple[str, str]]:
    """Returns name and SHA-256 of each file that a text in the format of sha256sum lists.

    >>> listed_files("ab12  ./dump/toc.dat")
    [('./dump/toc.dat', 'ab12')]
    """
    rows = [line.partition("  ") for line in text.splitlines() if line]
    return [(name, digest) for digest, _, name in rows]


def _checksum(path: Path) -> str:
    """Returns the SHA-256 of a file, computed in a thread: other hosts are served meanwhile."""
    return str(gevent.get_hub().threadpool.apply(_digest, (path,)))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else _slowly(path)


def _slowly(path: Path) -> str:
    # Python 3.10 has no file_digest.
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()


def fetch(label: str, into: Path, piece: Callable[[str, int, int], str], sums: dict[str, str]) -> list[str]:
    """Copies a backup into a folder of the controller; all of it or nothing. Returns what does not fit.

    + piece: returns a part of a file as base64: name, first byte, number of bytes
    + sums: SHA-256 of the files that the manifest vouches for
    Changes: a folder of the backup's label, mode 0700, its files 0600.
    """
    into.mkdir(mode=0o700, parents=True, exist_ok=True)
    check_folder(into)
    partial = into / f"{label}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=0o700)
    try:
        for name in _SEALED:
            _copy(name, partial, piece)
        listed = listed_files((partial / "files.sha256").read_text(encoding="utf-8"))
        for name, _ in listed:
            _copy(name, partial, piece)
        problems = [name for name, digest in [*listed, *sums.items()] if _checksum(partial / name) != digest]
        if not problems:
            shutil.rmtree(into / label, ignore_errors=True)
            partial.rename(into / label)
        return problems
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _copy(name: str, folder: Path, piece: Callable[[str, int, int], str]) -> None:
    path = _inside(folder, name)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("wb") as file:
        path.chmod(0o600)
        start = 0
        while True:
            content = base64.b64decode(piece(name, start, _PIECE))
            file.write(content)
            start += len(content)
            if len(content) < _PIECE:
                return
