"""What is told of the images is what their build enforces."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
BUILD = (ROOT / "images/build").read_text()
LIMITS = {name: int(most) for name, most in re.findall(r"^ +(\w+)\) echo (\d+) ;;$", BUILD, re.M)}


def test_every_image_has_a_limit_and_two_are_those_that_were_asked_for() -> None:
    assert LIMITS.keys() == {"operator", "services", "forecast"}
    assert LIMITS["operator"] <= 120 and LIMITS["services"] <= 220


@pytest.mark.parametrize("name", LIMITS)
def test_the_page_tells_a_size_below_the_limit_that_the_build_enforces(name: str) -> None:
    page = (ROOT / "docs/kubernetes.md").read_text()
    row = re.search(rf"^\| {name} \| (\d+) MB \| (\d+) MB \|", page, re.M)
    assert row is not None
    size, most = map(int, row.groups())
    assert size <= most == LIMITS[name]


def test_the_readme_tells_the_limits() -> None:
    told = " ".join((ROOT / "README.md").read_text().split())
    sizes = [LIMITS[name] for name in ("operator", "services", "forecast")]
    assert "at most {}, {} and {} MB compressed".format(*sizes) in told


def test_skaffold_builds_each_image_of_the_stages_from_a_list_of_packages_that_is_there() -> None:
    artifacts = yaml.safe_load((ROOT / "skaffold.yaml").read_text())["build"]["artifacts"]
    lists = {item["image"]: item["docker"].get("buildArgs", {}) for item in artifacts}
    assert lists == {
        "tradebot-operator": {},
        "tradebot-services": {"REQUIREMENTS": "services"},
        "tradebot-forecast": {"REQUIREMENTS": "forecast"},
    }
    for arguments in lists.values():
        for name in arguments.values():
            assert (ROOT / f"requirements/{name}.txt").is_file()


def test_package_chart_and_images_have_one_version_and_the_changelog_tells_of_it() -> None:
    chart = yaml.safe_load((ROOT / "charts/tradebot/Chart.yaml").read_text())
    found = {chart["version"], chart["appVersion"]}
    for file, pattern in {
        "pyproject.toml": r'^version = "(.+)"',
        "services/src/tradebot/__init__.py": r'^__version__ = "(.+)"',
        "images/operator/Dockerfile": r"^ARG VERSION=(.+)",
        "images/stages/Dockerfile": r"^ARG VERSION=(.+)",
    }.items():
        match = re.search(pattern, (ROOT / file).read_text(), re.M)
        assert match is not None, file
        found.add(match[1])
    (version,) = found
    first = re.search(r"^## \[(.+)\]", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert first is not None and first[1] == version
