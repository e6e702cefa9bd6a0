"""The layout's rules: what may import what."""

import ast
import graphlib
from pathlib import Path

import pytest

import tradebot

ROOT = Path(tradebot.__file__).parent
STAGES = {
    "ingest", "liquidity", "forecast", "trader", "recorder", "dashboard", "backtest", "strategy"
}  # fmt: skip
ABOVE = {"demo", "diff", "doctor"}
"""Tools that start, check or compare stages."""


def imports(file: Path) -> set[str]:
    """Returns the project's packages that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module == "tradebot":
            names = [f"tradebot.{alias.name}" for alias in node.names]
        found |= {name.split(".")[1] for name in names if name.startswith("tradebot.")}
    return found


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_a_stage_imports_no_other_stage(stage: str) -> None:
    others = (STAGES | ABOVE) - {stage}
    broken = {
        str(file.relative_to(ROOT)): sorted(imports(file) & others)
        for file in (ROOT / stage).rglob("*.py")
        if imports(file) & others
    }
    assert broken == {}


@pytest.mark.parametrize(
    "package",
    [
        "charts",
        "venue",
        "emulator",
        "fastprophet",
        "platform",
        "history",
        "indicator_lstm",
        "strategies",
    ],
)
def test_what_stages_share_imports_no_stage(package: str) -> None:
    broken = {
        str(file.relative_to(ROOT)): sorted(imports(file) & (STAGES | ABOVE))
        for file in (ROOT / package).rglob("*.py")
        if imports(file) & (STAGES | ABOVE)
    }
    assert broken == {}


def test_strategies_know_prices_and_the_domain_but_no_venue_topic_or_store() -> None:
    allowed = {"strategies", "domain", "history", "indicator_lstm", "platform"}
    for file in (ROOT / "strategies").rglob("*.py"):
        assert imports(file) <= allowed, file
        modules = {"tradebot.platform.kafka", "tradebot.platform.store", "tradebot.platform.stage"}
        assert not modules_imported(ast.parse(file.read_text()), modules), file


def test_the_domain_imports_nothing_of_ours_and_touches_no_world() -> None:
    for file in (ROOT / "domain").rglob("*.py"):
        assert imports(file) <= {"domain"}, file
        worlds = {"os", "time", "socket", "pathlib", "random", "asyncio", "threading"}
        tree = ast.parse(file.read_text())
        plain = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
        origins = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
        assert not (plain | origins) & worlds, file


def modules_imported(tree: ast.AST, known: set[str]) -> set[str]:
    """Returns the project's modules that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found & known


def test_a_venues_own_folder_is_imported_by_itself_and_the_emulator_alone() -> None:
    modules = {
        ".".join(("tradebot", *file.relative_to(ROOT).with_suffix("").parts)).removesuffix(
            ".__init__"
        )
        for file in (ROOT / "venue" / "gemini").rglob("*.py")
    }
    importing = {
        str(file.relative_to(ROOT))
        for file in ROOT.rglob("*.py")
        if modules_imported(ast.parse(file.read_text()), modules)
        and not file.is_relative_to(ROOT / "venue" / "gemini")
        and not file.is_relative_to(ROOT / "emulator")
    }
    assert importing == set()


SOURCES = ["services/src/tradebot", "operator/src/tradebot_operator"]


def imports_of_files(package: str) -> dict[str, set[str]]:
    """Returns each module of a package, and the modules of the package that it imports."""
    root = ROOT.parents[2] / package
    files = {
        ".".join((root.name, *file.relative_to(root).with_suffix("").parts)): file
        for file in root.rglob("*.py")
        if file.name != "__init__.py"
    }
    return {
        name: modules_imported(ast.parse(file.read_text()), set(files)) - {name}
        for name, file in files.items()
    }


@pytest.mark.parametrize("package", SOURCES)
def test_no_files_import_each_other_in_a_circle(package: str) -> None:
    graphlib.TopologicalSorter(imports_of_files(package)).prepare()


@pytest.mark.parametrize("package", SOURCES)
def test_no_folders_import_each_other_in_a_circle(package: str) -> None:
    """Checks sibling folders, each with everything in it."""
    levels: dict[tuple[str, ...], dict[str, set[str]]] = {}
    for importer, imported in imports_of_files(package).items():
        here = importer.split(".")
        for each in imported:
            there = each.split(".")
            same = next(
                n for n, pair in enumerate(zip(here, there, strict=False)) if len(set(pair)) > 1
            )
            if same + 1 < min(len(here), len(there)):
                graph = levels.setdefault(tuple(here[:same]), {})
                graph.setdefault(here[same], set()).add(there[same])
    for folder, graph in levels.items():
        try:
            graphlib.TopologicalSorter(graph).prepare()
        except graphlib.CycleError as error:
            pytest.fail(f"{'.'.join(folder)}: {' imports '.join(reversed(error.args[1]))}")


@pytest.mark.parametrize("folder", ["services", "operator", "tests", "benchmarks"])
def test_no_file_is_longer_than_four_hundred_lines(folder: str) -> None:
    files = (ROOT.parents[2] / folder).rglob("*.py")
    assert {file.name for file in files if len(file.read_text().splitlines()) > 400} == set()


def test_no_package_is_called_after_nothing() -> None:
    names = {path.stem for path in ROOT.rglob("*")}
    assert not names & {"utils", "util", "helpers", "helper", "manager", "misc", "common"}


def test_the_operators_folder_is_not_a_package_that_could_shadow_the_standard_librarys() -> None:
    root = ROOT.parents[2]
    assert not (root / "operator" / "__init__.py").exists()
    assert not list((root / "operator").rglob("test_*.py"))
