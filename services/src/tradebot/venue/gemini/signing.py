"""Signatures of private requests.

Source: Gemini's documentation, authentication by API key: the payload is JSON in base64, signed
with HMAC-SHA384 and the key's secret; parameters are read from the payload alone. The new WebSocket
signs the nonce in base64, in the handshake.
"""

import base64
import hashlib
import hmac
from pathlib import Path
from typing import Any

import msgspec

from tradebot.platform.settings import SettingsError


class Credentials(msgspec.Struct, frozen=True):
    """A key pair; its text form shows neither part.

    Attributes:
        api_key: `account-…`, or `master-…` with `account` set.
        secret: the key's secret.
        account: the sub-account of a master key, such as `primary`; "" for an account key.
    """

    api_key: str
    secret: str
    account: str = ""

    def __repr__(self) -> str:
        return "Credentials(kept secret)"

    __str__ = __repr__


def read_credentials(api_key_file: str, api_secret_file: str, account: str = "") -> Credentials:
    """Reads the key pair from two files.

    Raises:
        SettingsError: a file does not exist, cannot be read or is empty.
    """
    return Credentials(
        _read("api_key_file", api_key_file), _read("api_secret_file", api_secret_file), account
    )


def _read(name: str, path: str) -> str:
    try:
        text = Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "the file is not text"
        raise SettingsError(
            f"{name} is {path!r}: {why}; set it to the path of a key file"
        ) from None
    if not text:
        raise SettingsError(f"{name} is {path!r}: the file is empty; write the key to it")
    return text


def signed_headers(
    credentials: Credentials, request: str, nonce: int | str, parameters: dict[str, Any]
) -> dict[str, str]:
    """Returns the headers of a private REST call, or of the order events' handshake.

    Args:
        request: the path, such as `/v1/order/new`, without a query.
        nonce: above the key's last, or the time, by the kind of key.
        parameters: of the call; amounts and prices as strings.
    """
    content: dict[str, Any] = {"request": request, "nonce": nonce, **parameters}
    if credentials.account:
        content["account"] = credentials.account
    return {
        **_proof(credentials, msgspec.json.encode(content)),
        "Content-Type": "text/plain",
        "Content-Length": "0",
        "Cache-Control": "no-cache",
        "User-Agent": "tradebot",
    }


def handshake_headers(credentials: Credentials, nonce: int | str) -> dict[str, str]:
    """Returns the headers of the new WebSocket's handshake; its keys use the time as nonce."""
    return {
        **_proof(credentials, str(nonce).encode()),
        "X-GEMINI-NONCE": str(nonce),
    }


def _proof(credentials: Credentials, content: bytes) -> dict[str, str]:
    payload = base64.b64encode(content)
    signature = hmac.new(credentials.secret.encode(), payload, hashlib.sha384).hexdigest()
    return {
        "X-GEMINI-APIKEY": credentials.api_key,
        "X-GEMINI-PAYLOAD": payload.decode(),
        "X-GEMINI-SIGNATURE": signature,
    }
