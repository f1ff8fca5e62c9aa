"""What gives the files of other migration tools away: their names, or marks in their text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

# Source: Flyway documentation, "Migrations" (naming); golang-migrate, MIGRATIONS.md; sqlx-cli, README.
FLYWAY = re.compile(r"(?P<kind>[VUB])(?P<version>[0-9]+(?:[._][0-9]+)*)__(?P<name>.+)\.sql|R__(?P<repeated>.+)\.sql")
UP_DOWN = re.compile(r"V?(?P<version>[0-9]+)[_.-](?P<name>.+)\.(?P<way>up|down)\.sql")


@dataclass(frozen=True)
class Marks:
    """Comment lines with which a tool parts a file.

    + up, down: patterns; what stands above the first of them belongs to neither
    """

    tool: str
    up: re.Pattern[str]
    down: re.Pattern[str]


def _line(text: str) -> re.Pattern[str]:
    return re.compile(rf"^--[ \t]*{text}[^\n]*$", re.MULTILINE | re.IGNORECASE)


# Source: documentation of each tool: dbmate README, goose "SQL migrations", sql-migrate README, node-pg-migrate "SQL".
MARKS = (
    Marks("dbmate", _line(r"migrate:up\b"), _line(r"migrate:down\b")),
    Marks("goose", _line(r"\+goose up\b"), _line(r"\+goose down\b")),
    Marks("sql-migrate", _line(r"\+migrate up\b"), _line(r"\+migrate down\b")),
    # Alone in their line: others may be words of somebody.
    Marks(
        "node-pg-migrate", _line(r"[ \t-]*up[ \t]+migration[ \t.:-]*$"), _line(r"[ \t-]*down[ \t]+migration[ \t.:-]*$")
    ),
)
# What node-pg-migrate takes for a mark as well.
LIKE_MARKS = re.compile(r"^[ \t]*--[ \t-]*(?:up|down)[ \t]+migration[^\n]*$", re.MULTILINE | re.IGNORECASE)

# Comments that have a file run without a transaction: goose, dbmate, sql-migrate, sqlx.
WITHOUT_TRANSACTION = re.compile(
    r"^--[ \t]*(?:\+goose no transaction|migrate:up[^\n]*\btransaction:false|\+migrate up[^\n]*\bnotransaction"
    r"|no-transaction)\b",
    re.MULTILINE | re.IGNORECASE,
)


def marks_of(text: str) -> Marks | None:
    """Returns the marks that part a text, or None where there are none."""
    return next((one for one in MARKS if one.up.search(text) or one.down.search(text)), None)


def tool_of(path: Path) -> str | None:
    """Returns the tool that gives its files or folders such a name, or None.

    >>> tool_of(Path("V2__add_users.sql")), tool_of(Path("20240101_add_users.up.sql")), tool_of(Path("001_a.sql"))
    ('Flyway', 'golang-migrate', None)
    """
    if path.is_dir():
        return "Prisma" if (path / "migration.sql").exists() else "Diesel" if (path / "up.sql").exists() else None
    if path.name == "sqitch.plan":
        return "Sqitch"
    if FLYWAY.fullmatch(path.name):
        return "Flyway"
    return "golang-migrate" if UP_DOWN.fullmatch(path.name) else None
