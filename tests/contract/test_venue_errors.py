"""Whatever a venue or a proxy does, a call ends in one of three classes of error."""

import asyncio
from decimal import Decimal

import httpx
import pytest
from venues.scripted import Answering, free_port, http_that

from tradebot.venue.errors import AmbiguousError, RejectedError, TransportError, VenueError
from tradebot.venue.gemini.answers import NewOrder
from tradebot.venue.gemini.rest import GeminiRest
from tradebot.venue.gemini.signing import Credentials
from tradebot.venue.gemini.wire import NEVER_SENT

KEY = Credentials("account-test", "secret")
ORDER = NewOrder(
    symbol="BTCUSD",
    side="buy",
    amount=Decimal("0.1"),
    price=Decimal("100.00"),
    client_order_id="bot-1-1",
    option="immediate-or-cancel",
)
NESTED = b'{"more":' + b"[" * 50_000 + b"]" * 50_000 + b"}"
HTML = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
REAL_429 = b'{"result":"error","reason":"Too Many Requests","message":"Too Many Requests"}'


def told(reason: str, message: str = "a sentence") -> bytes:
    return f'{{"result":"error","reason":"{reason}","message":"{message}"}}'.encode()


def raw(*chunks: bytes, pause: float = 0.0, hang: bool = False) -> Answering:
    """Writes the bytes as they are, then closes, or keeps the connection open."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for chunk in chunks:
            writer.write(chunk)
            await writer.drain()
            await asyncio.sleep(pause)
        if hang:
            await reader.read()  # until the client closes it

    return answer


def http(status: str, body: bytes, *headers: str) -> Answering:
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return raw("\r\n".join(head).encode() + b"\r\n\r\n" + body)


async def resets(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


def loris(data: bytes) -> Answering:
    return raw(*[bytes([byte]) for byte in data], pause=0.05)


OK = "200 OK"
TABLE = {
    "the real body of a 429": (http("429 X", REAL_429), RejectedError, "Too Many Requests"),
    "a 429 as the list of reasons spells it": (
        http("429 X", told("RateLimit"), "Retry-After: 3"),
        RejectedError,
        "RateLimit",
    ),
    "a 429 of a proxy": (http("429 X", HTML), RejectedError, "Too Many Requests"),
    "too little money": (
        http("406 X", told("InsufficientFunds")),
        RejectedError,
        "InsufficientFunds",
    ),
    "a bad signature": (http("400 X", told("InvalidSignature")), RejectedError, "InvalidSignature"),
    "a bad symbol": (http("400 X", told("Bad Request")), RejectedError, "Bad Request"),
    "no such order": (http("404 X", told("OrderNotFound")), RejectedError, "OrderNotFound"),
    "a role that the key lacks": (
        http("403 X", b'{"error":"MissingRole","message":"OrderStatus required"}'),
        RejectedError,
        "MissingRole",
    ),
    "an error under status 200": (http(OK, told("InvalidPrice")), RejectedError, "InvalidPrice"),
    "maintenance": (http("503 X", told("Maintenance")), RejectedError, "Maintenance"),
    "a 404 without a body": (http("404 X", b""), AmbiguousError, "UnreadableAnswer"),
    "a 403 of a proxy": (http("403 X", HTML), AmbiguousError, "UnreadableAnswer"),
    "a fault of the venue, told by itself": (
        http("500 X", told("System")),
        AmbiguousError,
        "System",
    ),
    "a 500 in plain text": (http("500 X", b"oops"), AmbiguousError, "UnreadableAnswer"),
    "a 502 of a proxy": (http("502 X", HTML), AmbiguousError, "UnreadableAnswer"),
    "a 503 of a proxy": (http("503 X", HTML), AmbiguousError, "UnreadableAnswer"),
    "a 504 without a body": (http("504 X", b""), AmbiguousError, "UnreadableAnswer"),
    "a redirect": (
        http("302 X", b"", "Location: http://127.0.0.1:1/"),
        AmbiguousError,
        "UnreadableAnswer",
    ),
    "a page under status 200": (http(OK, HTML), AmbiguousError, "UnreadableAnswer"),
    "an empty body under status 200": (http(OK, b""), AmbiguousError, "UnreadableAnswer"),
    "brackets without end": (http(OK, NESTED), AmbiguousError, "UnreadableAnswer"),
    "a 500 of brackets without end": (http("500 X", NESTED), AmbiguousError, "UnreadableAnswer"),
    "half of the JSON": (http(OK, b'{"order_id":"1","symb'), AmbiguousError, "UnreadableAnswer"),
    "JSON of something else": (http(OK, b'{"pong":true}'), AmbiguousError, "UnreadableAnswer"),
    "bytes that are no text": (http(OK, b"\xff\xfe\x00"), AmbiguousError, "UnreadableAnswer"),
    "half of a body": (
        raw(b'HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{"order_id":"1"'),
        AmbiguousError,
        "RemoteProtocolError",
    ),
    "half of a header": (raw(b"HTTP/1.1 200 OK\r\nConte"), AmbiguousError, "RemoteProtocolError"),
    "no answer and a close": (raw(), AmbiguousError, "RemoteProtocolError"),
    "no answer and a reset": (resets, AmbiguousError, None),
    "no answer at all": (raw(hang=True), AmbiguousError, "Timeout"),
    "something that is not HTTP": (
        raw(b"SSH-2.0-OpenSSH\r\n"),
        AmbiguousError,
        "RemoteProtocolError",
    ),
    "a body that is not gzip": (
        http(OK, b"not gzip", "Content-Encoding: gzip"),
        AmbiguousError,
        "DecodingError",
    ),
    "headers a byte at a time": (loris(b"HTTP/1.1 200 OK\r\n" * 9), AmbiguousError, "Timeout"),
    "a body a byte at a time": (
        loris(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + b" " * 99),
        AmbiguousError,
        "Timeout",
    ),
}


@pytest.mark.parametrize(("answer", "kind", "reason"), TABLE.values(), ids=TABLE.keys())
async def test_an_order_that_was_sent_ends_as_ambiguous_or_rejected(
    answer: Answering, kind: type[VenueError], reason: str | None
) -> None:
    # A busy machine must not turn another failure into a timeout.
    timeout = 0.3 if reason == "Timeout" else 10.0
    async with http_that(answer) as url, GeminiRest(url, KEY, timeout=timeout) as rest:
        with pytest.raises(VenueError) as raised:
            await rest.new_order(ORDER)
    assert type(raised.value) is kind
    assert raised.value.request == "/v1/order/new"
    assert raised.value.message
    if reason is not None:
        assert raised.value.reason == reason


async def test_a_port_that_nothing_listens_on_means_never_sent() -> None:
    async with GeminiRest(f"http://127.0.0.1:{free_port()}", KEY) as rest:
        with pytest.raises(TransportError):
            await rest.new_order(ORDER)


async def test_a_name_that_does_not_resolve_means_never_sent() -> None:
    async with GeminiRest("http://venue.invalid", KEY, timeout=2) as rest:
        with pytest.raises(TransportError):
            await rest.new_order(ORDER)


async def test_a_failed_tls_handshake_means_never_sent() -> None:
    async with (
        http_that(raw()) as url,
        GeminiRest(url.replace("http", "https"), KEY, timeout=1) as rest,
    ):
        with pytest.raises(TransportError):
            await rest.new_order(ORDER)


async def test_a_call_without_a_key_means_never_sent() -> None:
    async with GeminiRest("http://127.0.0.1:1") as rest:
        with pytest.raises(TransportError) as raised:
            await rest.balances()
    assert raised.value.reason == "NoCredentials"


def kinds_of(base: type[httpx.HTTPError]) -> set[type[httpx.HTTPError]]:
    return {base}.union(*(kinds_of(kind) for kind in base.__subclasses__()))


HTTPX_ERRORS = sorted(kinds_of(httpx.TransportError), key=lambda kind: kind.__name__)


@pytest.mark.parametrize("kind", HTTPX_ERRORS, ids=lambda kind: kind.__name__)
async def test_whatever_the_http_client_raises_falls_into_a_class(
    kind: type[httpx.HTTPError],
) -> None:
    def fail(_request: httpx.Request) -> httpx.Response:
        raise kind("")

    transport = httpx.MockTransport(fail)
    async with GeminiRest("http://venue", KEY, transport=transport) as rest:
        with pytest.raises(VenueError) as raised:
            await rest.new_order(ORDER)
    expected = TransportError if issubclass(kind, NEVER_SENT) else AmbiguousError
    assert type(raised.value) is expected


async def test_the_venues_reason_and_message_are_carried_as_they_are() -> None:
    message = "Invalid quantity for symbol BTCUSD: 0.1"
    async with (
        http_that(http("400 X", told("InvalidQuantity", message))) as url,
        GeminiRest(url, KEY) as rest,
    ):
        with pytest.raises(RejectedError) as raised:
            await rest.new_order(ORDER)
    assert (raised.value.reason, raised.value.message) == ("InvalidQuantity", message)
    assert str(raised.value) == f"/v1/order/new: InvalidQuantity: {message} (HTTP 400)"


async def test_after_a_429_nothing_is_sent_for_as_long_as_the_venue_asks() -> None:
    answers = iter([http("429 X", REAL_429, "Retry-After: 1"), http(OK, b"[]")])

    async def in_turn(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await next(answers)(reader, writer)

    loop = asyncio.get_running_loop()
    async with http_that(in_turn) as url, GeminiRest(url, KEY) as rest:
        with pytest.raises(RejectedError) as raised:
            await rest.balances()
        began = loop.time()
        assert await rest.balances() == []
    assert raised.value.retry_after == 1.0
    assert loop.time() - began > 0.9


async def test_calls_go_through_the_proxy_that_the_environment_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[bytes] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(b"asked")
        await http(OK, b'["btcusd"]')(reader, writer)

    async with http_that(proxy) as address:
        monkeypatch.setenv("http_proxy", address)
        monkeypatch.delenv("no_proxy", raising=False)
        async with GeminiRest("http://venue.invalid") as rest:
            assert await rest.symbols() == ["btcusd"]
        monkeypatch.setenv("no_proxy", "venue.invalid")
        async with GeminiRest("http://venue.invalid") as rest:
            with pytest.raises(TransportError):
                await rest.symbols()
    assert seen == [b"asked"]
