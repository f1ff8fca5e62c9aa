"""Backups of which others damaged or replaced a file: each is refused in three lines, in time."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pyinfra_pgmigrate.backup.manifest import json_line

from tests.conftest import NEWEST, Machines
from tests.security.planted import fifo, in_three_lines, link, name_of, of_other, with_a_hole
from tests.support.backups import labels, taken
from tests.support.harness import backup, restore
from tests.support.servers import Database


def _nested(path: Path) -> None:
    path.write_text("[" * 1_000_000)
    path.chmod(0o600)


def _no_object(path: Path) -> None:
    path.write_text('[{"manifest_sha256": 1}]')
    path.chmod(0o600)


def _of_odd_kinds(path: Path) -> None:
    """A manifest that fits its own hash, and whose values are of kinds that no manifest has."""
    values = json.loads(path.read_text())
    del values["manifest_sha256"]
    values["rows"], values["roles"] = "many", {"a": ["b"]}
    path.write_text(json_line({**values, "manifest_sha256": hashlib.sha256(json_line(values).encode()).hexdigest()}))


def _with_more(path: Path) -> None:
    """A manifest that fits its own hash, with a value that no manifest has."""
    values = json.loads(path.read_text())
    del values["manifest_sha256"]
    values["more"] = 1
    path.write_text(json_line({**values, "manifest_sha256": hashlib.sha256(json_line(values).encode()).hexdigest()}))


def _replaced(plant: Callable[[Path], None], name: str) -> Callable[[Path], None]:
    def damage(backup: Path) -> None:
        path = backup / name
        if plant in (_of_odd_kinds, _with_more):
            plant(path)
            return
        path.unlink()
        plant(path)

    damage.__name__ = f"{name}_{plant.__name__.strip('_')}"
    return damage


def _linked_label(backup: Path) -> None:
    elsewhere = backup.parent.parent / "elsewhere"
    backup.rename(elsewhere)
    backup.symlink_to(elsewhere)


def _hole_in_the_dump(backup: Path) -> None:
    os.truncate(max((backup / "dump").iterdir()), 1 << 42)


def _listed_outside(backup: Path) -> None:
    path = backup / "files.sha256"
    path.write_text(f"{'0' * 64}  /dev/zero\n")


MANIFESTS = [link, fifo, of_other, with_a_hole, _nested, _no_object, _of_odd_kinds, _with_more]
DAMAGES = [
    *[_replaced(plant, "manifest.json") for plant in MANIFESTS],
    *[_replaced(plant, name) for plant in (fifo, with_a_hole, _nested) for name in ("contents.json", "files.sha256")],
    _linked_label,
    _hole_in_the_dump,
    _listed_outside,
]


class TestDamage:
    @pytest.fixture(scope="class")
    @staticmethod
    def kept_once(machines: Machines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, Path]]:
        """A database with a good backup."""
        folder = tmp_path_factory.mktemp("once") / "backups"
        with machines.server(NEWEST).database("legacy") as database:
            taken(folder, database.settings(pg_skip_backup=False, pg_backup_dir=str(folder), pg_verify="read"))
            yield database, folder

    @pytest.mark.parametrize("damage", DAMAGES, ids=name_of)
    def test_is_refused_in_three_lines_in_time(
        self, kept_once: tuple[Database, Path], tmp_path: Path, damage: Callable[[Path], None]
    ) -> None:
        database, original = kept_once
        folder = tmp_path / "backups"
        shutil.copytree(original, folder)
        (label,) = labels(folder)
        damage(folder / label)
        settings = database.settings(pg_skip_backup=False, pg_backup_dir=str(folder), pg_run_wait_s=5)

        for result in (restore({**settings, "pg_backup": label}), backup({**settings, "pg_backup": label})):
            assert label in in_three_lines(result)
