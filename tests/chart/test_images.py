"""The documented limits of the images are those that their build enforces."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
BUILD = (ROOT / "images/build").read_text()
IMAGES = ("operator", "services", "forecast")
LIMITS = {
    name: int(most)
    for name, most in re.findall(r"^ +([\w-]+)(?:-\*)?\) echo (\d+) ;;$", BUILD, re.M)
}
"""MB; the forecast's by its build of torch."""
ROWS = {
    "operator": "operator",
    "services": "services",
    "forecast": "forecast-none",
    "forecast, with torch": "forecast-cpu",
}
"""The limits by row of the docs page."""


def test_every_image_has_a_limit_and_two_are_those_that_were_requested() -> None:
    assert set(ROWS.values()) <= LIMITS.keys()
    assert LIMITS["operator"] <= 120 and LIMITS["services"] <= 220


@pytest.mark.parametrize("name", ROWS)
def test_the_page_reports_a_size_below_the_limit_that_the_build_enforces(name: str) -> None:
    page = (ROOT / "docs/kubernetes.md").read_text()
    row = re.search(rf"^\| {name} \| (?:(\d+) MB )?\| (\d+) MB \|", page, re.M)
    assert row is not None
    size, most = (int(told or 0) for told in row.groups())
    assert size <= most == LIMITS[ROWS[name]]


def test_the_readme_lists_the_limits() -> None:
    told = " ".join((ROOT / "README.md").read_text().split())
    sizes = [LIMITS[name] for name in ROWS.values()]
    sentence = "at most {}, {} and {} MB compressed; torch, for the LSTMs, takes the last to {}"
    assert sentence.format(*sizes) in told


def test_skaffold_builds_each_image_from_its_own_dockerfile() -> None:
    artifacts = yaml.safe_load((ROOT / "skaffold.yaml").read_text())["build"]["artifacts"]
    files = {item["image"]: item["docker"] for item in artifacts}
    assert files == {
        f"tradebot-{name}": {"dockerfile": f"images/{name}/Dockerfile"} for name in IMAGES
    }
    assert all((ROOT / file["dockerfile"]).is_file() for file in files.values())


def test_package_chart_and_images_have_one_version_which_the_changelog_lists() -> None:
    chart = yaml.safe_load((ROOT / "charts/tradebot/Chart.yaml").read_text())
    found = {chart["version"], chart["appVersion"]}
    for file, pattern in {
        "pyproject.toml": r'^version = "(.+)"',
        "services/src/tradebot/__init__.py": r'^__version__ = "(.+)"',
        "operator/src/tradebot_operator/__init__.py": r'^__version__ = "(.+)"',
        **{f"images/{name}/Dockerfile": r"^ARG VERSION=(.+)" for name in IMAGES},
    }.items():
        match = re.search(pattern, (ROOT / file).read_text(), re.M)
        assert match is not None, file
        found.add(match[1])
    (version,) = found
    first = re.search(r"^## \[(.+)\]", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert first is not None and first[1] == version
