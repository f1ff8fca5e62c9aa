"""Copies of backups on the controller, with a host that is a folder of this machine."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from pyinfra_pgmigrate.backup import fetch as module
from pyinfra_pgmigrate.backup.fetch import check_folder, fetch, is_fetched, listed_files

FILES = {
    "contents.json": b"{}\n",
    "catalog.json": b"[]\n",
    "manifest.json": b'{"label": "stage.1"}\n',
    "dump/toc.dat": b"\x00\x01" * 5000,
    "dump/3012.dat": b"",
}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A backup as it lies on its host."""
    folder = tmp_path / "host"
    for name, data in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    listed = [f"{sha256(FILES[name])}  ./{name}\n" for name in FILES if name.startswith("dump/")]
    (folder / "files.sha256").write_text("".join(listed))
    return folder


@pytest.fixture
def into(tmp_path: Path) -> Path:
    return tmp_path / "controller" / "shop"


def pieces(host: Path, damaged: str = "") -> Callable[[str, int, int], str]:
    """Returns what gives a part of a file, as piece.sh does."""

    def piece(name: str, start: int, count: int) -> str:
        data = (host / name).read_bytes()
        data = data[:-1] + b"?" if damaged and name.endswith(damaged) else data
        return base64.b64encode(data[start : start + count]).decode()

    return piece


def test_a_backup_is_copied_whole_and_private(host: Path, into: Path) -> None:
    sums = {name: sha256(FILES[name]) for name in ("contents.json", "catalog.json")}

    assert fetch("stage.1", into, pieces(host), sums) == []

    found = {str(path.relative_to(into / "stage.1")) for path in (into / "stage.1").rglob("*") if path.is_file()}
    assert found == {*FILES, "files.sha256"}
    assert all((into / "stage.1" / name).read_bytes() == data for name, data in FILES.items())
    modes = {path.stat().st_mode & 0o777 for path in into.rglob("*") if path.is_file()}
    assert modes == {0o600}
    assert {path.stat().st_mode & 0o777 for path in (into, into / "stage.1", into / "stage.1" / "dump")} == {0o700}
    assert [path.name for path in into.iterdir()] == ["stage.1"]
    assert is_fetched(into / "stage.1")


@pytest.mark.parametrize("size", [1, 7, 10000, 10001])
def test_files_of_several_pieces_arrive_whole(
    host: Path, into: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PIECE", size)

    assert fetch("stage.1", into, pieces(host), {}) == []
    assert (into / "stage.1" / "dump" / "toc.dat").read_bytes() == FILES["dump/toc.dat"]


@pytest.mark.parametrize("name", ["dump/toc.dat", "contents.json"])
def test_what_does_not_fit_its_hash_is_named_and_nothing_stays(host: Path, into: Path, name: str) -> None:
    problems = fetch("stage.1", into, pieces(host, name), {"contents.json": sha256(FILES["contents.json"])})

    assert [one.removeprefix("./") for one in problems] == [name]
    assert list(into.iterdir()) == []


def test_a_copy_that_does_not_fit_leaves_the_one_before(host: Path, into: Path) -> None:
    fetch("stage.1", into, pieces(host), {})

    assert fetch("stage.1", into, pieces(host, "toc.dat"), {})
    assert is_fetched(into / "stage.1")


def test_a_copy_takes_the_place_of_the_one_before_and_of_what_a_broken_one_left(host: Path, into: Path) -> None:
    fetch("stage.1", into, pieces(host), {})
    (into / "stage.1" / "more").touch()
    (into / "stage.1.partial").mkdir()
    (into / "stage.1.partial" / "old").touch()

    assert fetch("stage.1", into, pieces(host), {}) == []
    assert not (into / "stage.1" / "more").exists()
    assert not (into / "stage.1.partial").exists()


def test_a_connection_that_breaks_leaves_nothing(host: Path, into: Path) -> None:
    good = pieces(host)

    def breaks(name: str, start: int, count: int) -> str:
        if name.endswith("toc.dat"):
            raise ConnectionError("gone")
        return good(name, start, count)

    with pytest.raises(ConnectionError, match="gone"):
        fetch("stage.1", into, breaks, {})
    assert list(into.iterdir()) == []


@pytest.mark.parametrize("name", ["../outside", "/tmp/outside", "dump/../../outside"])
def test_a_host_cannot_write_outside_of_the_backup(host: Path, into: Path, tmp_path: Path, name: str) -> None:
    (host / "files.sha256").write_text(f"{sha256(b'x')}  {name}\n")

    with pytest.raises(ValueError, match="leads out of the backup"):
        fetch("stage.1", into, pieces(host), {})
    assert [path.name for path in tmp_path.rglob("outside")] == []


class TestIsFetched:
    @pytest.fixture
    def copy(self, host: Path, into: Path) -> Path:
        fetch("stage.1", into, pieces(host), {})
        return into / "stage.1"

    @pytest.mark.parametrize("name", ["manifest.json", "files.sha256", "dump/toc.dat"])
    def test_not_without_each_of_its_files(self, copy: Path, name: str) -> None:
        (copy / name).unlink()

        assert not is_fetched(copy)

    def test_not_with_a_file_that_was_changed(self, copy: Path) -> None:
        (copy / "dump" / "toc.dat").write_bytes(b"another")

        assert not is_fetched(copy)

    @pytest.mark.parametrize("name", ["manifest.json", "dump/toc.dat"])
    def test_not_with_a_link_in_the_place_of_a_file(self, copy: Path, tmp_path: Path, name: str) -> None:
        (copy / name).rename(tmp_path / "moved")
        (copy / name).symlink_to(tmp_path / "moved")

        assert not is_fetched(copy)

    def test_not_where_the_folder_is_a_link(self, copy: Path, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(copy)

        assert not is_fetched(tmp_path / "link")

    def test_not_where_its_list_leads_out_of_it(self, copy: Path) -> None:
        with (copy / "files.sha256").open("a") as file:
            file.write(f"{sha256(b'')}  ../stage.1/dump/3012.dat\n")

        assert not is_fetched(copy)

    def test_not_where_nothing_is(self, tmp_path: Path) -> None:
        assert not is_fetched(tmp_path / "nothing")

    def test_not_with_what_keeps_its_reader_waiting(self, copy: Path) -> None:
        (copy / "dump" / "toc.dat").unlink()
        os.mkfifo(copy / "dump" / "toc.dat")

        assert not is_fetched(copy)


class TestCheckFolder:
    def test_a_private_folder_will_do_below_one_in_which_each_has_his_own(self, tmp_path: Path) -> None:
        (tmp_path / "all").mkdir()
        (tmp_path / "all").chmod(0o1777)
        (tmp_path / "all" / "mine").mkdir(mode=0o700)

        check_folder(tmp_path / "all" / "mine")

    @pytest.mark.parametrize("mode", [0o770, 0o702, 0o1777])
    def test_one_that_others_may_write_to_is_refused_with_the_command(self, tmp_path: Path, mode: int) -> None:
        folder = tmp_path / "open"
        folder.mkdir()
        folder.chmod(mode)

        with pytest.raises(ValueError, match=rf"open has mode {mode:o}; expected: chmod go-w {folder}"):
            check_folder(folder)

    def test_so_is_one_below_such_a_folder(self, tmp_path: Path) -> None:
        (tmp_path / "open" / "mine").mkdir(parents=True)
        (tmp_path / "open").chmod(0o777)

        with pytest.raises(ValueError, match=r"open has mode 777"):
            check_folder(tmp_path / "open" / "mine")

    def test_so_is_a_link(self, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(tmp_path)

        with pytest.raises(ValueError, match="link is a symbolic link; expected a folder"):
            check_folder(tmp_path / "link")

    def test_so_is_one_of_another_user(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        folder = tmp_path / "theirs"
        folder.mkdir()
        if os.geteuid() == 0:
            os.chown(folder, 12345, -1)
        else:
            monkeypatch.setattr(os, "geteuid", lambda: 12345)
        owner, user = folder.stat().st_uid, os.geteuid()

        with pytest.raises(ValueError, match=f"theirs belongs to user {owner}; expected user {user} or root"):
            check_folder(folder)


def test_a_list_of_hashes_may_have_names_with_spaces() -> None:
    assert listed_files("aa  ./dump/a  b\n\nbb  c\n") == [("./dump/a  b", "aa"), ("c", "bb")]
    assert listed_files("") == []


def test_a_file_without_file_digest_has_the_same_hash(host: Path, into: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with Python 3.10."""
    monkeypatch.delattr(hashlib, "file_digest", raising=False)

    assert fetch("stage.1", into, pieces(host), {}) == []
    assert is_fetched(into / "stage.1")
