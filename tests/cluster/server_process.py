"""The API server's own process, killed with SIGKILL and restarted."""

import contextlib
import os
import signal
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import yaml
from apiserver import eventually


class ServerProcess:
    """The API server's process, if it runs on this machine.

    Raises:
        LookupError: there is none, or we may not kill it.
    """

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        self._server: str = config["clusters"][0]["cluster"]["server"]
        self._find()

    def kill(self) -> None:
        """Kills it, like a crash, and waits until it is gone."""
        os.kill(self._pid, signal.SIGKILL)
        assert eventually(lambda: not _is_running(self._pid))

    def start(self) -> None:
        """Restarts it: by its supervisor if there is one, or by its own command line."""
        try:
            self._find()
        except LookupError:
            inside = ["nsenter", "-t", str(self._inside), "-m", "-n", "-p", "-u", "-i"]
            with Path(os.devnull).open("wb") as nowhere:
                subprocess.run(
                    ["setsid", "--fork", *inside, *self._command],
                    stdin=subprocess.DEVNULL,
                    stdout=nowhere,
                    stderr=nowhere,
                    check=True,
                )
        assert eventually(self._is_ready)
        self._find()

    def _find(self) -> None:
        url = urlsplit(self._server)
        address, port = f"--advertise-address={url.hostname}", f"--secure-port={url.port}"
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                command = (folder / "cmdline").read_text().split("\0")[:-1]
                if "kube-apiserver" in command[:2] and {address, port} <= set(command):
                    self._pid, self._command = int(folder.name), command
                    self._inside = _first_of_its_kind(folder)
                    return
        raise LookupError(f"no process of this machine is the API server {self._server}")

    def _is_ready(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{self._server}/readyz", verify=False, timeout=2).text == "ok"
        return False


def _first_of_its_kind(folder: Path) -> int:
    """Returns the first process of the PID namespace of the process of `folder`."""
    own = (folder / "ns/pid").readlink()
    for other in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            lines = (other / "status").read_text().splitlines()
            numbers = next(line for line in lines if line.startswith("NSpid")).split()
            if numbers[-1] == "1" and (other / "ns/pid").readlink() == own:
                return int(other.name)
    raise LookupError(f"process {folder.name} cannot be followed into its namespaces")


def _is_running(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0] != "Z"
    return False
