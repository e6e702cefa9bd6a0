"""`tradebot liquidity`."""

from tradebot.liquidity.settings import LiquiditySettings
from tradebot.platform.settings import command as settings_command


def _run(settings: LiquiditySettings) -> None:
    # Faust is slow to import: `--help` does without it.
    from tradebot.liquidity.worker import run

    run(settings)


command = settings_command(
    LiquiditySettings,
    _run,
    name="liquidity",
    summary="Flows of the order book and their ratio in windows of 60 seconds, by event time.",
    example="tradebot liquidity --kafka 127.0.0.1:9092 --http-port 9102",
)
