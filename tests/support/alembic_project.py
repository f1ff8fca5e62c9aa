"""A project of Alembic, as its users write it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

_ENV = """from alembic import context

context.configure(dialect_name="postgresql", literal_binds=True)
with context.begin_transaction():
    context.run_migrations()
"""
_REVISION = """from alembic import op
import sqlalchemy as sa

revision = {revision!r}
down_revision = {before!r}


def upgrade():
    {up}


def downgrade():
    {down}
"""
REVISIONS = (
    ("aa01", "make_users", 'op.create_table("users", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.Text))',
     'op.drop_table("users")'),
    ("bb02", "names", "op.execute(\"UPDATE users SET name = 'old'\")", "pass"),
    ("cc03", "view", 'op.execute("CREATE VIEW v AS SELECT 1 AS one")', 'op.execute("DROP VIEW v")'),
)  # fmt: skip


def write_project(folder: Path, *more: tuple[str, str | None, str, str, str]) -> Path:
    """Writes a project with REVISIONS, one after the other, and more: revision, before, name, up, down."""
    (folder / "migrations" / "versions").mkdir(parents=True)
    (folder / "alembic.ini").write_text("[alembic]\nscript_location = %(here)s/migrations\n")
    (folder / "migrations" / "env.py").write_text(_ENV)
    line = [(one[0], REVISIONS[place - 1][0] if place else None, *one[1:]) for place, one in enumerate(REVISIONS)]
    for revision, before, name, up, down in (*line, *more):
        text = _REVISION.format(revision=revision, before=before, up=up, down=down)
        (folder / "migrations" / "versions" / f"{revision}_{name}.py").write_text(text)
    return folder


def find_alembic(monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts the command of this environment into PATH."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
