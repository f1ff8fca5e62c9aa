"""Backups that are damaged: refused, replaced by the next run, and fetched again."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Machines, first
from tests.support.backups import copies, labels, taken
from tests.support.contents import contents_of
from tests.support.harness import backup, restore
from tests.support.servers import Database


def _cut(backup: Path) -> None:
    path = _largest(backup)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 7 // 10])


def _emptied(backup: Path) -> None:
    _largest(backup).write_bytes(b"")


def _flipped(backup: Path) -> None:
    content = bytearray(_largest(backup).read_bytes())
    content[len(content) // 2] ^= 1
    _largest(backup).write_bytes(bytes(content))


def _missing(backup: Path) -> None:
    _largest(backup).unlink()


def _edited_manifest(backup: Path) -> None:
    path = backup / "manifest.json"
    path.write_text(path.read_text().replace('"applied": 0', '"applied": 6'))


def _no_manifest(backup: Path) -> None:
    (backup / "manifest.json").unlink()


def _cut_manifest(backup: Path) -> None:
    path = backup / "manifest.json"
    path.write_text(path.read_text()[:200])


def _edited_contents(backup: Path) -> None:
    path = backup / "contents.json"
    path.write_text(path.read_text().replace('"public.projects": [40, ', '"public.projects": [41, '))


def _edited_list(backup: Path) -> None:
    path = backup / "files.sha256"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))


def _readable(backup: Path) -> None:
    _largest(backup).chmod(0o644)


def _open_folder(backup: Path) -> None:
    backup.chmod(0o755)


def _other_owner(backup: Path) -> None:
    shutil.chown(_largest(backup), "nobody")


def _added(backup: Path) -> None:
    path = backup / "dump" / "more.dat"
    path.write_text("x")
    path.chmod(0o600)


def _linked(backup: Path) -> None:
    path = _largest(backup)
    target = backup.parent / "elsewhere"
    path.rename(target)
    path.symlink_to(target)


def _largest(backup: Path) -> Path:
    return max((backup / "dump").glob("*.dat*"), key=lambda path: path.stat().st_size)


DAMAGES = [
    _cut, _emptied, _flipped, _missing, _edited_manifest, _no_manifest, _cut_manifest, _edited_contents, _edited_list,
    _readable, _open_folder, _other_owner, _added, _linked,
]  # fmt: skip


class TestDamage:
    @pytest.fixture(scope="class")
    @staticmethod
    def pair(machines: Machines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, Path]]:
        """A database with two good backups."""
        folder = tmp_path_factory.mktemp("pair") / "backups"
        with machines.server(17).database("legacy") as database:
            settings = database.settings(pg_skip_backup=False, pg_backup_dir=str(folder))
            taken(folder, settings)
            taken(folder, settings)
            yield database, folder

    # What is damaged otherwise: tests/security/test_files_damaged.py.
    @first(4)
    @pytest.mark.parametrize("damage", DAMAGES, ids=lambda one: one.__name__.strip("_"))
    def test_is_refused_by_verify_and_by_restore_and_the_good_one_stays(
        self, pair: tuple[Database, Path], tmp_path: Path, damage: Callable[[Path], None]
    ) -> None:
        database, original = pair
        folder = tmp_path / "backups"
        shutil.copytree(original, folder, symlinks=True)
        good, bad = labels(folder)
        before = contents_of(database)
        damage(folder / bad)
        settings = database.settings(pg_skip_backup=False, pg_backup_dir=str(folder))

        restored = restore({**settings, "pg_backup": bad})
        verified = backup({**settings, "pg_backup": bad})
        read = backup({**settings, "pg_backup": bad, "pg_verify": "read"})

        for result in (restored, verified, read):
            assert not result.ok
            assert f'backup "{bad}" is damaged' in result.refusals[0], result.text
        assert contents_of(database) == before
        assert copies(database.server) == []
        assert backup({**settings, "pg_backup": good}).ok
        assert labels(folder) == [good, bad]

    @pytest.mark.parametrize("damage", [_cut, _edited_manifest, _readable], ids=lambda one: one.__name__.strip("_"))
    def test_makes_the_next_run_take_another_one(
        self, pair: tuple[Database, Path], tmp_path: Path, damage: Callable[[Path], None]
    ) -> None:
        database, original = pair
        folder = tmp_path / "backups"
        shutil.copytree(original, folder, symlinks=True)
        for label in labels(folder):
            damage(folder / label)

        result = backup(database.settings(pg_skip_backup=False, pg_backup_dir=str(folder)))

        assert result.ok, result.text
        assert result.changed == ["Backup"]
        assert len(labels(folder)) == 3


class TestFetching:
    def test_a_verified_backup_is_copied_to_the_controller_once(
        self, kept: Callable[..., dict[str, Any]], folder: Path, tmp_path: Path
    ) -> None:
        away = tmp_path / "away"
        first = backup(kept(pg_backup_fetch=str(away)))
        second = backup(kept(pg_backup_fetch=str(away)))

        (label,) = labels(folder)
        assert first.ok, first.text
        assert second.unchanged == ["Backup"]
        here = {path.relative_to(folder): path.read_bytes() for path in (folder / label).rglob("*") if path.is_file()}
        there = {path.relative_to(away): path.read_bytes() for path in away.rglob("*") if path.is_file()}
        assert here == there
        assert {oct(path.stat().st_mode & 0o777) for path in away.rglob("*") if path.is_file()} == {"0o600"}

        _flipped(away / label)
        assert backup(kept(pg_backup_fetch=str(away))).changed == ["Backup"]
        assert (away / label / "manifest.json").read_bytes() == (folder / label / "manifest.json").read_bytes()
