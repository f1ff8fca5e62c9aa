"""Promises about the package as a whole: its layers, its wheel, its documents."""

from __future__ import annotations

import ast
import doctest
import importlib
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pyinfra_pgmigrate
import pytest
from pyinfra_pgmigrate.errors import Kind
from pyinfra_pgmigrate.lint.rules import RULES
from pyinfra_pgmigrate.migrations.header import HEADER_KEYS
from pyinfra_pgmigrate.registry.model import REGISTRY_VERSION
from pyinfra_pgmigrate.settings import KEYS

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "deploy" / "pyinfra_pgmigrate"
REFERENCE = ROOT / "docs" / "reference"
MODULES = sorted(PACKAGE.rglob("*.py"))

# From the bottom up: a package, or a module beside them, imports from itself and from those before it.
ORDER = (
    "errors",
    "resources",
    "units",
    "sqltext",
    "importing",
    "catalog",
    "values",
    "keys",
    "settings",
    "databases",
    "embedded",
    "container",
    "hosts",
    "psql",
    "registry",
    "migrations",
    "lint",
    "application",
    "host",
    "planning",
    "execution",
    "drift",
    "rollback",
    "backup",
    "copies",
    "physical",
    "validation",
    "rehearsal",
    "report",
    "operations",
    "deploys",
    "commands",
    "cli",
    "__main__",
)
# Modules that talk to a host, a server or an operator; all others are pure.
TALKING = {
    "__init__",
    "hosts",
    "embedded",
    "container",
    "host",
    "importing.alembic",
    "planning.database",
    "execution.runner",
    "drift.look",
    "rollback.look",
    "rollback.runner",
    "rollback.drafts",
    "migrations.record",
    "migrations.scratch",
    "migrations.scratch_session",
    "execution.progress",
    "backup.keeper",
    "backup.claim",
    "backup.take",
    "backup.verify",
    "physical.asking",
    "physical.point",
    "copies.copy",
    "copies.refusals",
    "copies.restore",
    "backup.fetch",
    "validation.compare",
    "validation.measure",
    "validation.validate",
    "rehearsal.rehearse",
    "rehearsal.compatibility",
    "rehearsal.prepared_session",
    "report.writer",
    "report.overview",
    "operations",
    "deploys",
    "commands",
    "cli",
    "__main__",
}
MOST_MODULES, MOST_LINES, MOST_LINES_OF_A_CLASS = 9, 400, 200
# Words with which a statement begins.
KEYWORDS = ("SELECT", "SET", "INSERT INTO", "UPDATE", "ALTER", "DROP", "DELETE FROM", "CREATE", "EXECUTE")


def imports_of(path: Path) -> set[str]:
    """Returns what a module imports: modules of the package by their path in it with a dot before, others by name."""
    here = path.relative_to(PACKAGE).with_suffix("").parts[:-1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(str(node.module))
        elif isinstance(node, ast.ImportFrom):
            parent = [*here[: len(here) - node.level + 1], *(node.module.split(".") if node.module else ())]
            names = [alias.name for alias in node.names]
            is_package = (PACKAGE / "/".join(parent)).is_dir()
            found |= {"." + ".".join([*parent, name]) for name in names} if is_package else {"." + ".".join(parent)}
    return found


def own_name(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


def is_pure(name: str) -> bool:
    return name not in TALKING and name.split(".", maxsplit=1)[0] not in TALKING


@pytest.mark.parametrize(
    "path", [path for path in MODULES if path.parent != PACKAGE or path.stem != "__init__"], ids=own_name
)
def test_imports_point_one_way(path: Path) -> None:
    name = own_name(path).split(".")[0]
    below = {imported[1:].split(".")[0] for imported in imports_of(path) if imported.startswith(".")} - {name}
    assert all(ORDER.index(other) < ORDER.index(name) for other in below), below


@pytest.mark.parametrize("path", [path for path in MODULES if is_pure(own_name(path))], ids=own_name)
def test_what_is_pure_imports_nothing_that_is_not(path: Path) -> None:
    imported = imports_of(path)
    if path.stem != "__init__":
        assert {one.split(".")[0] for one in imported} & {"pyinfra", "pyinfra_cli", "psycopg", "gevent"} == set()
    events = {".host.events"}  # values; they name pyinfra's Host, and nothing more
    assert {one for one in imported - events if one.startswith(".") and not is_pure(one[1:])} == set()


def test_one_module_knows_the_inside_of_pyinfra() -> None:
    inside = r"failed_hosts|activated_hosts|limit_hosts|loop_position|current_op_|pop_global|StateStage|current_stage"
    found = [own_name(path) for path in MODULES if re.search(inside, path.read_text())]
    assert found == ["host.pyinfra_api"]


def test_a_package_can_be_taken_in_at_a_glance() -> None:
    packages = {path.parent for path in MODULES} - {PACKAGE}
    assert {
        folder.name: len(modules)
        for folder in packages
        if len(modules := [path for path in folder.glob("*.py") if path.stem != "__init__"]) > MOST_MODULES
    } == {}


def test_no_module_and_no_class_is_too_long() -> None:
    lines = {own_name(path): len(path.read_text().splitlines()) for path in MODULES}
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}
    classes = [
        (f"{own_name(path)}.{node.name}", node.end_lineno - node.lineno + 1)
        for path in MODULES
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef) and node.end_lineno is not None
    ]
    assert {name: count for name, count in classes if count > MOST_LINES_OF_A_CLASS} == {}


def test_the_package_exports_its_deploys() -> None:
    assert pyinfra_pgmigrate.__all__ == [
        "backup_database",
        "database_status",
        "migrate_database",
        "restore_database",
        "rollback_database",
        "validate_database",
    ]


@pytest.mark.parametrize("path", sorted((ROOT / "deploy").glob("*.py")), ids=lambda path: path.name)
def test_entry_points_are_short_and_without_logic(path: Path) -> None:
    tree = ast.parse(path.read_text())

    assert len(path.read_text().splitlines()) < 30
    assert {type(node) for node in tree.body} <= {ast.Expr, ast.ImportFrom}


def test_the_wheel_holds_the_package_alone(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--wheel-dir",
        str(tmp_path),
        str(ROOT),
    ]
    subprocess.run(command, check=True, capture_output=True)

    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()

    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"pyinfra_pgmigrate"}
    for kind in ("sql", "sh", "html"):
        assert {str(path.relative_to(PACKAGE.parent)) for path in PACKAGE.rglob(f"*.{kind}")} == {
            name for name in names if name.endswith(f".{kind}")
        }
    assert "pyinfra_pgmigrate/py.typed" in names


def test_the_settings_page_lists_every_key_with_its_default_and_meaning() -> None:
    page = (REFERENCE / "settings.md").read_text()

    for name, key in KEYS.items():
        default = str(key.default).lower() if key.default in (True, False) else key.default
        cell = "" if key.default is None else f"`{default}`"
        assert re.search(
            rf"^\| `{name}` \| .+ \| {re.escape(cell)} \| {re.escape(key.meaning)} \|$", page, re.MULTILINE
        )


def test_the_reference_lists_every_kind_of_refusal_rule_and_header_key() -> None:
    refusals, rules, headers = (
        (REFERENCE / name).read_text() for name in ("refusals.md", "lint-rules.md", "header-keys.md")
    )

    assert [kind.value for kind in Kind if f"\n| {kind.value} | " not in refusals] == []
    assert [rule.name for rule in RULES if f"\n## {rule.name}\n" not in rules] == []
    assert [key for key in HEADER_KEYS if f"\n| `{key}` | " not in headers] == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_examples_in_docstrings_are_true(path: Path) -> None:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    module = importlib.import_module(".".join(part for part in parts if part != "__init__"))

    assert doctest.testmod(module).failed == 0


def test_every_sql_and_shell_file_is_read_by_its_name() -> None:
    texts = "".join(path.read_text() for path in MODULES)
    named = {
        path.relative_to(PACKAGE).with_suffix("").as_posix()
        for kind in ("sql", "sh")
        for path in PACKAGE.rglob(f"*.{kind}")
    }
    numbered = {f"registry/registry_{version}" for version in range(1, REGISTRY_VERSION + 1)}
    called = {f"backup/{name}" for name in re.findall(r'\bcall\(\s*"(\w+)"', texts)}
    assert {name for name in named if f'"{name}"' not in texts} - numbered - called == set()


def test_nobody_assembles_sql_from_text() -> None:
    """SQL stands in files: what is run is no f-string and no sum of texts, and scripts hold no other SQL."""
    hits = []
    for path in MODULES:
        makes_scripts = ".psql.script" in imports_of(path) or own_name(path) == "psql.script"
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "execute":
                hits += [path.name for argument in node.args[:1] if isinstance(argument, (ast.JoinedStr, ast.BinOp))]
            if makes_scripts and isinstance(node, ast.JoinedStr):
                text = "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))
                hits += [f"{own_name(path)}: {text}" for word in KEYWORDS if re.match(rf"\s*{word}\b", text)]

    # Quoted as pg_dump quotes, whose statements stand beside it: roles are read out of all of them.
    assert hits == ["copies.ownership: ALTER DATABASE  OWNER TO "]
