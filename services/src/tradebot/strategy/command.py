"""`tradebot strategy`: the stage; `list` and `check` are its subcommands."""

from typing import Final

from tradebot.platform.stage_command import group_of
from tradebot.strategy import STAGE

SUBCOMMANDS: Final = {
    "list": ("tradebot.strategies.listing", "list the installed strategies and their parameters"),
    "check": (
        "tradebot.backtest.check",
        "check a strategy for lookahead, warm-up, determinism and speed",
    ),
}
"""Subcommand: the module with its `command`, and its line in the help."""

command = group_of(STAGE, SUBCOMMANDS)
