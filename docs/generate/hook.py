"""Hooks of the site: pages from the code, pages of the repository's root, and links between them.

MkDocs calls these functions; `mkdocs.yml` names this file. A link in a page is written as for the
repository, such as `../charts/tradebot/README.md`, and the site turns it into a link to its page.
"""

import posixpath
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from reference import commands, messages, resource, settings

ROOT: Final = Path(__file__).parents[2]

GENERATED: Final[dict[str, Callable[[], str]]] = {
    "reference/commands.md": commands.page,
    "reference/settings.md": settings.page,
    "reference/tradebot.md": resource.page,
    "reference/records.md": messages.records_page,
    "reference/documents.md": messages.documents_page,
}
"""Page of the site: the function that writes it."""

BORROWED: Final = {
    "reference/chart.md": "charts/tradebot/README.md",
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
    "security.md": "SECURITY.md",
    "code-of-conduct.md": "CODE_OF_CONDUCT.md",
}
"""Page of the site: the file of the repository, outside `docs/`, that it shows."""

LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)#\s]+)((?:#[^)\s]*)?)\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages that are not files in `docs/`."""
    for page, write in GENERATED.items():
        files.append(File.generated(config, page, content=write()))
    for page, source in BORROWED.items():
        if (ROOT / source).exists():
            files.append(File.generated(config, page, content=(ROOT / source).read_text()))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turns links between files of the repository into links between pages.

    A link to a file that is not a page, such as a test, becomes its text.
    """

    def replaced(found: re.Match[str]) -> str:
        image, text, link, anchor = found.groups()
        target = site_link(page.file.src_uri, link)
        return f"{image}[{text}]({target}{anchor})" if target else text

    return LINK.sub(replaced, markdown)


def site_link(page: str, link: str) -> str | None:
    """Returns the link from a page to another; `None` if it leads to a file that is not a page.

    >>> site_link("kubernetes.md", "../charts/tradebot/README.md")
    'reference/chart.md'

    Raises:
        PluginError: the link leads to a file that does not exist.
    """
    if "://" in link or link.startswith("mailto:") or page in GENERATED:
        return link
    source = BORROWED.get(page, f"docs/{page}")
    target = posixpath.normpath(posixpath.join(posixpath.dirname(source), link))
    pages = {file: page for page, file in BORROWED.items()} | {"README.md": "index.md"}
    found = pages.get(target)
    if found is None and target.startswith("docs/"):
        found = target.removeprefix("docs/")
        found += "/README.md" if (ROOT / target).is_dir() else ""
    if found is None and not (ROOT / target).exists():
        raise PluginError(f"{source} links to {target}, which does not exist")
    return found and posixpath.relpath(found, posixpath.dirname(page) or ".")
