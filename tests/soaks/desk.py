"""A trader at a venue without faults, reconciled and about to buy."""

from soaks.orders import Soak
from soaks.trend import Trend
from venues.faulty import MemoryJournal


async def reconciled(journal: MemoryJournal | None = None) -> Soak:
    """Returns a reconciled trader at a venue without faults."""
    desk = Soak(seed=1, windows=0, kill_rate=0.0)
    desk.venue.rate = 0.0
    desk.journal = journal or desk.journal
    desk.forecasts = Trend()
    await desk._start()
    await desk.engine.reconcile()
    return desk
