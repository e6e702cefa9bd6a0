"""One self-contained HTML page."""

import html
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from string import Template

from tradebot.charts.chart import Chart
from tradebot.charts.svg import draw
from tradebot.platform.settings import SettingsError


def page(title: str, subtitle: str, body: str) -> str:
    """Renders the page; `body` is HTML, the others are text."""
    template = Template(resources.files(__package__).joinpath("page.html").read_text())
    return template.substitute(title=html.escape(title), subtitle=html.escape(subtitle), body=body)


def section(heading: str, *parts: Chart | str) -> str:
    """Renders a framed part of a page: charts, and HTML between them."""
    inner = "".join(draw(part) if isinstance(part, Chart) else part for part in parts)
    return f"<section><h2>{html.escape(heading)}</h2>{inner}</section>"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], kind: str = "") -> str:
    """Renders a table of texts; `kind` is a class of the style sheet."""
    top = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
    lines = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return (
        f'<div class="scroll"><table class="{kind}"><thead><tr>{top}</tr></thead>'
        f"<tbody>{lines}</tbody></table></div>"
    )


def write(path: Path, text: str, setting: str) -> None:
    """Writes a page.

    Raises:
        SettingsError: it cannot be written there; `setting` names what chose the path.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    except OSError as error:
        raise SettingsError(
            f"{setting} is {str(path)!r}: {error.strerror}; choose a writable path"
        ) from None
