"""`tradebot trader`."""

import asyncio

from tradebot.platform.settings import command as make_command
from tradebot.trader.settings import TraderSettings


def run(settings: TraderSettings) -> None:
    """Runs the trader until it is told to stop."""
    from tradebot.trader.stage import run as run_stage

    asyncio.run(run_stage(settings))


command = make_command(
    TraderSettings,
    run,
    name="trader",
    summary="Decides on each window and trades.",
    example="tradebot trader --bot btc --mode Paper --kafka 127.0.0.1:9092",
)
