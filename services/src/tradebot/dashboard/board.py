"""Everything that the page shows of all symbols and bots, in sections that change separately.

One thread reads the topics and writes; requests of pages read. A section is sent again when its
revision has risen.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple

import msgspec

from tradebot.dashboard.account import BotView
from tradebot.dashboard.market import SymbolView
from tradebot.domain.instrument import split_symbol
from tradebot.records import DocType, Document

_LISTS = {"decisions": DocType.DECISION, "orders": DocType.ORDER, "fills": DocType.FILL}


Content = Callable[[], Any]


class Change(NamedTuple):
    """A section that a page lacks, of a bot and symbol, and its revision."""

    name: str
    subject: str
    revision: object
    content: Content


def event(name: str, content: Any) -> bytes:
    """Returns a server-sent event."""
    return b"event: %s\ndata: %s\n\n" % (name.encode(), msgspec.json.encode(content))


class Known(msgspec.Struct, frozen=True):
    """A bot's symbol and mode, and its last decision with the reason."""

    symbol: str
    mode: str
    decision: str
    why: str


def _known(account: BotView) -> Known:
    last = account.newest(DocType.DECISION) or {"action": "", "reason": ""}
    return Known(account.symbol, account.state()["mode"], last["action"], last["reason"])


def _last(points: Iterable[Any], count: int) -> list[Any]:
    return list(points)[-count:]


class Sent(msgspec.Struct):
    """The revisions that one page has received."""

    subject: tuple[str, str] = ("", "")
    revisions: dict[str, int] = {}
    prices: int = 0


class Board:
    """Views of symbols and bots, and the stages' readiness.

    Args:
        symbol: the one to show first.
        environment: the venue's, shown as given.
        speed: exchange milliseconds per real millisecond.
    """

    def __init__(self, symbol: str, environment: str, speed: float = 1.0) -> None:
        self.lock = threading.Lock()
        self._symbol = symbol
        self._environment = environment
        self._speed = speed
        self._markets: dict[str, SymbolView] = {}
        self._accounts: dict[str, BotView] = {}
        self._stages: list[dict[str, Any]] = []
        self._revision = 0
        self._events: dict[tuple[str, str], tuple[object, bytes]] = {}

    def market(self, symbol: str) -> SymbolView:
        """Returns the view of `symbol`."""
        if symbol not in self._markets:
            self._markets[symbol] = SymbolView(symbol)
            self._revision += 1
        return self._markets[symbol]

    def account(self, bot: str, symbol: str) -> BotView:
        """Returns the view of `bot`."""
        if bot not in self._accounts:
            self._accounts[bot] = BotView(bot, symbol)
            self._revision += 1
        return self._accounts[bot]

    def document(self, document: Document) -> None:
        """Adds a document from the topic or the store; old ones have no currencies."""
        kind, bot, symbol, body = document.doc_type, document.bot, document.symbol, document.body
        if kind == DocType.LIQUIDITY:
            self.market(symbol).stored_window(body)
        elif kind != DocType.FORECAST and bot:
            account = self.account(bot, symbol)
            currencies = document.base, document.quote
            if all(currencies) and account.currencies != currencies:
                account.currencies = currencies
                self._revision += 1
            account.add(document.id, kind, document.ts, body)
            if kind == DocType.TICKER:
                self.market(symbol).add_price(document.ts, (body["bid"] + body["ask"]) / 2)

    def known(self) -> dict[str, Known]:
        """Returns what documents show of each bot."""
        with self.lock:
            return {name: _known(each) for name, each in self._accounts.items()}

    def set_stages(self, stages: list[dict[str, Any]]) -> None:
        """Sets each stage's name, whether it is ready, and the reasons why not."""
        with self.lock:
            if stages != self._stages:
                self._stages = stages
                self._revision += 1

    def changes(self, bot: str, sent: Sent) -> list[tuple[str, Any]]:
        """Returns the sections that a page lacks, by name, and updates `sent`."""
        with self.lock:
            return [(each.name, each.content()) for each in self._changes(bot, sent)]

    def events(self, bot: str, sent: Sent) -> bytes:
        """Returns what `changes` does, as server-sent events.

        Pages of one bot share them: a section is written once for each of its revisions.
        """
        with self.lock:
            return b"".join(self._event(*change) for change in self._changes(bot, sent))

    def _event(self, name: str, subject: str, revision: object, content: Content) -> bytes:
        known = self._events.get((name, subject))
        if known is None or known[0] != revision:
            known = revision, event(name, content())
            self._events[name, subject] = known
        return known[1]

    def _subject(self, bot: str) -> tuple[str, str]:
        """Returns the page's bot and symbol: the one requested, or the first that trades."""
        if bot and bot not in self._accounts:
            return (bot, self._symbol)
        account = self._accounts.get(bot) or next(
            (a for a in self._accounts.values() if a.symbol == self._symbol),
            next(iter(self._accounts.values()), None),
        )
        return (account.bot, account.symbol) if account else ("", self._symbol)

    def _changes(self, bot: str, sent: Sent) -> Iterator[Change]:
        subject = self._subject(bot)
        if subject != sent.subject:
            sent.subject, sent.revisions, sent.prices = subject, {}, 0
            yield Change("reset", "", 0, lambda: None)
        market = self.market(subject[1])
        yield from self._section(sent, "meta", self._revision, lambda: self._meta(subject))
        revisions, show = market.revisions, self._section
        yield from show(sent, "quote", revisions["quote"], market.quote)
        yield from show(sent, "windows", revisions["windows"], market.windows)
        yield from show(sent, "forecast", revisions["forecast"], market.forecast_shown)
        if market.prices_seen > sent.prices:
            new = min(market.prices_seen - sent.prices, len(market.prices))
            sent.prices = market.prices_seen
            points = partial(_last, market.prices, new)
            yield Change("prices", subject[1], (sent.prices, new), points)
        account = self._accounts.get(subject[0])
        if account is None:
            return
        for name, kind in _LISTS.items():
            listed = partial(account.listed, kind)
            yield from show(sent, name, account.revisions[name], listed)
        yield from show(sent, "money", account.revisions["money"], account.money)
        yield from show(sent, "state", account.revisions["state"], account.state)

    def _section(
        self, sent: Sent, name: str, revision: int, content: Callable[[], Any]
    ) -> Iterator[Change]:
        if sent.revisions.get(name) != revision:
            sent.revisions[name] = revision
            yield Change(name, "/".join(sent.subject), revision, content)

    def _meta(self, subject: tuple[str, str]) -> dict[str, Any]:
        account = self._accounts.get(subject[0])
        base, quote = account.currencies if account else split_symbol(subject[1])
        return {
            "bot": subject[0],
            "symbol": subject[1],
            "base": base,
            "quote": quote,
            "bots": sorted(self._accounts),
            "environment": self._environment,
            "speed": self._speed,
            "stages": self._stages,
        }
