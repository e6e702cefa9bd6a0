"""From an intent to a known outcome: journaled first, sent once, looked up when in doubt."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Final

from tradebot.domain.intent import Intent, is_of
from tradebot.domain.order_state import Broken, Event, Fill, Filled, Refused, Told, Unplaced
from tradebot.platform import logs
from tradebot.records import Document
from tradebot.trader import metrics
from tradebot.trader.journal.entries import Halted, Intended, OrderEvent
from tradebot.trader.journal.journaled import JournaledLedger
from tradebot.trader.journal.ledger import Placed, is_over, is_settled
from tradebot.trader.lease import LeaseLostError
from tradebot.venue.errors import AmbiguousError, RejectedError, TransportError, VenueError
from tradebot.venue.port import AccountEvent, Fees, OrderStatus, OwnTrade, VenueAccount

LOOK_UPS: Final = (0.0, 0.3, 0.7, 1.5, 3.0)
"""Seconds before each look-up of an order whose response was lost: it may be accepted late. Only if
the last finds nothing does the trader conclude that the order was never placed."""


Sleep = Callable[[float], Awaitable[None]]


def withheld(journaled: JournaledLedger, held: Callable[[], bool], intent: Intent) -> str:
    """Returns why a journaled intent must not be sent any more, or ""; called when its turn comes.

    A pause or a halt may have waited for the same journal and been written first. Whoever paused
    the bot was told that it holds. What makes the position smaller is still sent.
    """
    if not held():
        return "the lease was lost before the order was sent"
    if not intent.reduces and journaled.down:
        return journaled.down
    ledger = journaled.ledger
    if not intent.reduces and (ledger.halted or ledger.paused):
        return f"halted or paused before it was sent: {ledger.halted or ledger.paused}"
    return ""


class Executor:
    """Sends intents and determines their outcome.

    Args:
        held: whether the lease is certainly ours.
        sleep: waits between look-ups.
    """

    def __init__(
        self,
        journaled: JournaledLedger,
        account: VenueAccount,
        held: Callable[[], bool],
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._journaled = journaled
        self._account = account
        self._held = held
        self._sleep = sleep
        self._log = logs.get("trader.execution")

    async def execute(self, intent: Intent, documents: tuple[Document, ...] = ()) -> bool:
        """Journals the intent, sends its order once, and records the outcome.

        Returns whether the outcome is certain; if not, nothing more may be sent before `resolve`
        has found it.

        Raises:
            JournalError: the intent could not be written, so nothing was sent.
            LeaseLostError: the lease was lost, so nothing was sent.
        """
        began = time.perf_counter()
        await self._journaled.record(Intended(intent=intent), documents=documents)
        if reason := withheld(self._journaled, self._held, intent):
            await self._learn(intent, Unplaced(reason=reason))
            self._log.warning("order not sent", order=intent.client_order_id, reason=reason)
            if not self._held():
                raise LeaseLostError(reason)
            return True
        try:
            status = await self._account.place(intent)
        except RejectedError as error:
            await self._learn(intent, Refused(reason=error.reason))
            self._log.warning("order rejected", order=intent.client_order_id, reason=str(error))
            return True
        except TransportError as error:
            await self._learn(intent, Unplaced(reason=f"never sent: {error.reason}"))
            self._log.warning("order not sent", order=intent.client_order_id, reason=str(error))
            return True
        except AmbiguousError as error:
            metrics.AMBIGUOUS.labels(self._journaled.who.bot).inc()
            self._log.warning(
                "order's response was lost; looking it up",
                order=intent.client_order_id,
                reason=str(error),
            )
            return False
        latency = time.perf_counter() - began
        metrics.ORDER_SECONDS.labels(self._journaled.who.bot).observe(latency)
        if not _matches(intent, status):
            self._log.error("the venue returned another order", order=intent.client_order_id)
            return False
        await self.take_in(intent, [status], latency=latency)
        return is_settled(self._placed(intent))

    async def resolve(self, placed: Placed) -> bool:
        """Looks up the outcome of an intent's order; returns whether it is certain now.

        An order that no look-up finds is concluded never to have been placed, if there was never
        any report of it.
        """
        intent = placed.intent
        for wait in LOOK_UPS:
            await self._sleep(wait)
            try:
                found = await self._look_up(placed)
            except VenueError as error:
                self._log.warning("look-up failed", order=intent.client_order_id, reason=str(error))
                return False
            if found:
                await self.take_in(intent, found)
                return is_settled(self._placed(intent))
            if placed.order.order_ids:
                return False
        await self._learn(intent, Unplaced(reason="the venue has no such order"))
        return True

    async def _look_up(self, placed: Placed) -> list[OrderStatus]:
        found = await self._account.find(placed.intent.client_order_id)
        return [status for status in found if _matches(placed.intent, status)]

    async def take_in(
        self, intent: Intent, found: Sequence[OrderStatus], *, latency: float | None = None
    ) -> None:
        """Books the venue's report of the intent's order: its state, then its fills."""
        for status in found:
            trades = status.trades
            if not trades and status.executed > 0:
                await self._learn(intent, _told(status), latency=latency)
                trades = await self._trades_of(status)
            fills = [_heard(trade) for trade in trades]
            await self._learn(intent, _told(status), *fills, latency=latency)
        await self._doubt(intent)

    async def _trades_of(self, status: OrderStatus) -> list[OwnTrade]:
        """Returns the order's fills, or none without a response: reconciling finds them."""
        try:
            return (await self._account.order(status.order_id)).trades
        except VenueError as error:
            self._log.warning(
                "the venue has not reported the fills yet", order=status.order_id, reason=str(error)
            )
            return []

    async def book(self, intent: Intent, trade: OwnTrade) -> None:
        """Books one fill of the intent's order; a known fill changes nothing.

        A fill that the venue broke is removed.
        """
        before = self._placed(intent).order
        await self._learn(intent, _heard(trade))
        if self._placed(intent).order != before:
            await self._doubt(intent)

    async def _learn(self, intent: Intent, *events: Event, latency: float | None = None) -> None:
        """Records events of the intent's order, in one write."""
        before = self._placed(intent).order
        name = intent.client_order_id
        bodies = [OrderEvent(client_order_id=name, event=event) for event in events]
        await self._journaled.record(*bodies, latency=latency)
        after = self._placed(intent).order
        bot = self._journaled.who.bot
        if after.phase != before.phase:
            metrics.ORDERS.labels(bot, intent.side, after.phase.name.lower()).inc()
        if len(after.broken) > len(before.broken):
            metrics.FLAGS.labels(bot, "broken_trade").inc()
            self._log.warning("the venue broke a trade; it is taken back", order=name)
        fresh = [fill for fill in after.fills if fill not in before.fills]
        metrics.FILLS.labels(bot, intent.side).inc(len(fresh))
        metrics.FEES.labels(bot).inc(float(sum(fill.fee for fill in fresh)))

    async def _doubt(self, intent: Intent) -> None:
        """Halts the bot if one intent made more than one order, whatever the cause."""
        order = self._placed(intent).order
        if len(order.order_ids) <= 1 and order.excess <= 0:
            return
        reason = (
            f"the venue has more than one order for intent {intent.client_order_id}: "
            f"{', '.join(order.order_ids)}"
        )
        if self._journaled.ledger.halted != reason:
            metrics.FLAGS.labels(self._journaled.who.bot, "two_orders").inc()
            await self._journaled.record(Halted(reason=reason))

    async def cancel(self, placed: Placed) -> bool:
        """Cancels a resting order; returns whether its result is certain now.

        Raises:
            JournalError: the result could not be written.
        """
        intent = placed.intent
        if not self._held():
            return False
        for order_id in placed.order.order_ids:
            try:
                status = await self._account.cancel(order_id)
            except VenueError as error:
                self._log.warning("cancel failed", order=intent.client_order_id, reason=str(error))
                return False
            if not _matches(intent, status):
                self._log.error("the venue returned another order", order=intent.client_order_id)
                return False
            await self.take_in(intent, [status])
        return is_over(self._placed(intent).order)

    async def cancel_all(self) -> None:
        """Cancels all live orders of this key; a refusal or a missing response is logged."""
        try:
            await self._account.cancel_session()
        except VenueError as error:
            self._log.warning("live orders may remain", reason=str(error))

    def events(self) -> AsyncGenerator[AccountEvent, None]:
        """Yields the account's orders and fills from the venue's stream; never ends."""
        return self._account.events()

    async def heartbeat(self) -> None:
        """Reports to the venue that this trader is alive; a failure is logged."""
        try:
            await self._account.heartbeat()
        except VenueError as error:
            self._log.warning("heartbeat failed", reason=str(error))

    async def fees(self) -> Fees:
        """Returns the account's fees.

        Raises:
            VenueError: the venue did not respond.
        """
        return await self._account.fees()

    def _placed(self, intent: Intent) -> Placed:
        return self._journaled.ledger.orders[intent.client_order_id]


def _matches(intent: Intent, status: OrderStatus) -> bool:
    return is_of(
        intent,
        client_order_id=status.client_order_id,
        symbol=status.symbol,
        side=status.side,
        price=status.price,
        original=status.original,
    )


def _told(status: OrderStatus) -> Told:
    return Told(
        order_id=status.order_id,
        executed=status.executed,
        average=status.average,
        closed=not status.live,
        reason=status.reason,
        ts=status.ts,
    )


def _heard(trade: OwnTrade) -> Filled | Broken:
    fill = Fill(
        trade_id=trade.tid,
        price=trade.price,
        amount=trade.amount,
        fee=trade.fee,
        fee_currency=trade.fee_currency,
        taker=trade.taker,
        ts=trade.ts,
    )
    return (Broken if trade.broken else Filled)(order_id=trade.order_id, fill=fill)
