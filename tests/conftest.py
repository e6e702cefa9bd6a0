"""Shared by all tests: one thread for linear algebra, Hypothesis' profiles, and real servers.

A test that needs a server or a program is skipped with a reason if it is not available.
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

# numpy reads these on its first import, which nothing above triggers. The tests fit small models,
# for which threads only cost time. Subprocesses inherit the setting.
for _library in ("OPENBLAS", "OMP", "MKL", "NUMEXPR"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")

CLUSTER = "tests/cluster/"
LONG = {"cluster", "pipeline"}
"""Folders of tests that wait for processes: they start first, so that none runs last alone."""

# No deadline: a busy machine is not a fault of the code. In CI the examples are always the same, so
# that a change is judged by its own faults. Elsewhere they are random, and a failure prints how to
# reproduce it.
settings.register_profile(
    "local", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.register_profile("ci", settings.get_profile("local"), derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "local")


def pytest_configure() -> None:
    """Exits if the environment lacks an entry point of `pyproject.toml`.

    Stages, venues and forecasters are found through them; without one, tests would fail obscurely.
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
    """Whatever the shuffled order, starts long files first, and puts tests that end their file's
    process last.
    """
    places: dict[Path, tuple[bool, int]] = {}
    for item in items:
        places.setdefault(item.path, (item.path.parent.name not in LONG, len(places)))
    items.sort(key=lambda item: (places[item.path], item.get_closest_marker("last") is not None))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Keeps a file on one worker, which starts its servers and pages once."""
    config.option.loadscopereorder = False
    return ByFile(config, log)


class ByFile(LoadScopeScheduling):
    """Sends the tests of a file, or of the single cluster, to the same worker."""

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
    """Makes the event loop's timers elapse as soon as nothing else is left to do."""
    return VirtualTime(asyncio.get_running_loop(), monkeypatch)
