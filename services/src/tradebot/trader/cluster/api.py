"""The API server, with the rights of a trader's pod.

Its service account may read its own TradeBot, patch that one's status, and read and write its own
Lease: nothing else.
"""

import asyncio
import os
import ssl
from pathlib import Path
from typing import Any, Final

import httpx

from tradebot.platform.settings import SettingsError

ACCOUNT_FOLDER: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
TRADER: Final = "tradebot-trader"
"""The field manager of a trader's writes."""


class ClusterApi:
    """The API server, with the pod's service account; its token is re-read as it rotates.

    Raises:
        SettingsError: this process runs in no pod, or the pod has no token.
    """

    def __init__(self, *, folder: Path = ACCOUNT_FOLDER, server: str = "") -> None:
        host = os.environ.get("KUBERNETES_SERVICE_HOST", "")
        port = os.environ.get("KUBERNETES_SERVICE_PORT", "443")
        if ":" in host:
            host = f"[{host}]"
        self._token = folder / "token"
        if not (host or server) or not self._token.is_file():
            raise SettingsError(
                "lease or report is kubernetes, but this process does not run in a pod with a "
                "service account token: on one machine use --lease file and --report none"
            )
        context = ssl.create_default_context(cafile=str(folder / "ca.crt"))
        self._http = httpx.AsyncClient(
            base_url=server or f"https://{host}:{port}", verify=context, timeout=4.0
        )

    async def request(
        self, method: str, path: str, body: dict[str, Any] | None = None, **options: Any
    ) -> httpx.Response:
        """Returns the API server's response, whatever its status.

        Raises:
            httpx.HTTPError: there was none.
        """
        token = await asyncio.to_thread(self._token.read_text)
        headers = {"Authorization": f"Bearer {token.strip()}"} | options.pop("headers", {})
        return await self._http.request(method, path, json=body, headers=headers, **options)

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()


def bot_path(namespace: str, bot: str) -> str:
    """Returns the path of a TradeBot."""
    return f"/apis/tradebot.dev/v1alpha1/namespaces/{namespace}/tradebots/{bot}"
