"""Shows the examples in docstrings as code."""

import re
from typing import Any

import griffe

EXAMPLE = re.compile(r"(?:^>>> .*\n?(?:^(?!>>>)(?!\s*$).*\n?)*)+", re.MULTILINE)


class Doctests(griffe.Extension):  # type: ignore[misc,unused-ignore]
    """Puts a fence around each example that stands in a docstring's text."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        """Changes the docstring of one object."""
        if obj.docstring is not None:
            obj.docstring.value = EXAMPLE.sub(_fenced, obj.docstring.value)


def _fenced(found: re.Match[str]) -> str:
    lines = re.sub(r"\s*# doctest:.*", "", found[0]).rstrip("\n")
    return f"```pycon\n{lines}\n```\n"
