"""Compares the bot's ledger with the venue: orders, fills, balances, and activity of others.

The venue is right. Fills that the ledger lacks are booked. Live orders of ours are cancelled
(except those that the ledger expects to rest) and flagged by their epoch. Orders, trades and
balances that no intent explains are outside activity: it is reported, and added to the ledger so
that the bot's own profit stays its own.
"""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import msgspec

from tradebot.domain.intent import Intent, read_name
from tradebot.domain.money import ZERO, plain
from tradebot.domain.situation import BPS
from tradebot.platform import logs
from tradebot.trader import metrics
from tradebot.trader.journal.entries import Balanced, Halted, Intended
from tradebot.trader.journal.journaled import JournaledLedger
from tradebot.trader.journal.ledger import Ledger
from tradebot.trader.orders.adoption import adopted, unknown_sales
from tradebot.trader.orders.execution import Executor, Sleep
from tradebot.venue.port import Balance, OrderStatus, OwnTrade, VenueAccount

OVERLAP_MS: Final = 60_000
"""Fills are requested again from a minute before the last known, in case clocks disagree."""
DEEPER_MS: Final = 86_400_000
"""How much further back to search for fills if balances do not add up."""
STEADY_TRIES: Final = 3
"""How often trades and balances are read again until the balances no longer change."""
SETTLE_SECONDS: Final = 0.5
"""Wait before balances that do not add up are read again and attributed to others."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a reconciliation. Balances are the venue's, of both currencies."""

    certain: bool
    base: Balance
    quote: Balance
    outside_base: Decimal = ZERO
    outside_quote: Decimal = ZERO
    notes: tuple[str, ...] = ()


class Reconciler:
    """See the module.

    Args:
        currencies: base and quote of the symbol.
        sleep: waits for balances to settle.
    """

    def __init__(
        self,
        journaled: JournaledLedger,
        account: VenueAccount,
        executor: Executor,
        *,
        symbol: str,
        currencies: tuple[str, str],
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._journaled = journaled
        self._account = account
        self._executor = executor
        self._symbol = symbol
        self._currencies = currencies
        self._sleep = sleep
        self._bot = journaled.who.bot
        self._notes: list[str] = []
        self._fee_bps = ZERO
        self._made = 0
        self._log = logs.get("trader.reconcile")

    async def run(self, *, mid: Decimal, now: int, fee_bps: Decimal = ZERO) -> Outcome:
        """Runs one complete comparison.

        Args:
            mid: the market's, to value outside activity.
            now: the venue's time in ms.
            fee_bps: what the venue reserves for the fee of an order that rests.

        Raises:
            VenueError: the venue did not respond; the ledger keeps what was done so far.
        """
        self._notes, self._fee_bps = [], fee_bps
        first = not self._journaled.ledger.known
        number = await self._account.highest_number(self._bot) if first else 0
        ledger, clear = self._journaled.ledger, True
        for placed in ledger.unresolved():
            await self._executor.resolve(placed)
        for placed in ledger.resting():  # it may have filled since the last comparison
            clear = await self._executor.resolve(placed) and clear
        await self._end_live_orders()
        start = now if first else self._journaled.ledger.trades_to - OVERLAP_MS
        outside, trades_to = await self._book_trades(start)
        base, quote = await self._balances()
        if not first and not self._adds_up(base, quote):
            await self._sleep(SETTLE_SECONDS)
            for _ in range(STEADY_TRIES):  # so that trades and balances are of the same moment
                before = base, quote
                more, newest = await self._book_trades(self._journaled.ledger.trades_to - DEEPER_MS)
                outside, trades_to = outside | more, max(trades_to, newest)
                base, quote = await self._balances()
                if (base, quote) == before:
                    break
        outcome = await self._settle(base, quote, outside, trades_to, number, mid=mid, first=first)
        return msgspec.structs.replace(outcome, certain=outcome.certain and clear)

    def made_since_asked(self) -> int:
        """Returns the number of complete comparisons since the last call."""
        made, self._made = self._made, 0
        return made

    async def _end_live_orders(self) -> None:
        for status in await self._account.live_orders():
            name = read_name(status.client_order_id)
            if name is None or name.bot != self._bot:
                self._flag("outside_order", f"order {status.order_id} is not this bot's")
                continue
            ledger = self._journaled.ledger
            placed = ledger.orders.get(status.client_order_id)
            if placed is not None and placed.intent.rests and self._is_known(status):
                await self._take_in(status)  # the bot's own stop or maker order: it stays
                continue
            kind = "older_epoch" if name.epoch < ledger.epoch else "resting"
            self._flag(kind, f"cancelling {status.client_order_id} of epoch {name.epoch}")
            after = await self._account.cancel(status.order_id)
            await self._take_in(after)

    def _is_known(self, status: OrderStatus) -> bool:
        """Whether the ledger expects the order to be live: no event has closed it yet."""
        placed = self._journaled.ledger.orders[status.client_order_id]
        return not placed.order.told_closed and placed.order.order_ids in ((), (status.order_id,))

    async def _take_in(self, status: OrderStatus) -> None:
        placed = self._journaled.ledger.orders.get(status.client_order_id)
        if placed is not None:
            await self._executor.take_in(placed.intent, [status])
            return
        await self._without_intent(status.client_order_id)

    async def _without_intent(self, client_order_id: str) -> None:
        """Handles an order in this bot's name that its journal lacks: the journal is incomplete."""
        self._flag("no_intent", f"no intent matches {client_order_id}")
        reason = (
            f"the venue has order {client_order_id} in this bot's name, but the journal has no "
            "such intent: check whether the journal was lost or another bot uses the same name"
        )
        if self._journaled.ledger.halted != reason:
            await self._journaled.record(Halted(reason=reason))

    async def _book_trades(self, since: int) -> tuple[dict[int, OwnTrade], int]:
        """Books the fills since `since`.

        Returns new trades of others by their id, and the time of the last trade of all.
        """
        known = self._journaled.ledger.outside_trades
        others, newest = await self._book_own_trades(since)
        found = {
            trade.tid: trade for trade in others if trade.tid not in known and not trade.broken
        }
        return found, max(newest, since, self._journaled.ledger.trades_to)

    async def _book_own_trades(self, since: int) -> tuple[list[OwnTrade], int]:
        """Books the fills of this bot's orders since `since`.

        Returns the trades of other orders, and the time of the last trade of all.
        """
        trades = await self._account.trades(max(0, since))
        await self._adopt(trades)
        intents = _intents_by_order(self._journaled)
        others: list[OwnTrade] = []
        for trade in trades:
            intent = self._intent_of(trade, intents)
            if intent is None:
                others.append(trade)
            else:
                await self._executor.book(intent, trade)
        return others, max((trade.ts for trade in trades), default=0)

    async def _adopt(self, trades: Sequence[OwnTrade]) -> None:
        """Adopts sales whose entries were lost while the journal was down."""
        for name in unknown_sales(self._journaled.ledger, self._bot, trades):
            found = await self._account.find(name)
            intent = adopted(self._journaled.ledger, name, found)
            if intent is not None:
                self._flag("adopted", f"adopting {name}, whose entries were lost")
                await self._journaled.record(Intended(intent=intent))
                await self._executor.take_in(intent, found)

    def _intent_of(self, trade: OwnTrade, intents: dict[str, Intent]) -> Intent | None:
        placed = self._journaled.ledger.orders.get(trade.client_order_id)
        return placed.intent if placed is not None else intents.get(trade.order_id)

    async def _note_trade(self, trade: OwnTrade) -> None:
        name = read_name(trade.client_order_id)
        if (
            name is not None
            and name.bot == self._bot
            and name.number > self._journaled.ledger.number
        ):
            await self._without_intent(trade.client_order_id)
        else:
            self._flag("outside_trade", f"trade {trade.tid} belongs to no order of this bot")

    async def _balances(self) -> tuple[Balance, Balance]:
        held = {balance.currency.upper(): balance for balance in await self._account.balances()}
        base, quote = (
            held.get(currency, Balance(currency=currency, amount=ZERO, available=ZERO))
            for currency in self._currencies
        )
        return base, quote

    def _adds_up(self, base: Balance, quote: Balance) -> bool:
        ledger = self._journaled.ledger
        return base.amount == ledger.base and quote.amount == ledger.quote

    async def _settle(
        self,
        base: Balance,
        quote: Balance,
        outside: dict[int, OwnTrade],
        trades_to: int,
        number: int,
        *,
        mid: Decimal,
        first: bool,
    ) -> Outcome:
        for trade in outside.values():
            await self._note_trade(trade)
        ledger = self._journaled.ledger
        certain = not ledger.unresolved()
        traded = _moved_by(list(outside.values()), self._currencies[0])
        moved = (ZERO, ZERO)
        if not first and certain:
            moved = (base.amount - ledger.base, quote.amount - ledger.quote)
        if any(moved):
            shifts = zip(moved, self._currencies, strict=True)
            changes = (f"{plain(shift.normalize())} {currency}" for shift, currency in shifts)
            self._flag(
                "outside_balance", (f"the balances changed from outside by {' and '.join(changes)}")
            )
        if certain:
            own_base, own_quote = _own_reserves(ledger, self._fee_bps)
            await self._journaled.record(
                Balanced(
                    base=base.amount,
                    quote=quote.amount,
                    outside_base=moved[0],
                    outside_quote=moved[1],
                    mid=mid,
                    trades_to=trades_to,
                    outside_trades=tuple(sorted(outside)),
                    traded_base=traded[0] if any(moved) else ZERO,
                    traded_quote=traded[1] if any(moved) else ZERO,
                    traded_at=max((trade.ts for trade in outside.values()), default=0),
                    number=number,
                    held_base=max(ZERO, base.amount - base.available - own_base),
                    held_quote=max(ZERO, quote.amount - quote.available - own_quote),
                )
            )
        self._made += 1
        return Outcome(
            certain=certain,
            base=base,
            quote=quote,
            outside_base=moved[0],
            outside_quote=moved[1],
            notes=tuple(self._notes),
        )

    def _flag(self, kind: str, note: str) -> None:
        metrics.FLAGS.labels(self._bot, kind).inc()
        self._notes.append(note)
        self._log.warning("reconciliation", kind=kind, note=note)


def _own_reserves(ledger: Ledger, fee_bps: Decimal) -> tuple[Decimal, Decimal]:
    """Returns the most of base and quote that the venue reserves for this bot's orders."""
    base = quote = ZERO
    for placed in ledger.resting():
        left = placed.order.remaining
        if placed.intent.side == "sell":
            base += left
        else:
            quote += left * placed.intent.price * (1 + fee_bps / BPS)
    return base, quote


def _moved_by(trades: Sequence[OwnTrade], base: str) -> tuple[Decimal, Decimal]:
    """Returns what trades moved of base and quote, including fees."""
    moved_base = moved_quote = ZERO
    for trade in trades:
        sign = 1 if trade.side == "buy" else -1
        moved_base += sign * trade.amount
        moved_quote -= sign * trade.price * trade.amount
        if trade.fee_currency == base:
            moved_base -= trade.fee
        else:
            moved_quote -= trade.fee
    return moved_base, moved_quote


def _intents_by_order(journaled: JournaledLedger) -> dict[str, Intent]:
    return {
        order_id: placed.intent
        for placed in journaled.ledger.orders.values()
        for order_id in placed.order.order_ids
    }
