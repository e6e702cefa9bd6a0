"""Docs, comments, docstrings and messages avoid the phrases that CONTRIBUTING.md rules out."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SUFFIXES = (".py", ".md", ".yaml", ".tpl", ".js", ".toml", ".txt", "Makefile", ".ci/run")
UNCHECKED = {"CHANGELOG.md", "CONTRIBUTING.md", Path(__file__).relative_to(ROOT).as_posix()}
"""The changelog quotes earlier releases; the others list the phrases."""
INSTEAD = {
    r"\banew\b": "again, afresh, recreate, restart",
    r"\bis no text\b": "is not a ...",
    r"\btell(s|ing)? of\b": "report, show",
    r"\bfor good\b(?! in)": "permanently",
    r"\bdraw(s|n|ing)? together\b": "compact",
    r"\bfor ever\b": "forever",
    r"\b(lest|farewell|thereof|hitherto|whosoever)\b": "plain words",
}


def texts() -> list[Path]:
    """Returns the tracked files with prose."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode != 0:
        pytest.skip("needs a git checkout")
    paths = [name for name in listed.stdout.split() if name not in UNCHECKED]
    return [ROOT / name for name in paths if name.endswith(SUFFIXES)]


def test_no_text_uses_a_phrase_that_the_glossary_rules_out() -> None:
    found = []
    for path in texts():
        text = path.read_text(errors="replace")
        for phrase, better in INSTEAD.items():
            for match in re.finditer(phrase, text):
                line = text.count("\n", 0, match.start()) + 1
                where = f"{path.relative_to(ROOT)}:{line}"
                found.append(f"{where}: write {better!r}, not {match[0]!r}")
    assert not found, "\n".join(found)


@pytest.mark.parametrize("phrase", ["recreated anew", "is no text", "it tells of a fault"])
def test_a_phrase_of_the_list_is_found(phrase: str) -> None:
    assert any(re.search(pattern, phrase) for pattern in INSTEAD)
