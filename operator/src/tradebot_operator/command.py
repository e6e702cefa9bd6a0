"""Runs `python -m tradebot_operator`, configured by the file in TRADEBOT_OPERATOR_CONFIG.

`python -m tradebot_operator let-go DEPLOYMENT` stops that operator permanently and removes the
finalizers of its TradeBots, before the chart is uninstalled.
"""

import asyncio
import logging
import sys

import kopf

from tradebot_operator.handlers import Operator, StartError
from tradebot_operator.namespaces import NothingToServeError
from tradebot_operator.settings import ConfigError, load
from tradebot_operator.uninstall import UninstallError, let_go

CLEANUP_WORDS = 3
"""Number of words in the command line of the cleanup before an uninstall."""


def main() -> int:
    """Runs the operator, or the cleanup before an uninstall; returns the exit code."""
    try:
        settings = load()
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    kopf.configure(log_format=kopf.LogFormat.JSON, verbose=settings.log_level == "debug")
    for name in ("aiohttp.access", "kopf.objects"):
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        if len(sys.argv) == CLEANUP_WORDS and sys.argv[1] == "let-go":
            asyncio.run(let_go(settings, sys.argv[2]))
            return 0
        while asyncio.run(Operator(settings).run()):
            logging.getLogger(__name__).info("restarting with the current namespaces")
    except (NothingToServeError, StartError, UninstallError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0
