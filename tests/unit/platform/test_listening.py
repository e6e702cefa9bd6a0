"""Servers listen on IPv4, IPv6 or both."""

import json
import socket
import urllib.request
from collections.abc import Iterator

import pytest

from tradebot.platform import health
from tradebot.platform.health import Readiness
from tradebot.platform.listening import listen, local
from tradebot.platform.settings import SettingsError

IPV6 = "::1"


@pytest.fixture
def ipv6() -> Iterator[None]:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind((IPV6, 0))
    except OSError:
        pytest.skip("this machine has no IPv6")
    yield


def connects(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=5).close()
    except OSError:
        return False
    return True


@pytest.mark.usefixtures("ipv6")
def test_any_host_takes_connections_of_both_families() -> None:
    with listen("*", 0) as listener:
        port = listener.getsockname()[1]
        assert connects("127.0.0.1", port) and connects(IPV6, port)


def test_any_host_takes_connections_where_there_is_no_ipv6(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = socket.socket

    def without_ipv6(family: int = socket.AF_INET, *rest: int) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(97, "Address family not supported by protocol")
        return real(family, *rest)

    monkeypatch.setattr(socket, "socket", without_ipv6)
    with listen("*", 0) as listener:
        assert listener.family == socket.AF_INET


@pytest.mark.usefixtures("ipv6")
@pytest.mark.parametrize("host", ["::", "*", IPV6])
def test_health_is_served_on_ipv6(host: str) -> None:
    port = health.serve(Readiness("plain"), stage="plain", host=host, port=0)
    with urllib.request.urlopen(f"http://{local(IPV6)}:{port}/livez", timeout=5) as answer:
        assert json.load(answer)["stage"] == "plain"


def test_a_taken_port_of_any_host_is_one_sentence() -> None:
    with listen("*", 0) as holder:
        port = holder.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"cannot serve on \*:{port}: .* --http-port"):
            listen("*", port, flag="--http-port")
