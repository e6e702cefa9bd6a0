"""The exchange: its markets, accounts and keys, driven by the clock."""

import itertools

from tradebot.emulator.accounts.account import (
    NAMED,
    AccountSpec,
    ExchangeAccount,
    keys_of,
    read_accounts,
)
from tradebot.emulator.accounts.keys import Key
from tradebot.emulator.accounts.limits import Limits
from tradebot.emulator.book_market import BookMarket
from tradebot.emulator.clock import ExchangeClock
from tradebot.emulator.desk import Desk
from tradebot.emulator.feeds import BalanceUpdate, Feeds
from tradebot.emulator.instruments import ExchangeInstrument, instrument
from tradebot.emulator.market.candles import Candles
from tradebot.emulator.market.flow import Flow, pace
from tradebot.emulator.market.timeline import Timeline
from tradebot.emulator.matching.engine import MatchingEngine
from tradebot.emulator.settings import EmulatorSettings
from tradebot.history.arrays import MINUTE, Bars
from tradebot.platform.settings import SettingsError

_FIRST_ID = 1_000_000_001
"""First id of orders, trades and events; it looks like the venue's."""
_FIRST_NUMBER = 5001
"""Number of the first account."""


class Ids:
    """Issues each id once; `next` is the next one."""

    def __init__(self) -> None:
        self.next = _FIRST_ID

    def __call__(self) -> int:
        """Returns a new id."""
        self.next += 1
        return self.next - 1


class Exchange:
    """All state of an emulated exchange.

    Args:
        recorded: bars of the first symbol; generated if `None`.
    """

    def __init__(
        self, settings: EmulatorSettings, clock: ExchangeClock, recorded: Bars | None = None
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.feeds = Feeds()
        self.limits = Limits()
        self.accounts: dict[str, ExchangeAccount] = {}
        self.keys: dict[str, Key] = {}
        self.ids = Ids()
        self._ambient = itertools.count(1).__next__
        self.desk = Desk(clock=clock, feeds=self.feeds, ids=self.ids)
        self.markets: dict[str, BookMarket] = {}
        self._flows: list[Flow] = []
        self._opened = 0
        for place, name in enumerate(settings.symbol):
            self._open(name, recorded if place == 0 else None)
        named = [NAMED[settings.account]]
        for spec in read_accounts(settings.accounts) if settings.accounts else named:
            self.add_account(spec)

    def _open(self, name: str, recorded: Bars | None) -> None:
        lowest = self.settings.price if recorded is None else float(recorded.low.min())
        try:
            traded = instrument(name, lowest)
        except ValueError as error:
            raise SettingsError(f"--symbol or --price: {error}") from None
        if traded.symbol in self.markets:
            raise SettingsError(f"--symbol contains {traded.symbol} twice: list each symbol once")
        settings, start = self.settings, self.clock.start // MINUTE * MINUTE
        timeline = Timeline(
            traded,
            start=start,
            seed=settings.seed,
            recorded=recorded,
            history_days=settings.history_days,
            price=settings.price,
        )
        market = BookMarket(
            traded,
            MatchingEngine(price_limits=settings.price_limits),
            Candles(traded, timeline.history),
            clock=self.clock,
            feeds=self.feeds,
            ids=self.ids,
            on_owned=self.desk.on_owned,
        )
        self.markets[traded.symbol] = market
        self._flows.append(
            Flow(
                traded,
                market.engine,
                timeline,
                start=start,
                pace=pace(
                    settings.events_per_second,
                    settings.max_event_rate / len(settings.symbol),
                    settings.speed,
                ),
                depth=settings.depth,
                seed=settings.seed,
                ids=self._ambient,
                publish=market.digest,
            )
        )

    def add_account(self, spec: AccountSpec) -> ExchangeAccount:
        """Opens an account, or replaces the one of that name and its keys.

        Raises:
            ValueError: a key belongs to another account.
        """
        for key in keys_of(spec):
            known = self.keys.get(key.name)
            if known is not None and known.account != spec.name:
                raise ValueError(f"the key {key.name} already belongs to account {known.account}")
        replaced = self.accounts.get(spec.name)
        if replaced is not None:
            self.cancel_orders(replaced, None)
        number = _FIRST_NUMBER + self._opened
        self._opened += 1
        account = self.accounts[spec.name] = ExchangeAccount(spec.name, number, spec.balances)
        self.keys.update({key.name: key for key in keys_of(spec)})
        update = BalanceUpdate(account, account.ledger.currencies(), self.clock.now())
        self.feeds.publish_balance(update)
        return account

    def restore_account(self, account: ExchangeAccount) -> None:
        """Restores an account of an earlier run in place of the one with its name."""
        self.accounts[account.name] = account
        self._opened = max(self._opened, account.number - _FIRST_NUMBER + 1)

    def advance(self) -> None:
        """Runs everything that is due."""
        now = self.clock.market()
        for flow in self._flows:
            flow.advance(now)
        for market in self.markets.values():
            market.candles.roll(now)

    def cancel_orders(self, account: ExchangeAccount, session: str | None) -> list[int]:
        """Cancels an account's live orders, of one key or of all; returns their ids."""
        tickets = [
            ticket
            for ticket in account.live.values()
            if session is None or ticket.session == session
        ]
        for ticket in tickets:
            self.desk.cancel(account, self.markets[ticket.symbol], ticket, "Requested")
        return [ticket.order.id for ticket in tickets]

    def market(self, symbol: str) -> BookMarket | None:
        """Returns the market of a symbol in any case; `None` if it is not traded."""
        return self.markets.get(symbol.upper())

    def instruments(self) -> list[ExchangeInstrument]:
        """Returns the traded instruments, in the order of the settings."""
        return [market.instrument for market in self.markets.values()]

    def symbols(self) -> list[str]:
        """Returns the traded symbols, upper case."""
        return list(self.markets)
