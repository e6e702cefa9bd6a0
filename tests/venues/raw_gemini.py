"""A client of the venue that only signs, so that tests see exactly what is sent."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import httpx
import websockets
from waiting.conditions import PATIENCE_SECONDS

from tradebot.emulator.embedded import EmbeddedEmulator


class RawGemini:
    """Calls the venue with one key."""

    def __init__(
        self, emulator: EmbeddedEmulator, key: str = "account-demo", secret: str = "demo-secret"
    ) -> None:
        self.emulator = emulator
        self._key = key
        self._secret = secret
        self._last = 0
        self.http = httpx.Client(base_url=emulator.url, timeout=PATIENCE_SECONDS)

    def __enter__(self) -> "RawGemini":
        return self

    def __exit__(self, *_error: object) -> None:
        self.http.close()

    def nonce(self) -> int:
        self._last = max(self._last + 1, time.time_ns() // 1000)
        return self._last

    def headers(self, path: str, **parameters: Any) -> dict[str, str]:
        payload = {"request": path, "nonce": self.nonce(), **parameters}
        return self._signed(json.dumps(payload))

    def _signed(self, payload: str) -> dict[str, str]:
        encoded = base64.b64encode(payload.encode())
        signature = hmac.new(self._secret.encode(), encoded, hashlib.sha384).hexdigest()
        return {
            "X-GEMINI-APIKEY": self._key,
            "X-GEMINI-PAYLOAD": encoded.decode(),
            "X-GEMINI-SIGNATURE": signature,
        }

    def post(self, path: str, **parameters: Any) -> httpx.Response:
        return self.http.post(path, headers=self.headers(path, **parameters))

    def order(self, side: str, price: str, amount: str, **more: Any) -> httpx.Response:
        fields = {"symbol": "btcusd", "type": "exchange limit", **more}
        return self.post("/v1/order/new", side=side, price=price, amount=amount, **fields)

    def get(self, path: str) -> Any:
        return self.http.get(path).json()

    def socket_headers(self) -> dict[str, str]:
        nonce = str(int(time.time()))
        return {**self._signed(nonce), "X-GEMINI-NONCE": nonce}

    def fault(self, **rule: Any) -> dict[str, Any]:
        answer = self.http.post("/emulator/faults", json=rule)
        assert answer.status_code == 200, answer.text
        armed: dict[str, Any] = answer.json()[0]
        return armed

    def strikes(self) -> list[str]:
        """Returns the kinds of the faults that struck, in order."""
        return [each["kind"] for each in self.get("/emulator/faults/log")]

    def calm(self) -> None:
        self.http.delete("/emulator/faults")

    # An unbounded queue: with a bounded one, the client's close waits for a frame behind it.
    def connect(self, path: str, headers: dict[str, str] | None = None) -> websockets.connect:
        return websockets.connect(
            self.emulator.socket_url + path,
            additional_headers=headers,
            max_size=None,
            max_queue=None,
        )


async def receive(socket: websockets.ClientConnection, count: int) -> list[Any]:
    """The next messages, decoded."""
    return [json.loads(await socket.recv()) for _ in range(count)]
