"""Books fills from the venue's stream; REST looks up whatever the stream leaves open.

The stream is the first source of fills, never the only one: an event books a new fill, or requests
a reconciliation. Without a stream the trader relies on the responses to its orders and on
reconciliation.
"""

from contextlib import aclosing

from tradebot.domain.intent import read_name
from tradebot.platform import logs
from tradebot.trader.engine import Engine
from tradebot.venue.port import (
    AccountEvent,
    ConnectedEvent,
    OrderEvent,
    OrderEventType,
    OwnTrade,
)

OVER = frozenset({OrderEventType.REJECTED, OrderEventType.CANCELLED, OrderEventType.CLOSED})


class OrderStream:
    """Follows the account's events while the trader runs."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._bot = engine.journaled.who.bot
        self._log = logs.get("trader.order_stream")

    async def run(self) -> None:
        """Handles events until cancelled.

        Raises:
            JournalError: a fill could not be written.
        """
        async with aclosing(self._engine.order_events()) as events:
            async for event in events:
                await self.take(event)

    async def take(self, event: AccountEvent) -> None:
        """Handles one event."""
        if isinstance(event, ConnectedEvent):
            self._engine.due.set()  # earlier events are not sent again
        elif isinstance(event, OrderEvent):
            async with self._engine.acting:  # an order's own response comes first
                await self._take_order(event)

    async def _take_order(self, event: OrderEvent) -> None:
        engine = self._engine
        placed = engine.journaled.ledger.orders.get(event.client_order_id)
        if placed is None:
            if self._is_news(event):
                engine.due.set()
            return
        if event.state is OrderEventType.FILLED:
            trade = trade_of(event)
            if trade is None:
                engine.due.set()
            elif all(fill.trade_id != trade.tid for fill in placed.order.fills):
                self._log.info("fill", order=event.client_order_id, amount=str(trade.amount))
                await engine.take_fill(placed, trade)
        elif event.state in OVER and event.client_order_id in engine.journaled.ledger.pending:
            engine.due.set()

    def _is_news(self, event: OrderEvent) -> bool:
        """Whether an order unknown to the ledger moved money or carries this bot's name."""
        name = read_name(event.client_order_id)
        return event.state is OrderEventType.FILLED or (name is not None and name.bot == self._bot)


def trade_of(event: OrderEvent) -> OwnTrade | None:
    """Returns the event's fill; `None` if it is incomplete."""
    fill = event.fill
    if fill is None or fill.fee is None or fill.liquidity is None or not fill.fee_currency:
        return None
    if not fill.trade_id.isdecimal():
        return None
    return OwnTrade(
        tid=int(fill.trade_id),
        order_id=event.order_id,
        ts=event.ts,
        side=event.side,
        price=fill.price,
        amount=fill.amount,
        taker=fill.liquidity == "taker",
        fee=fill.fee,
        fee_currency=fill.fee_currency.upper(),
        symbol=event.symbol,
        client_order_id=event.client_order_id,
    )
