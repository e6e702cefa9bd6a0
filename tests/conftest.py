"""Addresses of real servers; a test that needs one skips with a sentence where it is not given."""

import os
import shutil

import pytest


def _address(variable: str, server: str) -> str:
    address = os.environ.get(variable, "")
    if address:
        return address
    reason = f"needs a real {server}: set {variable} to its address"
    if os.environ.get("CI") == "true":
        pytest.fail(reason + " (in CI a skip would hide it)")
    pytest.skip(reason)


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
    path = shutil.which("prometheus")
    if path is None:
        reason = "needs prometheus on the PATH (Debian's package of that name)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason + " (in CI a skip would hide it)")
        pytest.skip(reason)
    return path
