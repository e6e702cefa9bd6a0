"""The nightly check: decides every bot's last day again, and publishes what it found."""

from tradebot.platform.stages import Stage
from tradebot.platform.topics import DOCUMENTS, LIQUIDITY, PARITY

STAGE = Stage(
    name="parity",
    order=70,
    summary="decide every bot's last day again, and publish whether all is the same",
    example="tradebot parity --since 24h --kafka 127.0.0.1:9092",
    settings="tradebot.backtest.parity.settings:ParitySettings",
    run="tradebot.backtest.parity.check:run",
    reads=(DOCUMENTS, LIQUIDITY),
    writes=(PARITY,),
)
