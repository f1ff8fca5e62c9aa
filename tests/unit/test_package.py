"""Promises about the package as a whole: its layers, its wheel, its documents."""

from __future__ import annotations

import ast
import doctest
import importlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pyinfra_pgmigrate
import pytest
from pyinfra_pgmigrate.errors import Kind
from pyinfra_pgmigrate.migrations.files import HEADER_KEYS
from pyinfra_pgmigrate.migrations.lint import RULES
from pyinfra_pgmigrate.settings import KEYS

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "deploy" / "pyinfra_pgmigrate"
MODULES = sorted(PACKAGE.rglob("*.py"))

# From the bottom up: a module imports only from earlier groups, or from its own where listed before.
LAYERS = [
    ["sql", "sh", "errors", "catalog", "lines", "rights", "repairs", "mending", "locks", "statements", "ownership"],
    ["effect", "migration", "settings", "observed", "requirements", "totals", "backups"],
    [
        "timeline",
        "state",
        "refusals",
        "plan",
        "obstacles",
        "rollbacks",
        "drift",
        "validation",
        "compatibility",
        "moments",
        "queries",
        "measurements",
        "data",
        "telling",
        "glance",
        "checks",
    ],
    ["session", "stepping", "script", "psql", "programs", "reading", "trace", "journal", "report"],
    ["facts", "embedded", "scratch", "record", "drafts", "hosts", "fetching"],
    ["reporting"],
    [
        "engine",
        "one_host",
        "execution",
        "keeper",
        "copies",
        "comparison",
        "held",
        "trial",
        "rehearsal",
        "measuring",
        "cli",
    ],
    ["operations"],
    ["deploys"],
]
PURE = {name for layer in LAYERS[:4] for name in layer}


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names = [node.module] if node.module else [alias.name for alias in node.names]
            found |= {("." if node.level else "") + name for name in names}
    return found


def own_name(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


@pytest.mark.parametrize("path", [path for path in MODULES if path.name != "__init__.py"], ids=own_name)
def test_imports_point_one_way(path: Path) -> None:
    order = [name for layer in LAYERS for name in layer]
    name = own_name(path)

    below = {imported.removeprefix(".").split(".")[0] for imported in imports_of(path) if imported.startswith(".")}

    assert all(order.index(other) < order.index(name) for other in below), below
    if name in PURE:
        assert not {one.split(".")[0] for one in imports_of(path)} & {
            "pyinfra",
            "pyinfra_cli",
            "psycopg",
            "gevent",
        }


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
    for kind in ("sql", "sh"):
        assert {path.name for path in (PACKAGE / kind).glob(f"*.{kind}")} == {
            Path(name).name for name in names if name.endswith(f".{kind}")
        }
    assert "pyinfra_pgmigrate/py.typed" in names


def test_the_readme_lists_every_key_with_its_default_and_meaning() -> None:
    readme = (ROOT / "README.md").read_text()

    for name, key in KEYS.items():
        default = (
            "" if key.default is None else str(key.default).lower() if key.default in (True, False) else key.default
        )
        assert f"| `{name}` | {default} | {key.meaning} |" in readme


def test_the_readme_lists_every_kind_of_refusal_rule_and_header_key() -> None:
    readme = (ROOT / "README.md").read_text()

    assert [kind.value for kind in Kind if f"\n| {kind.value} | " not in readme] == []
    assert [rule.name for rule in RULES if f"\n| {rule.name} | " not in readme] == []
    assert [key for key in HEADER_KEYS if f"\n| `{key}` | " not in readme] == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_examples_in_docstrings_are_true(path: Path) -> None:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    module = importlib.import_module(".".join(part for part in parts if part != "__init__"))

    assert doctest.testmod(module).failed == 0


def test_nobody_assembles_sql_from_text() -> None:
    """SQL stands in files: what is run is no f-string and no sum of texts, and scripts hold no other SQL."""
    hits = []
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "execute":
                hits += [path.name for argument in node.args[:1] if isinstance(argument, (ast.JoinedStr, ast.BinOp))]
            if path.name == "script.py" and isinstance(node, ast.JoinedStr):
                text = "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))
                hits += [text for word in ("SELECT", "SET ", "INSERT", "UPDATE", "ALTER", "DROP") if word in text]

    assert hits == []
