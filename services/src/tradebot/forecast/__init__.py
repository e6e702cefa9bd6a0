"""The forecast stage: predicts the price of each coming minute from history."""

from tradebot.platform.stages import Demo, Stage
from tradebot.platform.topics import DEAD_LETTERS, FORECASTS, MINUTES, MODELS, TRADES

STAGE = Stage(
    name="forecast",
    order=30,
    summary="forecast the price of the coming minutes",
    example="tradebot forecast --symbol BTCUSD --model FastProphet --kafka 127.0.0.1:9092",
    settings="tradebot.forecast.settings:ForecastSettings",
    run="tradebot.forecast.stage:run",
    command="tradebot.forecast.command:command",
    reads=(TRADES, MINUTES, MODELS),
    writes=(FORECASTS, MODELS, DEAD_LETTERS),
    demo=Demo(after=("emulator",)),
)
