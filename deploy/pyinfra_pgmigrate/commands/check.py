"""``pgmigrate check``: whether effects are current and the rules are kept, for people, for GitHub and as JSON."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from ..application.compatibility import load_uses
from ..application.queries import load_queries
from ..application.totals import load_totals
from ..errors import PgMigrateError, Refusal
from ..lint.rules import findings
from ..migrations.files import load_folder
from ..rollback.scripts import load_rollbacks
from .writing import tell


@dataclass(frozen=True)
class Found:
    """What is wrong in an SQL folder.

    + file: with the folder; where no line is known, line is 0
    + rule: of ``pgmigrate check``, or the kind of a refusal
    """

    file: str
    line: int
    rule: str
    message: str
    detail: str
    hint: str

    @property
    def as_text(self) -> str:
        """Two or three lines for people."""
        place = f"{self.file}:{self.line}: {self.rule}: " if self.line else ""
        detail = f"\nDETAIL: {self.detail}" if self.detail else ""
        return f"{place}{self.message}{detail}\nHINT: {self.hint}"

    @property
    def as_annotation(self) -> str:
        """A workflow command. Source: GitHub Docs, "Workflow commands for GitHub Actions", Setting an error message."""
        place = f"file={_escaped(self.file, ',:')}" + (f",line={self.line}" if self.line else "")
        body = "\n".join(part for part in (self.message, self.detail, f"HINT: {self.hint}") if part)
        return f"::error {place},title={_escaped(self.rule, ',:')}::{_escaped(body)}"


def _escaped(text: str, more: str = "") -> str:
    for character in "%\r\n" + more:
        text = text.replace(character, f"%{ord(character):02X}")
    return text


def run(options: argparse.Namespace) -> int:
    """Says what is wrong in an SQL folder, as text, github or json; returns 0 where nothing is, else 1.

    Raises PgMigrateError for a file that breaks a rule of the format, where that is told as text.
    """
    folder, form = options.folder, options.form
    try:
        count, found = _findings(folder)
    except PgMigrateError as error:
        if form == "text":
            raise
        count, found = 0, [_of(error.refusal, folder)]
    if form == "json":
        tell(json.dumps({"migrations": count, "findings": [asdict(one) for one in found]}, indent=2))
    else:
        for one in found:
            tell(one.as_text if form == "text" else one.as_annotation)
    if not found and form != "json":
        tell(f"{count} migrations in {folder}: effects are current, rules are kept")
    return 1 if found else 0


def _findings(folder: Path) -> tuple[int, list[Found]]:
    migrations = load_folder(folder)
    load_rollbacks(folder)
    load_uses(folder)
    load_totals(folder)
    load_queries(folder, [migration.version for migration in migrations])
    stale = [
        _of(migration.stale, folder / f"{migration.name}.sql")
        for migration in migrations
        if migration.stale is not None
    ]
    broken = [
        Found(f"{folder}/{one.file}", one.line, one.rule, one.message, "", one.remedy) for one in findings(migrations)
    ]
    return len(migrations), stale + broken


def _of(refusal: Refusal, path: Path) -> Found:
    return Found(str(path), 0, refusal.kind.value, refusal.message, refusal.detail, refusal.hint)
