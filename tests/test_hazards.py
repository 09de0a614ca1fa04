"""The list of what can go wrong on chains names tests that exist, and leaves no hazard out."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROW = re.compile(r"^\| (\d+) \|.*$", re.MULTILINE)
NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")


def rows() -> dict[int, str]:
    text = (ROOT / "docs" / "hazards.md").read_text()
    return {int(row[1]): row[0] for row in ROW.finditer(text)}


@cache
def functions_of(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text())
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in tree.body if isinstance(node, functions))


def test_no_hazard_is_left_out() -> None:
    assert sorted(rows()) == list(range(1, 19))


@pytest.mark.parametrize("number", range(1, 19))
def test_every_test_that_is_named_exists(number: int) -> None:
    named = NAMED.findall(rows()[number])
    assert named
    for file, name in named:
        assert name in functions_of(ROOT / "tests" / file), f"{file}::{name}"
