"""Executes notebooks in place: `python examples/execute.py [NOTEBOOK ...]`; by default all.

They run on small data in about a minute. What they write besides their output goes to temporary
folders. Environment variables that a notebook names give it more data, or real servers.
"""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parent
LIMIT_SECONDS = 300
"""Of one cell, and of the kernel's start."""


def notebooks() -> list[Path]:
    """Returns all notebooks of the examples."""
    return sorted(path for path in FOLDER.rglob("*.ipynb") if ".ipynb_checkpoints" not in str(path))


def executed(path: Path) -> nbformat.NotebookNode:
    """Returns the notebook with the output of a run from top to bottom.

    Raises:
        CellExecutionError: a cell failed; the message has the cell and its traceback.
    """
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=LIMIT_SECONDS,
        startup_timeout=LIMIT_SECONDS,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
        record_timing=False,
    )
    client.execute()
    notebook.metadata["language_info"] = {"name": "python"}  # without the interpreter's version
    return notebook


def main() -> None:
    """Executes the notebooks that the command line names, and writes them."""
    for path in [Path(name) for name in sys.argv[1:]] or notebooks():
        print(path.name, flush=True)
        nbformat.write(executed(path), path)


if __name__ == "__main__":
    main()
