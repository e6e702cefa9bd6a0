"""Runs the Faust app as this process."""

import logging

import faust

from tradebot.liquidity import STAGE
from tradebot.liquidity.settings import LiquiditySettings
from tradebot.liquidity.stage import create_app
from tradebot.platform import logs


def run(settings: LiquiditySettings) -> None:
    """Runs until SIGTERM or SIGINT; then exits with 0.

    Raises:
        SettingsError: the broker does not respond, a topic is missing, or the port is taken.
    """
    logs.setup(STAGE.name, level=settings.log_level, form=settings.log_format)
    # aiokafka logs each try while a broker is away; readiness reports it once.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    app = create_app(settings)
    app.owner.prepare()
    app.finalize()
    worker = faust.Worker(app, quiet=True, override_logging=False)
    worker.spinner = None
    worker.execute_from_commandline()
