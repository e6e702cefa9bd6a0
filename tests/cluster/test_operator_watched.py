"""A real operator, cut off from its API server and then killed, rings under a real Prometheus."""

import contextlib
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from apiserver import Api
from operators import running
from prometheus_watch import Prometheus, wait_until

pytestmark = [pytest.mark.cluster, pytest.mark.slow]


class Cable:
    """A loopback port that leads to the API server, until it is pulled."""

    def __init__(self, server: str) -> None:
        url = urlsplit(server)
        self._target = (url.hostname, url.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ends: list[socket.socket] = []
        self._pulled = False
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                if self._pulled:
                    near.close()
                    continue
                far = socket.create_connection(self._target)
                self._ends += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=_carry, args=(source, sink), daemon=True).start()

    def pull(self) -> None:
        self._pulled = True
        for end in self._ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def plug_in(self) -> None:
        self._pulled = False

    def close(self) -> None:
        self.pull()
        self._listener.close()


def _carry(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def cable(kubeconfig: Path) -> Iterator[Cable]:
    config = yaml.safe_load(kubeconfig.read_text())
    cable = Cable(config["clusters"][0]["cluster"]["server"])
    yield cable
    cable.close()


@pytest.fixture
def by_cable(kubeconfig: Path, cable: Cable, tmp_path: Path) -> Path:
    """A kubeconfig whose API server lies at the other end of the cable."""
    config = yaml.safe_load(kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = cable.url
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path


def test_an_operator_that_is_cut_off_rings_until_it_is_back_and_one_that_is_gone_rings_too(
    api: Api, namespace: str, prometheus: str, by_cable: Path, cable: Cable, tmp_path: Path
) -> None:
    # Cut off is an operator here after twenty seconds, not after two minutes; it looks each 15 s.
    sooner = {"TradebotOperatorSilent": ("> 120", "> 20")}
    with running(tmp_path, by_cable, namespace) as operator:
        watching = Prometheus(tmp_path, prometheus, [f"127.0.0.1:{operator.port}"], sooner)
        try:
            wait_until(lambda: watching.value("tradebot_operator_canary_age_seconds") > 0)
            errors = 'tradebot_operator_errors_total{kind="canary"}'
            assert watching.value(f"count({errors})") == 1, "begins at zero"
            assert "TradebotOperatorSilent" not in watching.firing()
            cable.pull()
            wait_until(lambda: "TradebotOperatorSilent" in watching.firing())
            assert watching.healths() == ["up"]
            assert watching.value(errors) > 0
            cable.plug_in()
            wait_until(lambda: "TradebotOperatorSilent" not in watching.firing())

            operator.stop(signal.SIGKILL)
            wait_until(lambda: "TradebotOperatorSilent" in watching.firing())
            assert watching.healths() == ["down"]
        finally:
            watching.end()
