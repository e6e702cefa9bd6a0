"""Signed requests: authenticates the caller and checks its rights.

The order of the checks: headers, key, signature, the request's own path, nonce, account, role.
"""

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from tradebot.emulator.accounts.account import ExchangeAccount
from tradebot.emulator.accounts.keys import Key, Role
from tradebot.emulator.exchange import Exchange
from tradebot.emulator.refusals import RefusalError


class Caller(msgspec.Struct, frozen=True):
    """The sender of a request, and its parameters."""

    key: Key
    account: ExchangeAccount
    parameters: dict[str, Any]


def authenticate(
    exchange: Exchange, headers: Mapping[str, str], path: str, roles: tuple[Role, ...]
) -> Caller:
    """Authenticates the sender of a signed request to `path`.

    Raises:
        RefusalError: a check fails.
    """
    key, payload = _signed_by(exchange, headers)
    parameters = _parameters(payload)
    if parameters.get("request") != path:
        raise RefusalError(
            400, "EndpointMismatch", "EndpointMismatch: the payload's request is another path"
        )
    check_nonce(exchange, key, parameters.get("nonce"))
    account = _account(exchange, key, parameters)
    require_role(key, roles)
    key.last_seen = time.monotonic()
    return Caller(key, account, parameters)


def authenticate_socket(exchange: Exchange, headers: Mapping[str, str]) -> Caller:
    """Authenticates the new socket's handshake, whose payload is only the nonce.

    Raises:
        RefusalError: a check fails; only account keys with time-based nonces may connect.
    """
    key, payload = _signed_by(exchange, headers)
    nonce = headers.get("x-gemini-nonce")
    if nonce is None or payload.decode("ascii", "replace") != nonce:
        raise RefusalError(400, "InvalidNonce", "X-GEMINI-NONCE must be what the payload encodes")
    if key.master or key.nonce_rule != "time":
        raise RefusalError(
            400, "InvalidNonce", "The WebSocket API needs an account key with a time based nonce"
        )
    check_nonce(exchange, key, nonce)
    key.last_seen = time.monotonic()
    return Caller(key, exchange.accounts[key.account], {})


def _signed_by(exchange: Exchange, headers: Mapping[str, str]) -> tuple[Key, bytes]:
    """Returns the key that signed, and the decoded payload."""
    for name, reason in (
        ("X-GEMINI-APIKEY", "MissingApikeyHeader"),
        ("X-GEMINI-PAYLOAD", "MissingPayloadHeader"),
        ("X-GEMINI-SIGNATURE", "MissingSignatureHeader"),
    ):
        if not headers.get(name.lower()):
            raise RefusalError(400, reason, f"Must provide '{name}' header")
    key = exchange.keys.get(headers["x-gemini-apikey"])
    if key is None:
        raise RefusalError(400, "InvalidApiKey", "InvalidApiKey")
    encoded = headers["x-gemini-payload"].encode()
    signature = hmac.new(key.secret.encode(), encoded, hashlib.sha384).hexdigest()
    if not hmac.compare_digest(signature, headers["x-gemini-signature"].lower()):
        raise RefusalError(400, "InvalidSignature", "InvalidSignature")
    try:
        return key, base64.b64decode(encoded, validate=True)
    except binascii.Error:
        raise RefusalError(400, "InvalidJson", "The payload is not base64") from None


def _parameters(payload: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(payload, type=dict[str, Any])
    except msgspec.DecodeError:
        raise RefusalError(400, "InvalidJson", "The payload is not a JSON object") from None


def check_nonce(exchange: Exchange, key: Key, nonce: object) -> None:
    """Refuses a nonce that its key does not allow.

    Times are compared with the machine's clock and with the exchange's; a client may use either.

    Raises:
        RefusalError: InvalidNonce.
    """
    try:
        number = Decimal(str(nonce))
    except InvalidOperation:
        number = Decimal("nan")
    if not number.is_finite():
        raise RefusalError(400, "InvalidNonce", f"Nonce '{nonce}' is not a number")
    skew = exchange.clock.skew / 1000
    clocks = (time.time() + skew, exchange.clock.now() / 1000)
    last = key.last_nonce
    if key.accept_nonce(number, clocks):
        return
    if key.nonce_rule == "time":
        raise RefusalError(
            400, "InvalidNonce", f"Nonce '{nonce}' is not within 30 seconds of server time"
        )
    raise RefusalError(
        400, "InvalidNonce", f"Nonce '{nonce}' has not increased since your last call: {last}"
    )


def _account(exchange: Exchange, key: Key, parameters: Mapping[str, Any]) -> ExchangeAccount:
    if not key.master:
        return exchange.accounts[key.account]
    name = parameters.get("account")
    if name is None:
        raise RefusalError(400, "MissingAccounts", "Expected a JSON payload with accounts")
    account = exchange.accounts.get(str(name))
    if account is None:
        raise RefusalError(400, "MissingAccounts", f"Account '{name}' is not in this group")
    return account


def require_role(key: Key, roles: tuple[Role, ...]) -> None:
    """Refuses a key that has none of `roles`.

    Raises:
        RefusalError: MissingRole.
    """
    if not set(roles) & set(key.roles):
        wanted = " or ".join(roles)
        raise RefusalError(
            403,
            "MissingRole",
            f"To access this endpoint, you need to log in to the website and go to the settings "
            f"page to assign one of these roles [{wanted}] to API key {key.name}. The roles "
            f"assigned to this key are [{', '.join(key.roles)}]",
        )
