"""What all tests share: one thread for linear algebra, Hypothesis' profiles, and real servers.

A test that needs a server or a program skips with a sentence where it is not there.
"""

import asyncio
import os
import shutil
import tomllib
from importlib.metadata import entry_points
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import HealthCheck, settings
from waiting.virtual_time import VirtualTime
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# numpy reads these when it is first imported, which nothing above does. The tests fit small models,
# where threads only wait for each other. Subprocesses inherit it.
for _library in ("OPENBLAS", "OMP", "MKL", "NUMEXPR"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")

CLUSTER = "tests/cluster/"
LONG = {"cluster", "pipeline"}
"""Folders of tests that wait for processes: they begin first, so that none is left at the end."""

# A busy machine is no fault of the code, so no example has a deadline. In CI the examples are the
# same in each run: a change is judged by its own faults. Everywhere else they are random, and a
# failure prints what reproduces it.
settings.register_profile(
    "local", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.register_profile("ci", settings.get_profile("local"), derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "local")


def pytest_configure() -> None:
    """Ends at once where the environment lacks an entry point that `pyproject.toml` has.

    Stages, venues and forecasters are found by them; without one nothing else would say why.
    """
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    missing = [
        f"{group}:{name}"
        for group, wanted in project["entry-points"].items()
        for name in wanted.keys() - entry_points(group=group).names
    ]
    if missing:
        names = ", ".join(sorted(missing))
        pytest.exit(f"the environment lacks {names}: run `make setup-dev`", returncode=4)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """However tests are shuffled, long files begin first, and what ends a file's process comes
    last in it.
    """
    places: dict[Path, tuple[bool, int]] = {}
    for item in items:
        places.setdefault(item.path, (item.path.parent.name not in LONG, len(places)))
    items.sort(key=lambda item: (places[item.path], item.get_closest_marker("last") is not None))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """In parallel a file stays on one worker, which makes its servers and pages once."""
    config.option.loadscopereorder = False
    return ByFile(config, log)


class ByFile(LoadScopeScheduling):
    """The tests of a file, or of the one cluster that there is, go to the same worker."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        return CLUSTER if file.startswith(CLUSTER) else file


def _absent(reason: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(reason + " (in CI a skip would hide it)")
    pytest.skip(reason)


def _address(variable: str, server: str) -> str:
    address = os.environ.get(variable, "")
    return address or _absent(f"needs a real {server}: set {variable} to its address")


def _program(name: str, package: str) -> str:
    path = shutil.which(name)
    return path or _absent(f"needs {name} on the PATH (Debian's package {package})")


@pytest.fixture(scope="session")
def kafka_address() -> str:
    """A real Kafka broker, host:port."""
    return _address("TRADEBOT_TEST_KAFKA", "Kafka broker")


@pytest.fixture(scope="session")
def elasticsearch_address() -> str:
    """A real Elasticsearch, as a URL."""
    return _address("TRADEBOT_TEST_ELASTICSEARCH", "Elasticsearch")


@pytest.fixture(scope="session")
def prometheus() -> str:
    """The path of Prometheus' executable."""
    return _program("prometheus", "prometheus")


@pytest.fixture(scope="session")
def promtool() -> str:
    """The path of Prometheus' own tool for rules."""
    return _program("promtool", "prometheus")


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a browser."""
    return _program("chromium", "chromium")


@pytest.fixture
async def virtual_time(monkeypatch: pytest.MonkeyPatch) -> VirtualTime:
    """Timers of the test's event loop are over as soon as nothing else is left to do."""
    return VirtualTime(asyncio.get_running_loop(), monkeypatch)
