"""Builds the engine from the account, the journal and the market: the same for every process."""

from tradebot.domain.situation import Settings
from tradebot.platform.clock import VenueClock
from tradebot.trader.engine import Engine
from tradebot.trader.inputs.market import MarketClient
from tradebot.trader.journal.journaled import JournaledLedger
from tradebot.trader.lease import Lease
from tradebot.trader.orders.execution import Executor
from tradebot.trader.orders.reconcile import Reconciler
from tradebot.venue.port import VenueAccount


def engine_of(
    journaled: JournaledLedger,
    account: VenueAccount,
    market: MarketClient,
    clock: VenueClock,
    lease: Lease,
    rules: Settings,
    *,
    paused: str = "",
) -> Engine:
    """Returns the engine over an account whose symbol's rules are known.

    Args:
        paused: the reason why this process may send no order at all, or "".
    """
    currencies = market.instrument.currencies
    journaled.name_currencies(currencies)
    executor = Executor(journaled, account, lease.held)
    reconciler = Reconciler(
        journaled, account, executor, symbol=journaled.who.symbol, currencies=currencies
    )
    return Engine(
        journaled=journaled,
        executor=executor,
        reconciler=reconciler,
        market=market,
        clock=clock,
        lease=lease,
        rules=rules,
        paused=paused,
    )
