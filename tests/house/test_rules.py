"""The house's own rules: imports point down, code is formatted, typed and free of lint, tables are documented."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from warehouse.schemas import TABLES

BIN = Path(sys.executable).parent


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(BIN / command[0]), *command[1:]], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "command",
    [
        ("lint-imports", "--no-cache"),
        ("ruff", "check", "--no-cache", "."),
        ("ruff", "format", "--no-cache", "--check", "."),
        ("mypy",),
    ],
    ids=" ".join,
)
def test_rule_holds(command: tuple[str, ...]) -> None:
    done = run(*command)
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_import_that_points_up_is_found(tmp_path: Path) -> None:
    """The import check is no decoration: with one wrong import it fails."""
    for package in (REPOSITORY / "warehouse", REPOSITORY / "settings"):
        target = tmp_path / package.name
        target.mkdir()
        (target / "__init__.py").write_text('"""A package."""\n')
    (tmp_path / "settings" / "__init__.py").write_text("import warehouse\n")
    (tmp_path / "pyproject.toml").write_text(
        '[tool.importlinter]\nroot_packages = ["warehouse", "settings"]\n'
        "[[tool.importlinter.contracts]]\n"
        'name = "Imports point down"\ntype = "layers"\nlayers = ["warehouse", "settings"]\n'
    )
    done = subprocess.run(
        [str(BIN / "lint-imports"), "--no-cache"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 1, done.stdout


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_every_column_says_what_it_means(table) -> None:
    assert table.meaning.endswith(".")
    assert table.columns[0].name == "organisation"
    for column in table.columns:
        assert column.meaning, column.name
        if re.search(r"_(m3|kwh|c|kw|m3h|bar|k|dbm)$", column.name):
            assert column.unit, f"{table.name}.{column.name} has no unit"


def test_lock_pins_hashes_and_names_no_index() -> None:
    lock = (REPOSITORY / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in lock
    assert not re.search(r"^\s*-", lock.replace("    --hash", "    hash"), re.MULTILINE)
    requirements = re.findall(r"^[A-Za-z0-9_.\[\]-]+==[^\s;]+", lock, re.MULTILINE)
    assert len(requirements) > 100
    assert len(requirements) == len(re.findall(r"^[A-Za-z0-9]", lock, re.MULTILINE))
