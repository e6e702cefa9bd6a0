"""A trader at a venue without faults, reconciled and about to buy."""

from soaks.orders import Soak
from venues.faulty import MemoryJournal

from tradebot.domain.decision import Prediction


class Rising:
    """A forecast that always says buy."""

    def at(self, ts: int) -> Prediction:
        return Prediction(
            model="m", digest="d", history_end=ts, evaluated=True,
            log_price=9.3, log_price_next=9.31, log_price_turn=9.31,
        )  # fmt: skip


async def reconciled(journal: MemoryJournal | None = None) -> Soak:
    """Returns a reconciled trader at a venue without faults."""
    desk = Soak(seed=1, windows=0, kill_rate=0.0)
    desk.venue.rate = 0.0
    desk.journal = journal or desk.journal
    desk.forecasts = Rising()
    await desk._start()
    await desk.engine.reconcile()
    return desk
