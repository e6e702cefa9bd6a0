"""Tells the bot's account to its strategy: a record on the topic `accounts` after each change."""

from decimal import Decimal
from typing import Final

import msgspec
from confluent_kafka import Producer

from tradebot.domain.account.trip import Traded
from tradebot.domain.money import plain
from tradebot.domain.risk.size import sellable
from tradebot.records import AccountFill, AccountRecord, encode
from tradebot.trader.engine import Engine

FILLS: Final = 50
"""The newest fills that a record carries."""


def account_record(engine: Engine) -> AccountRecord:
    """The account as the ledger has it now."""
    ledger, state = engine.journaled.ledger, engine.state()
    held, mid = state.position, engine.mid
    return AccountRecord(
        bot=engine.journaled.who.bot,
        symbol=engine.journaled.who.symbol,
        ts=engine.clock.now(),
        window_end=ledger.window_end,
        cash=plain(max(Decimal(0), state.quote)),
        position=plain(max(Decimal(0), sellable(state, engine.rules))),
        bought=state.bought,
        entry_price=None if held is None else plain(held.entry),
        opened_at=0 if held is None else held.opened_at,
        equity=plain(state.equity(mid)) if mid else None,
        fills=tuple(map(_fill, ledger.recent[-FILLS:])),
    )


def _fill(traded: Traded) -> AccountFill:
    return AccountFill(
        number=traded.fill.trade_id,
        ts=traded.fill.ts,
        side=traded.side,
        price=plain(traded.fill.price),
        amount=plain(traded.fill.amount),
        fee=plain(traded.fee),
    )


class Accounts:
    """Publishes the account where it differs from the one that was told last."""

    def __init__(self, engine: Engine, producer: Producer, topic: str) -> None:
        self._engine = engine
        self._producer = producer
        self._topic = topic
        self._told: AccountRecord | None = None

    def tell(self) -> None:
        """Hands the account to the producer, if it changed; never waits."""
        self._producer.poll(0)
        if not self._engine.journaled.ledger.known:
            return
        record = account_record(self._engine)
        # Only the price moves the equity between two windows: that alone is no news.
        still = msgspec.structs.replace(record, ts=0, equity=None)
        if still != self._told:
            self._told = still
            self._producer.produce(self._topic, encode(record), key=record.bot)
            self._producer.poll(0)
