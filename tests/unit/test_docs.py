"""Promises of the documents: pages made from the code are current, links lead somewhere, commands and examples parse."""

from __future__ import annotations

import ast
import json
import re
import runpy
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyinfra_pgmigrate
import pytest
from pyinfra_pgmigrate.application import compatibility, queries, totals
from pyinfra_pgmigrate.cli import _parser
from pyinfra_pgmigrate.errors import Kind
from pyinfra_pgmigrate.lint.rules import RULES
from pyinfra_pgmigrate.migrations.header import HEADER_KEYS
from pyinfra_pgmigrate.rollback import scripts
from pyinfra_pgmigrate.settings import KEYS, PREFIX
from pyinfra_pgmigrate.sqltext.parser import split

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "deploy" / "pyinfra_pgmigrate"
REFERENCE = ROOT / "docs" / "reference"
README = ROOT / "README.md"
PAGES = sorted([README, ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *(ROOT / "docs").rglob("*.md")])
MADE: dict[str, str] = runpy.run_path(str(ROOT / "docs" / "generate.py"))["pages"]()

MOST_LINES = 150
# Inventories that a reader writes.
OWN_INVENTORIES = {"inventories/dev.py"}
FLAGS = {"-y", "-v", "--dry", "--serial"}
OPTIONS = {"--limit", "--fail-percent"}
# Words that no operator uses so; CONTRIBUTING says how to write.
ODD_WORDS = re.compile(r"\b(goes|told|tells|anew|hangs on|other hands|of the default)\b")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"^ *```.*?^ *```$|`[^`\n]+`|^ {4,}\S[^\n]*$", re.MULTILINE | re.DOTALL)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def anchors(path: Path) -> set[str]:
    """Returns the anchors of a page's headings, as GitHub makes them."""
    text = FENCE.sub("", path.read_text())
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def blocks(path: Path, language: str) -> list[str]:
    return [body for found, body in FENCE.findall(path.read_text()) if found == language]


def commands() -> Iterator[tuple[str, list[str]]]:
    """Yields the page and the words of each command line in a block of code."""
    for path in PAGES:
        if path == REFERENCE / "commands.md":
            continue  # usage, with names for values; it is made from the parser itself
        text = path.read_text()
        lines = [line for _, body in FENCE.findall(text) for line in body.splitlines()]
        lines += re.findall(r"^ {4,}(\S.*)$", FENCE.sub("", text), re.MULTILINE)
        for line in lines:
            if line.split(" ")[0] in ("pgmigrate", "pyinfra", "make"):
                yield name_of(path), shlex.split(line, comments=True)


COMMANDS = list(commands())


@pytest.mark.parametrize("name", sorted(MADE))
def test_a_page_made_from_the_code_is_current(name: str) -> None:
    assert (REFERENCE / name).read_text() == MADE[name], "run: make docs"


def test_what_takes_no_value_is_shown_without_one() -> None:
    page = (REFERENCE / "commands.md").read_text()
    shown = re.findall(r"\[(--[a-z-]+)(?: ([A-Z]+))?\]", page)

    assert {option for option, value in shown if not value} == {"--all", "--watch"}
    assert "pgmigrate record [FOLDER] [--dir FOLDER] [--all] [--watch] " in page


def test_the_readme_is_short() -> None:
    assert len(README.read_text().splitlines()) <= MOST_LINES


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_every_link_leads_somewhere(path: Path) -> None:
    lost = []
    for target in LINK.findall(path.read_text()):
        if target.startswith(("https://", "http://")):
            continue
        file, _, anchor = target.partition("#")
        there = (path.parent / file).resolve() if file else path
        if not there.exists() or (anchor and anchor not in anchors(there)):
            lost.append(target)
    assert lost == []


def test_every_page_is_linked_from_another() -> None:
    linked = {
        (path.parent / target.partition("#")[0]).resolve()
        for path in PAGES
        for target in LINK.findall(path.read_text())
        if not target.startswith(("http", "#"))
    }
    assert [name_of(path) for path in PAGES if path not in linked | {README}] == []


@pytest.mark.parametrize(("page", "words"), [one for one in COMMANDS if one[1][0] == "pgmigrate"])
def test_every_pgmigrate_command_parses(page: str, words: list[str]) -> None:
    assert _parser().parse_args(words[1:]).module


@pytest.mark.parametrize(("page", "words"), [one for one in COMMANDS if one[1][0] == "make"])
def test_every_make_target_is_there(page: str, words: list[str]) -> None:
    targets = {"$(VENV)/.installed": ".venv/.installed"}
    made = set(re.findall(r"^(\S+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert words[1] in {targets.get(one, one) for one in made}


@pytest.mark.parametrize(("page", "words"), [one for one in COMMANDS if one[1][0] == "pyinfra"])
def test_every_pyinfra_command_names_what_there_is(page: str, words: list[str]) -> None:
    places, data = [], {}
    rest = iter(words[1:])
    for word in rest:
        if word == "--data":
            key, _, value = next(rest).partition("=")
            data[key] = value
        elif word in OPTIONS:
            next(rest)
        elif word not in FLAGS:
            places.append(word)
    inventory, deploy = places

    assert inventory in OWN_INVENTORIES or (ROOT / inventory).exists()
    package, _, function = deploy.partition(".")
    if package == "pyinfra_pgmigrate":
        assert function in pyinfra_pgmigrate.__all__
    else:
        assert (ROOT / deploy).exists()
    for key, value in data.items():
        KEYS[key].read(as_pyinfra_reads(value))


def as_pyinfra_reads(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value


@pytest.mark.parametrize("path", [path for path in PAGES if blocks(path, "python")], ids=name_of)
def test_every_python_example_parses_and_names_what_there_is(path: Path) -> None:
    for text in blocks(path, "python"):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and node.module == "pyinfra_pgmigrate":
                assert {alias.name for alias in node.names} <= set(pyinfra_pgmigrate.__all__)
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id.endswith("_database"):
                # Those with an underscore are pyinfra's own.
                ours = {str(keyword.arg) for keyword in node.keywords if not str(keyword.arg).startswith("_")}
                assert {f"{PREFIX}{name}" for name in ours} <= set(KEYS)
            elif isinstance(node, ast.Constant) and str(node.value).startswith(PREFIX):
                assert node.value in KEYS
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                assert not node.targets[0].id.startswith(PREFIX) or node.targets[0].id in KEYS


@pytest.mark.parametrize("path", [path for path in PAGES if blocks(path, "sql")], ids=name_of)
def test_every_sql_example_is_sql(path: Path) -> None:
    for text in blocks(path, "sql"):
        split(text)  # raises where PostgreSQL's grammar does not take it


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_every_host_data_key_that_a_page_names_is_there(path: Path) -> None:
    # Between backticks; names of PostgreSQL's own begin with pg_ too.
    named = set(re.findall(r"`(pg_\w+)=", path.read_text()))
    assert named <= set(KEYS)


def test_every_setting_refusal_rule_and_header_key_is_documented() -> None:
    settings, refusals = (REFERENCE / "settings.md").read_text(), (REFERENCE / "refusals.md").read_text()
    rules, headers = (REFERENCE / "lint-rules.md").read_text(), (REFERENCE / "header-keys.md").read_text()
    keys = {*HEADER_KEYS, *scripts.HEADER_KEYS, *compatibility.HEADER_KEYS, *queries.HEADER_KEYS, *totals.HEADER_KEYS}

    assert [name for name in KEYS if f"\n| `{name}` | " not in settings] == []
    assert [kind.value for kind in Kind if f"\n| {kind.value} | " not in refusals] == []
    assert [rule.name for rule in RULES if f"\n## {rule.name}\n" not in rules] == []
    assert [key for key in keys if f"\n| `{key}` | " not in headers] == []


@pytest.mark.parametrize("path", [path for path in PAGES if path != REFERENCE / "registry.md"], ids=name_of)
def test_pages_are_in_words_that_operators_use(path: Path) -> None:
    """Of what people wrote: output is that of the program, and the registry's comments are in the databases."""
    assert ODD_WORDS.findall(CODE.sub("", path.read_text())) == []


class TestMap:
    """CONTRIBUTING says where to look."""

    TEXT = (ROOT / "CONTRIBUTING.md").read_text()
    ROWS = re.findall(r"^\| (.+?) \| `([\w.]+)` \| `([\w.]+)` \| `(.+)` \|$", TEXT, re.MULTILINE)

    def test_it_answers_twenty_questions(self) -> None:
        assert len(self.ROWS) >= 20

    @pytest.mark.parametrize(("question", "folder", "file", "word"), ROWS, ids=[row[0] for row in ROWS])
    def test_the_file_holds_the_answer(self, question: str, folder: str, file: str, word: str) -> None:
        assert word in (PACKAGE / folder / file).read_text()

    def test_every_package_is_described(self) -> None:
        packages = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
        modules = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"}
        named = set(re.findall(r"`(\w+)`", self.TEXT.split("| package | subject |")[1].split("## ")[0]))
        assert (packages | modules) - named == set()


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_messages_are_in_words_that_operators_use(path: Path) -> None:
    """Texts of the code that are no docstrings and no keys, and not the format of the comment on a copy."""
    tree = ast.parse(path.read_text())
    blocks = [node for node in ast.walk(tree) if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)]
    first = [node.body[0] for node in blocks if node.body]
    documents = {id(node.value) for node in first if isinstance(node, ast.Expr)}
    texts = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documents
    ]
    odd = [text for text in texts if ODD_WORDS.search(re.sub("^#.*$", "", text, flags=re.MULTILINE))]
    assert [text for text in odd if not (text.isidentifier() or text.startswith("made by run "))] == []
