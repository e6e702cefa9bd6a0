"""Links in the docs lead to existing pages, and the site has a place for each page."""

import re
from pathlib import Path

import pytest
import yaml

import tradebot

ROOT = Path(tradebot.__file__).parents[3]
PAGES = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").rglob("*.md"),
    *(ROOT / "examples").rglob("*.md"),
    ROOT / "charts" / "tradebot" / "README.md",
]
SITE = ROOT / "mkdocs.yml"
HOOK = (ROOT / "docs" / "generate" / "hook.py").read_text()
FROM_CODE = {ROOT / "docs" / page for page in re.findall(r'"([\w/-]+\.md)": \w+\.', HOOK)}
"""Pages that exist on the site alone."""
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_to_a_file(page: Path) -> None:
    targets = [link for link in LINK.findall(page.read_text()) if "://" not in link]
    missing = [link for link in targets if not (page.parent / link).exists()]
    assert [link for link in missing if (page.parent / link).resolve() not in FROM_CODE] == []


def pages(entry: object) -> list[str]:
    """Returns the pages of a part of the navigation."""
    if isinstance(entry, str):
        return [entry]
    parts = entry.values() if isinstance(entry, dict) else entry
    assert isinstance(parts, list | type({}.values()))
    return [page for part in parts for page in pages(part)]


def navigation() -> list[str]:
    """Returns the pages of the site's navigation."""
    text = re.sub(r"!!python/name:\S+", "", SITE.read_text())
    return pages(yaml.safe_load(text)["nav"])


def test_the_site_s_navigation_has_each_page_of_docs_once() -> None:
    listed = navigation()
    written = {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")}
    assert sorted(written - set(listed)) == [], "name them in mkdocs.yml, under nav"
    assert len(listed) == len(set(listed))


def test_the_site_s_navigation_has_each_page_from_the_code() -> None:
    assert len(FROM_CODE) >= 5
    assert {str(page.relative_to(ROOT / "docs")) for page in FROM_CODE} <= set(navigation())
