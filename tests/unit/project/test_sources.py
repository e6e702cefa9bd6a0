"""docs/sources.md names only what exists, and each of its rows has a test or a reason."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "sources.md"
PLACES = {"tradebot": ROOT / "services" / "src", "tradebot_operator": ROOT / "operator" / "src"}
KINDS = {"unit", "contract", "pipeline", "chart", "cluster"}


def rows() -> list[tuple[str, str, str, str]]:
    """Returns the cells of the page's tables: statement, code, test, difference."""
    found = []
    for line in PAGE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" |")]
        if line.startswith("| ") and cells[0] != "statement":
            assert len(cells) == 4, line
            found.append((cells[0], cells[1], cells[2], cells[3]))
    return found


ROWS = rows()


def names(cell: str) -> list[tuple[Path, str]]:
    """Returns the files in backquotes, each with the name after `::`, or an empty one."""
    found = []
    for quoted in re.findall(r"`([^`]+)`", cell):
        path, _, name = quoted.partition("::")
        first = path.split("/")[0]
        root = ROOT / "tests" if first in KINDS else PLACES.get(first, ROOT)
        found.append((root / path, name))
    return found


def defined(file: Path) -> set[str]:
    """Returns the names that a file of Python defines at its top level."""
    found = set()
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
            found |= {each.name for each in ast.walk(node) if isinstance(each, ast.FunctionDef)}
        elif isinstance(node, ast.Assign):
            found |= {each.id for each in node.targets if isinstance(each, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
    return found


def missing(cell: str) -> list[str]:
    """Returns what a cell names and the tree does not have."""
    return [
        f"{path.relative_to(ROOT)}::{name}"
        for path, name in names(cell)
        if not path.is_file() or (name and name not in defined(path))
    ]


@pytest.mark.parametrize("row", ROWS, ids=[row[0][:60] for row in ROWS])
def test_a_row_names_code_and_a_test_that_exist_or_gives_its_reason(
    row: tuple[str, str, str, str],
) -> None:
    statement, code, test, difference = row
    assert names(code), f"{statement!r} names no file"
    assert missing(code) == []
    assert missing(test) == []
    assert names(test) or difference, f"{statement!r} has neither a test nor a reason"


def test_the_page_is_long_enough_for_two_documents() -> None:
    assert len(ROWS) > 80


@pytest.mark.parametrize("cell", ["`tradebot/nothing.py`", "`tradebot/cli.py::nothing`"])
def test_what_does_not_exist_is_found(cell: str) -> None:
    assert len(missing(cell)) == 1
