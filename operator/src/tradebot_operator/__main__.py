"""`python -m tradebot_operator`: configured by the file that TRADEBOT_OPERATOR_CONFIG names."""

import asyncio
import logging
import sys

import kopf

from tradebot_operator.handlers import Operator
from tradebot_operator.settings import ConfigError, load


def main() -> int:
    """Runs the operator until a signal ends it; the exit code."""
    try:
        settings = load()
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    kopf.configure(log_format=kopf.LogFormat.JSON, verbose=settings.log_level == "debug")
    for name in ("aiohttp.access", "kopf.objects"):
        logging.getLogger(name).setLevel(logging.WARNING)
    asyncio.run(Operator(settings).run())
    return 0


if __name__ == "__main__":
    sys.exit(main())
