"""Gemini's REST calls: signed, in order, within the rate limits, with responses in Decimal.

Every call may raise one of `errors`' three classes and nothing else: `TransportError` (never sent),
`AmbiguousError` (perhaps accepted), `RejectedError` (certainly not).
"""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Final, Self, TypeVar, cast

import httpx
import msgspec

from tradebot import records
from tradebot.domain.money import plain
from tradebot.venue.errors import AmbiguousError, RejectedError, TransportError
from tradebot.venue.gemini.answers import (
    BalanceAnswer,
    CancelReport,
    FillAnswer,
    NewOrder,
    NotionalVolume,
    OrderAnswer,
    Period,
    SymbolDetails,
    TradeAnswer,
    finite,
)
from tradebot.venue.gemini.nonces import CounterNonces, Nonces
from tradebot.venue.gemini.rate_limit import Priority, RateLimit, private_limit, public_limit
from tradebot.venue.gemini.refusals import TOO_MANY_REQUESTS, excerpt, refusal
from tradebot.venue.gemini.signing import Credentials, handshake_headers, signed_headers
from tradebot.venue.gemini.wire import Wire
from tradebot.venue.market import Book, Candle, Ticker

Answer = TypeVar("Answer")

DAY_MS: Final = 86_400_000
PAGE: Final = 500
PUBLIC_HEADERS: Final = {"User-Agent": "tradebot", "Accept-Encoding": "gzip, deflate"}
ORDERS: Final[Any] = list[OrderAnswer] | OrderAnswer


class GeminiRest:
    """A client of the venue; with credentials, one per process and key.

    Args:
        url: base address without a trailing slash, as `settings.endpoints` returns it.
        credentials: the key of private calls.
        nonces: of the key's kind; a counter by default.
        timeout: seconds of a call in all, from its turn to the end of the response.
        transport: for tests; by default its own connections, through the environment's proxy.
    """

    def __init__(
        self,
        url: str,
        credentials: Credentials | None = None,
        *,
        nonces: Nonces | None = None,
        timeout: float = 10.0,
        public: RateLimit | None = None,
        private: RateLimit | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._credentials = credentials
        self._nonces = nonces or CounterNonces()
        self._public = public or public_limit()
        self._private = private or private_limit()
        self._wire = Wire(url, timeout, transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Closes its connections."""
        await self._wire.aclose()

    async def symbols(self) -> list[str]:
        """Returns all symbols, in lower case."""
        return await self._get("/v1/symbols", list[str])

    async def symbol_details(self, symbol: str) -> SymbolDetails:
        """Returns the steps and the minimum of a symbol."""
        return await self._get(f"/v1/symbols/details/{symbol.lower()}", SymbolDetails)

    async def ticker(self, symbol: str) -> Ticker:
        """Returns best prices, last price and 24-hour volumes."""
        answer = await self._get(f"/v1/pubticker/{symbol.lower()}", _Ticker)
        volumes = {name: value for name, value in answer.volume.items() if name != "timestamp"}
        ts = int(answer.volume.get("timestamp", 0))
        return Ticker(bid=answer.bid, ask=answer.ask, last=answer.last, ts=ts, volumes=volumes)

    async def book(self, symbol: str, limit: int = 50) -> Book:
        """Returns the best `limit` levels per side; 0 requests all."""
        parameters = {"limit_bids": limit, "limit_asks": limit}
        return await self._get(f"/v1/book/{symbol.lower()}", Book, parameters)

    async def trades(
        self, symbol: str, *, since: int | None = None, since_tid: int | None = None
    ) -> list[TradeAnswer]:
        """Returns up to 500 trades after `since` (ms) or `since_tid`, newest first."""
        parameters: dict[str, Any] = {"limit_trades": PAGE}
        if since is not None:
            parameters["timestamp"] = since
        if since_tid is not None:
            parameters["since_tid"] = since_tid
        return await self._get(f"/v1/trades/{symbol.lower()}", list[TradeAnswer], parameters)

    async def candles(self, symbol: str, period: Period = "1m") -> list[Candle]:
        """Returns the venue's candles of the period, newest first."""
        return await self._get(f"/v2/candles/{symbol.lower()}/{period}", list[Candle])

    async def emulator_history(self, symbol: str) -> list[Candle]:
        """Returns all minutes of an emulator; Gemini has no such call."""
        return await self._get("/emulator/history", list[Candle], {"symbol": symbol})

    async def time(self) -> float | None:
        """Returns the venue's time in seconds of the epoch, from the date of a response."""
        async with self._public.slot(Priority.INFORMATION):
            response = await self._wire.send("GET", "/v1/symbols", headers=PUBLIC_HEADERS)
        stamp = response.headers.get("date")
        return parsedate_to_datetime(stamp).timestamp() if stamp else None

    async def new_order(
        self, order: NewOrder, unless: Callable[[], str] = lambda: ""
    ) -> OrderAnswer:
        """Places an order; the response may already be filled or cancelled.

        `unless` is called when its turn comes; it returns a reason not to send the order any more.
        The order is never sent twice. A refused nonce leaves its result unknown: something on the
        way may have repeated the request, and this may be the response to the repetition.
        """
        parameters: dict[str, Any] = {
            "client_order_id": order.client_order_id,
            "symbol": order.symbol.lower(),
            "amount": plain(order.amount),
            "price": plain(order.price),
            "side": order.side,
            "type": "exchange limit",
        }
        if order.option is not None:
            parameters["options"] = [order.option]
        if order.stop_price is not None:
            parameters |= {"type": "exchange stop limit", "stop_price": plain(order.stop_price)}
        return await self._post(
            "/v1/order/new", OrderAnswer, parameters, Priority.ORDER, repeat=False, unless=unless
        )

    async def cancel_order(self, order_id: str) -> OrderAnswer:
        """Cancels an order; one that was filled before is returned filled, without an error."""
        return await self._post("/v1/order/cancel", OrderAnswer, {"order_id": order_id})

    async def cancel_session(self) -> CancelReport:
        """Cancels all orders that this key placed."""
        answer = await self._post("/v1/order/cancel/session", _Cancelled)
        return CancelReport(
            cancelled=[str(number) for number in answer.details.cancelledOrders],
            rejected=[str(number) for number in answer.details.cancelRejects],
        )

    async def order_status(self, order_id: str, *, include_trades: bool = False) -> OrderAnswer:
        """Returns the order of that id."""
        parameters = {"order_id": order_id, "include_trades": include_trades}
        return await self._post("/v1/order/status", OrderAnswer, parameters)

    async def orders_by_client_id(
        self, client_order_id: str, *, include_trades: bool = False
    ) -> list[OrderAnswer]:
        """Returns the orders of that client id; the venue accepts one more than once.

        An unknown id returns an empty list: the venue responds `OrderNotFound`.
        """
        parameters = {"client_order_id": client_order_id, "include_trades": include_trades}
        try:
            answer = await self._post("/v1/order/status", ORDERS, parameters)
        except RejectedError as error:
            if error.reason == "OrderNotFound":
                return []
            raise
        orders: list[OrderAnswer] = answer if isinstance(answer, list) else [answer]
        return orders

    async def active_orders(self) -> list[OrderAnswer]:
        """Returns all live orders of the account, of every symbol and key."""
        return await self._post("/v1/orders", list[OrderAnswer])

    async def orders_history(self, symbol: str, *, since: int | None = None) -> list[OrderAnswer]:
        """Returns up to 500 closed orders since `since` (ms), newest first."""
        parameters: dict[str, Any] = {"symbol": symbol.lower(), "limit_orders": PAGE}
        if since is not None:
            parameters["timestamp"] = since
        return await self._post("/v1/orders/history", list[OrderAnswer], parameters)

    async def my_trades(self, symbol: str, *, since: int = 0) -> list[FillAnswer]:
        """Returns all fills since `since` (ms), oldest first.

        Pages forward as the venue documents it: a page holds the first 500 from its timestamp on,
        newest first. The next page starts at the last one's own millisecond, so that none of its
        fills is lost; duplicates are dropped. If one millisecond has more fills than a page, the
        rest is read from their orders.
        """
        found: dict[int, FillAnswer] = {}
        start = since
        while True:
            parameters = {"symbol": symbol.lower(), "limit_trades": PAGE, "timestamp": start}
            page = await self._post("/v1/mytrades", list[FillAnswer], parameters)
            fresh = [trade for trade in page if trade.tid not in found]
            found.update((trade.tid, trade) for trade in fresh)
            if len(page) < PAGE:
                return sorted(found.values(), key=lambda trade: (trade.timestampms, trade.tid))
            if fresh:
                start = max(trade.timestampms for trade in page)
                continue
            crowded = max(trade.timestampms for trade in page)
            fills = await self._fills_of_orders(symbol, crowded)
            found.update((trade.tid, trade) for trade in fills if trade.timestampms >= since)
            start = crowded + 1

    async def _fills_of_orders(self, symbol: str, ts: int) -> list[FillAnswer]:
        """Returns the fills of all orders that could have been filled at `ts` (ms)."""
        orders = await self.orders_history(symbol, since=max(0, ts - DAY_MS))
        orders += await self.active_orders()
        fills: list[FillAnswer] = []
        for order in orders:
            if order.symbol.upper() != symbol.upper() or not order.executed_amount:
                continue
            fills += (await self.order_status(order.order_id, include_trades=True)).trades
        return fills

    async def balances(self) -> list[BalanceAnswer]:
        """Returns the account's balances, by currency."""
        return await self._post("/v1/balances", list[BalanceAnswer])

    async def notional_volume(self) -> NotionalVolume:
        """Returns the account's fees."""
        return await self._post("/v1/notionalvolume", NotionalVolume, {}, Priority.INFORMATION)

    async def heartbeat(self) -> None:
        """Keeps the orders of a key that "requires heartbeat" alive for another 30 s."""
        await self._post("/v1/heartbeat", _Ok)

    @asynccontextmanager
    async def signed(
        self,
        path: str,
        parameters: dict[str, Any] | None = None,
        priority: Priority = Priority.SAFETY,
    ) -> AsyncIterator[dict[str, str]]:
        """Yields the headers of one request; no other of the key is sent until the block ends.

        Sockets of the same key use it too, so that nonces arrive in order.

        Raises:
            TransportError: there is no key.
        """
        if self._credentials is None:
            raise TransportError("NoCredentials", "this call needs a key", request=path)
        async with self._private.slot(priority):
            yield signed_headers(self._credentials, path, self._nonces.next(), parameters or {})

    def handshake(self) -> dict[str, str]:
        """Returns the headers of the new WebSocket's handshake, whose keys use the time as nonce.

        Raises:
            TransportError: there is no key.
        """
        if self._credentials is None:
            raise TransportError("NoCredentials", "this socket needs a key")
        return handshake_headers(self._credentials, int(time.time()))

    async def _get(
        self, path: str, kind: type[Answer], parameters: dict[str, Any] | None = None
    ) -> Answer:
        async with self._public.slot(Priority.INFORMATION):
            response = await self._wire.send("GET", path, params=parameters, headers=PUBLIC_HEADERS)
        return self._answer(path, response, kind, self._public)

    async def _post(
        self,
        path: str,
        kind: type[Answer],
        parameters: dict[str, Any] | None = None,
        priority: Priority = Priority.SAFETY,
        *,
        repeat: bool = True,
        unless: Callable[[], str] = lambda: "",
    ) -> Answer:
        for attempt in (1, 2):
            async with self.signed(path, parameters or {}, priority) as headers:
                if reason := unless():
                    raise TransportError("Withdrawn", reason, request=path)
                response = await self._wire.send("POST", path, headers=headers)
            try:
                return self._answer(path, response, kind, self._private)
            except RejectedError as error:
                nonce_refused = error.reason == "InvalidNonce"
                again = nonce_refused and self._nonces.refused()
                if nonce_refused and not repeat:
                    raise AmbiguousError(
                        error.reason, error.message, request=path, status=error.status
                    ) from None
                if attempt == 2 or not again:
                    raise
        raise AssertionError("unreachable")

    def _answer(
        self, path: str, response: httpx.Response, kind: type[Answer], limit: RateLimit
    ) -> Answer:
        after = _seconds(response.headers.get("Retry-After", ""))
        error = refusal(response.status_code, response.content, request=path, retry_after=after)
        if error is not None:
            if error.status == TOO_MANY_REQUESTS:
                limit.refused(after)
            raise error
        limit.accepted()
        try:
            # Not strict: by the age of the call, ids and times are numbers or strings.
            answer = records.read(msgspec.json.Decoder(kind, strict=False), response.content)
            if not finite(answer):
                raise msgspec.DecodeError("a number that is not finite")
            return cast(Answer, answer)
        except msgspec.DecodeError as problem:
            raise AmbiguousError(
                "UnreadableAnswer",
                f"{problem}: {excerpt(response.content)}",
                request=path,
                status=response.status_code,
            ) from None


class _Ticker(msgspec.Struct):
    bid: Decimal
    ask: Decimal
    last: Decimal
    volume: dict[str, Decimal]


class _CancelDetails(msgspec.Struct):
    cancelledOrders: list[int | str] = []  # noqa: N815  # the venue's own names
    cancelRejects: list[int | str] = []  # noqa: N815


class _Cancelled(msgspec.Struct):
    details: _CancelDetails


class _Ok(msgspec.Struct):
    result: str


def _seconds(text: str) -> float:
    """Parses a `Retry-After` header, seconds; 0 if it has none, or a date."""
    return float(text) if text.isdecimal() else 0.0
