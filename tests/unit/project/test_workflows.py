"""The forge's workflows pin their actions, ask for few rights, and call what exists."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yaml"))
BY_TAG = {"github/codeql-action/init", "github/codeql-action/analyze"}
"""Actions whose digest the workflow says it does not know."""


def steps(file: Path) -> list[dict[str, Any]]:
    jobs = yaml.safe_load(file.read_text())["jobs"].values()
    return [step for job in jobs for step in job["steps"]]


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_actions_are_pinned_by_digest_with_their_version_beside_it(file: Path) -> None:
    for used in re.findall(r"uses: (.+)", file.read_text()):
        if used.split("@")[0] not in BY_TAG:
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", used), used


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_a_workflow_may_only_read_unless_a_job_says_more(file: Path) -> None:
    assert yaml.safe_load(file.read_text())["permissions"] == {"contents": "read"}


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_a_checkout_leaves_no_token_behind(file: Path) -> None:
    for step in steps(file):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_scripts_and_targets_that_a_workflow_runs_exist(file: Path) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for step in steps(file):
        script = step.get("run", "")
        assert set(re.findall(r"\bmake ([a-z0-9-]+)", script)) <= targets
        for path in re.findall(
            r"(?<![\w./-])(?:images|manifests|requirements|\.ci)/[\w./-]+", script
        ):
            assert (ROOT / path).exists(), path


def test_the_release_builds_every_image() -> None:
    release = yaml.safe_load((ROOT / ".github/workflows/release.yaml").read_text())
    built = release["jobs"]["images"]["strategy"]["matrix"]["image"]
    assert sorted(built) == sorted(file.parent.name for file in ROOT.glob("images/*/Dockerfile"))
