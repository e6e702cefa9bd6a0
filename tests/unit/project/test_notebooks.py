"""The notebooks of examples/ run from top to bottom, and are committed with clean output."""

import os
import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

EXAMPLES = Path(__file__).parents[3] / "examples"
EXECUTION = runpy.run_path(str(EXAMPLES / "execute.py"))
NOTEBOOKS: list[Path] = EXECUTION["notebooks"]()
each_notebook = pytest.mark.parametrize(
    "path", NOTEBOOKS, ids=[str(path.relative_to(EXAMPLES)) for path in NOTEBOOKS]
)
OF_A_MACHINE = re.compile(
    r"/(?:home|root|tmp|work|Users|var|usr|opt|private)/\S*"  # a path
    r"|[A-Za-z]:\\\\\S*"
    r"|\b\d{1,3}(?:\.\d{1,3}){3}:\d+"  # an address with its port
    r"|\blocalhost:(?!9092|9200|6066)\d+"  # other than those that everybody knows
)


def texts_of(value: Any) -> Iterator[str]:
    """Returns all text in an output, without pictures."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, each in value.items():
            if not str(name).startswith("image/"):
                yield from texts_of(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts_of(each)


def code_of(path: Path) -> list[Any]:
    """Returns a notebook's code cells."""
    cells = nbformat.read(path, as_version=4)["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


@pytest.mark.slow
@each_notebook
def test_a_notebook_runs_from_top_to_bottom(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("TRADEBOT_")]:
        monkeypatch.delenv(name)  # the small data, and no server
    for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.setenv(threads, "1")
    EXECUTION["executed"](path)


@each_notebook
def test_a_notebook_was_run_in_order_and_without_an_error(path: Path) -> None:
    cells = code_of(path)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    kinds = {output["output_type"] for cell in cells for output in cell["outputs"]}
    assert kinds and "error" not in kinds
    streams = [o["name"] for c in cells for o in c["outputs"] if o["output_type"] == "stream"]
    assert "stderr" not in streams


@each_notebook
def test_a_notebook_holds_no_path_and_no_address_of_a_machine(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    found = [OF_A_MACHINE.search(text) for text in texts_of(dict(notebook))]
    assert [match[0] for match in found if match] == []


@each_notebook
def test_the_links_of_a_notebook_lead_to_files(path: Path) -> None:
    cells = nbformat.read(path, as_version=4)["cells"]
    text = "".join(cell["source"] for cell in cells if cell["cell_type"] == "markdown")
    links = [link for link in re.findall(r"\]\(([^)#\s]+)", text) if "://" not in link]
    assert [link for link in links if not (path.parent / link).exists()] == []


@pytest.mark.parametrize("text", ["/home/me/prices.csv", "wrote /tmp/x", "127.0.0.1:41523"])
def test_what_belongs_to_a_machine_is_found(text: str) -> None:
    assert OF_A_MACHINE.search(text)
