"""The control interface under `/emulator`: for tests; no exchange has it."""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tradebot.domain.situation import MarketStatus
from tradebot.emulator.accounts.account import AccountSpec
from tradebot.emulator.exchange import Exchange
from tradebot.emulator.market.candles import INTERVALS, merged
from tradebot.emulator.views import View, balances_view


class ControlApi:
    """Reads and changes the emulator itself; unsigned, as it is not part of the venue."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def routes(self) -> list[Route]:
        """Its routes."""
        return [
            Route("/emulator", self._index),
            Route("/emulator/clock", self._clock),
            Route("/emulator/history", self._history),
            Route("/emulator/markets/{symbol}", self._set_status, methods=["POST"]),
            Route("/emulator/accounts", self._accounts, methods=["GET"]),
            Route("/emulator/accounts", self._add_account, methods=["POST"]),
        ]

    async def _index(self, _request: Request) -> Response:
        settings = self._exchange.settings
        return _json(
            {
                "paths": [route.path for route in self.routes()],
                "symbols": self._exchange.symbols(),
                "seed": settings.seed,
                "speed": settings.speed,
            }
        )

    async def _clock(self, _request: Request) -> Response:
        clock = self._exchange.clock
        return _json({"now": clock.now(), "start": clock.start, "speed": clock.speed})

    async def _history(self, request: Request) -> Response:
        self._exchange.advance()
        query = request.query_params
        market = self._exchange.market(query.get("symbol", self._exchange.symbols()[0]))
        interval = query.get("interval", "1m")
        if market is None or interval not in INTERVALS:
            return _problem("set symbol and interval (1m, 5m, 15m, 30m, 1hr, 6hr, 1day)")
        try:
            start, end = _whole(query, "start", 0), _whole(query, "end", 2**62)
        except ValueError:
            return _problem("start and end must be whole milliseconds, UTC")
        minutes = market.candles.minutes(start, end)
        # In a thread: a long history must not stop the market.
        return await asyncio.to_thread(lambda: _json(merged(minutes, interval)))

    async def _set_status(self, request: Request) -> Response:
        market = self._exchange.market(request.path_params["symbol"])
        if market is None:
            return _problem(f"use one of {', '.join(self._exchange.symbols())}")
        try:
            wanted = msgspec.json.decode(await request.body(), type=_Status)
        except msgspec.DecodeError as error:
            return _problem(f'{error}; use a status such as {{"status": "closed"}}')
        market.status = wanted.status
        return _json({"symbol": market.instrument.symbol, "status": market.status})

    async def _accounts(self, _request: Request) -> Response:
        return _json([self._account(name) for name in self._exchange.accounts])

    def _account(self, name: str) -> View:
        account = self._exchange.accounts[name]
        keys = [each.name for each in self._exchange.keys.values() if each.account == name]
        return {
            "name": name,
            "number": account.number,
            "keys": keys,
            "balances": balances_view(account),
            "live_orders": len(account.live),
            "fills": len(account.fills),
        }

    async def _add_account(self, request: Request) -> Response:
        try:
            spec = msgspec.json.decode(await request.body(), type=AccountSpec, strict=False)
            self._exchange.add_account(spec)
        except (msgspec.DecodeError, ValueError) as error:
            return _problem(str(error))
        return _json(self._account(spec.name))


class _Status(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    status: MarketStatus


def _whole(query: Mapping[str, str], name: str, default: int) -> int:
    return int(query.get(name, default))


def _problem(message: str) -> Response:
    return _json({"error": message}, 400)


def _json(content: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")
