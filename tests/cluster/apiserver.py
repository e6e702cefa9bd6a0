"""A small client of the API server, with waiting, for the tests on a real Kubernetes."""

import base64
import ssl
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import yaml
from waiting.conditions import PATIENCE_SECONDS

ROOT = Path(__file__).parents[2]
BOTS = "/apis/tradebot.dev/v1alpha1/namespaces/{}/tradebots"


class Api:
    """The API server's REST, with the credentials of a kubeconfig."""

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        headers = {"Authorization": f"Bearer {user['token']}"} if "token" in user else {}
        self._http = httpx.Client(
            base_url=cluster["server"], verify=_tls(cluster, user), headers=headers, timeout=30
        )

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self._http.request(method, path, **options)

    def get(self, path: str) -> dict[str, Any]:
        return self.request("GET", path).raise_for_status().json()

    def exists(self, path: str) -> bool:
        return self.request("GET", path).status_code == 200

    def post(self, path: str, body: dict[str, Any], **params: str) -> httpx.Response:
        return self.request("POST", path, json=body, params=params)

    def delete(self, path: str) -> None:
        self.request("DELETE", path)

    def merge(self, path: str, body: dict[str, Any]) -> httpx.Response:
        headers = {"Content-Type": "application/merge-patch+json"}
        return self.request("PATCH", path, json=body, headers=headers)

    def apply(self, path: str, body: dict[str, Any], manager: str = "test") -> httpx.Response:
        headers = {"Content-Type": "application/apply-patch+yaml"}
        params = {"fieldManager": manager, "force": "true", "fieldValidation": "Strict"}
        return self.request("PATCH", path, json=body, params=params, headers=headers)


def _tls(cluster: dict[str, str], user: dict[str, str]) -> ssl.SSLContext:
    def text(holder: dict[str, str], field: str) -> bytes:
        if f"{field}-data" in holder:
            return base64.b64decode(holder[f"{field}-data"])
        return Path(holder[field]).read_bytes()

    context = ssl.create_default_context(cadata=text(cluster, "certificate-authority").decode())
    if "token" in user:
        return context
    with tempfile.NamedTemporaryFile() as pair:
        pair.write(text(user, "client-certificate") + b"\n" + text(user, "client-key"))
        pair.flush()
        context.load_cert_chain(pair.name)
    return context


def eventually(
    check: Callable[[], Any], seconds: float = PATIENCE_SECONDS, pause: float = 0.2
) -> Any:
    """Returns the first true value of `check`, or its last value after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        value = check()
        if value or time.monotonic() > end:
            return value
        time.sleep(pause)
