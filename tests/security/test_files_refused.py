"""What each verb says of a path that others may write to, on the host and on the controller."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.security.planted import in_three_lines, name_of
from tests.support.backups import taken
from tests.support.harness import Result, backup, migrate, restore, rollback, validate
from tests.support.servers import Database


class TestVerbs:
    @pytest.mark.parametrize("verb", [backup, migrate, rollback, restore], ids=name_of)
    def test_say_in_three_lines_which_path_they_do_not_use_and_how_to_mend_it(
        self, kept: Callable[..., dict[str, Any]], folder: Path, legacy: Database, verb: Callable[..., Result]
    ) -> None:
        if verb is rollback:
            migrate(legacy.settings())
        folder.mkdir()
        folder.chmod(0o777)

        refusal = in_three_lines(verb(kept(pg_backup="latest" if verb is restore else None)))

        assert f"{folder} is not safe" in refusal
        assert f"{folder} with mode 777" in refusal
        assert f"chmod go-w {folder}" in refusal
        folder.chmod(0o700)
        assert backup(kept(pg_verify="read")).ok

    def test_validate_fails_where_it_cannot_compare_with_the_backup(
        self, kept: Callable[..., dict[str, Any]], folder: Path
    ) -> None:
        folder.mkdir()
        folder.chmod(0o777)

        result = validate(kept(pg_backup="latest"))

        assert not result.ok
        assert f"{folder} is not safe" in result.text
        assert "Traceback" not in result.text

    def test_a_link_in_place_of_the_claim_costs_nobody_a_file(
        self, kept: Callable[..., dict[str, Any]], folder: Path, tmp_path: Path, legacy: Database
    ) -> None:
        folder.mkdir(mode=0o700)
        victim = tmp_path / "victim"
        victim.write_text("precious")
        claim = folder / f".{legacy.name}.claim"
        claim.symlink_to(victim)

        refusal = in_three_lines(backup(kept()))

        assert victim.read_text() == "precious"
        assert f"rm {claim}" in refusal
        claim.unlink()
        assert backup(kept(pg_verify="read")).ok


class TestFetched:
    @pytest.mark.parametrize("mode", [0o777, 0o770])
    def test_no_backup_comes_into_a_folder_of_the_controller_that_others_may_write_to(
        self, kept: Callable[..., dict[str, Any]], tmp_path: Path, mode: int
    ) -> None:
        target = tmp_path / "fetched"
        target.mkdir()
        target.chmod(mode)

        refusal = in_three_lines(backup(kept(pg_verify="read", pg_backup_fetch=str(target))))

        assert f"chmod go-w {target}" in refusal
        assert list(target.iterdir()) == []

    def test_a_link_in_place_of_a_backup_there_is_no_backup(
        self, kept: Callable[..., dict[str, Any]], folder: Path, tmp_path: Path
    ) -> None:
        label = taken(folder, kept(pg_verify="read"))
        target = tmp_path / "fetched"
        target.mkdir()
        (target / label).symlink_to(folder / label)

        refusal = in_three_lines(backup(kept(pg_verify="read", pg_backup_fetch=str(target))))

        assert f'could not fetch backup "{label}"' in refusal
        assert (target / label).is_symlink()
