"""`tradebot forecast`: the stage; `evaluate` and `plot` are its subcommands."""

from tradebot.forecast.settings import ForecastSettings
from tradebot.platform.settings import command as settings_command


def run(settings: ForecastSettings) -> None:
    """Runs the stage until a signal ends it."""
    from tradebot.forecast.stage import run as run_stage  # Kafka and polars, only when it runs

    run_stage(settings)


command = settings_command(
    ForecastSettings,
    run,
    name="forecast",
    summary="the price of the coming minutes",
    example="tradebot forecast --symbol BTCUSD --model FastProphet --kafka 127.0.0.1:9092",
)
