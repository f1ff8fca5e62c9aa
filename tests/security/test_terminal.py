"""Names and messages of others on a terminal: what would command it is told as an escape, everywhere."""

from __future__ import annotations

import secrets
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyinfra_pgmigrate.units import visible

from tests.support.cli import Site
from tests.support.folders import written
from tests.support.harness import backup, migrate, status
from tests.support.servers import Database, Server

# Sets the title of a window; a command in one character of eight bits; turns what follows round; forges a line.
EVIL = "a\x1b]0;owned\x07\x9b2J\u202egnp\rb"
AS_SQL = r"""U&"a\001b]0;owned\0007\009b2J\202egnp\000db" """
SHOWN = r"a\u001b]0;owned\u0007\u009b2J\u202egnp\rb"
BIDIRECTIONAL = ("LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI")


def _is_harmless(text: str) -> bool:
    return text == visible(text) and not any(character in text for character in EVIL if not character.isprintable())


def test_all_that_commands_a_terminal_is_shown_as_an_escape_and_nothing_else() -> None:
    for number in range(sys.maxunicode + 1):
        character = chr(number)
        is_command = unicodedata.category(character) == "Cc" and character not in "\n\t"
        is_turn = unicodedata.bidirectional(character) in BIDIRECTIONAL or number in (0x200E, 0x200F, 0x061C)
        is_line_end = unicodedata.category(character) in ("Zl", "Zp")
        expected = is_command or is_turn or is_line_end or number == 0xFEFF
        assert (visible(character) != character) is expected, hex(number)
    assert visible("Zürich \u4e16\u754c\n\t\\") == "Zürich \u4e16\u754c\n\t\\"


class TestNames:
    def test_of_tables_are_harmless_in_status(self, legacy: Database) -> None:
        assert migrate(legacy.settings()).ok
        legacy.run(f"CREATE TABLE {AS_SQL} (id integer)")

        result = status(legacy.settings())

        assert SHOWN in result.text
        assert _is_harmless(result.text)

    def test_of_tables_are_harmless_in_what_the_server_says(
        self, legacy: Database, kept: Callable[..., dict[str, Any]]
    ) -> None:
        legacy.run(f"CREATE TABLE {AS_SQL} (id integer)")
        role = f"reader_{secrets.token_hex(3)}"
        legacy.run(f"CREATE ROLE {role} LOGIN BYPASSRLS")
        try:
            result = backup(kept(pg_user=role, pg_verify="read"))
        finally:
            legacy.run(f"DROP ROLE {role}")

        assert not result.ok
        assert "permission denied" in result.text
        assert _is_harmless(result.text)

    def test_of_rows_are_harmless_where_a_migration_fails(self, server: Server, tmp_path: Path) -> None:
        texts = ("CREATE TABLE words (word text);", "CREATE UNIQUE INDEX words_word ON words (word);")
        folder = written(tmp_path / "sql", server, *texts)
        with server.database("empty") as database:
            settings = database.settings(pg_sql_dir=str(folder))
            assert migrate({**settings, "pg_target": 1}).ok
            database.session.execute("INSERT INTO words VALUES (%s), (%s)", [EVIL, EVIL])

            result = migrate(settings)

        assert not result.ok
        assert r"a\u001b]0;owned\u0007\u009b2J\u202egnp" in result.text
        assert _is_harmless(result.text)

    def test_of_roles_are_harmless_in_a_refusal_and_the_report_has_them(self, legacy: Database, tmp_path: Path) -> None:
        role = f"plain_{secrets.token_hex(3)}"
        legacy.run(f"CREATE ROLE {AS_SQL}; ALTER TABLE project_roles OWNER TO {AS_SQL}; CREATE ROLE {role} LOGIN")
        legacy.run(f"GRANT CREATE ON DATABASE {legacy.name} TO {role}; GRANT CREATE, USAGE ON SCHEMA public TO {role}")
        try:
            result = migrate(legacy.settings(pg_user=role, pg_report=True, pg_report_dir=str(tmp_path / "reports")))
        finally:
            legacy.run(f"ALTER TABLE project_roles OWNER TO postgres; DROP ROLE {AS_SQL}")
            legacy.run(f"DROP OWNED BY {role}; DROP ROLE {role}")

        assert not result.ok
        assert "belongs to" in result.text
        assert _is_harmless(result.text)
        assert result.page is not None
        assert "belongs to" in result.page.read_text(encoding="utf-8")

    @pytest.mark.parametrize("verb", ["status", "migrate"])
    def test_of_files_are_harmless_where_they_break_a_rule(self, legacy: Database, tmp_path: Path, verb: str) -> None:
        site = Site.make(tmp_path)
        folder = site.folder / "evil"
        folder.mkdir()
        (folder / f"001_{EVIL}.sql").write_text("SELECT 1;")
        where = site.write_inventory("one", {"@local": legacy.settings(pg_sql_dir=str(folder))})

        output = site.run("-y", where, f"deploy/{verb}.py").output
        checked = subprocess.run(
            [sys.executable, "-c", "from pyinfra_pgmigrate.cli import main; main()", "check", str(folder)],
            capture_output=True,
            text=True,
            check=False,
        )

        for text in (output, checked.stdout + checked.stderr):
            assert "\x07" not in text
            assert "\u202e" not in text
