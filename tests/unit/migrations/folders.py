"""SQL folders as text, and in what words one is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyinfra_pgmigrate.errors import Kind, PgMigrateError
from pyinfra_pgmigrate.migrations.files import read_folder

HEADER = "-- purpose: try\n-- phase: schema\n\n"


def folder(tmp_path: Path, **files: str) -> Path:
    for name, text in files.items():
        (tmp_path / name.replace("__", ".")).write_text(text)
    return tmp_path


def refusal(tmp_path: Path) -> str:
    with pytest.raises(PgMigrateError) as caught:
        read_folder(tmp_path)
    assert caught.value.refusal.kind is Kind.FILE
    return str(caught.value)
