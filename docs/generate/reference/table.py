"""Tables in Markdown."""

import re
from collections.abc import Iterable, Sequence


def cell(text: object) -> str:
    """Returns the text of a cell: on one line, and never a cell's end, a link or HTML.

    >>> cell("a | b")
    'a \\\\| b'
    """
    return re.sub(r"([|\[\]<*_])", r"\\\1", " ".join(str(text).split()))


def code(text: object) -> str:
    """Returns the cell in code style; an empty text stays empty."""
    words = " ".join(str(text).split()).replace("|", "\\|")
    return f"`{words}`" if words else ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Returns a table; cells are Markdown, see `cell` and `code`."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
