"""`tradebot forecast`: the stage; `evaluate` and `plot` are its subcommands."""

from typing import Final

from tradebot.forecast import STAGE
from tradebot.platform.stage_command import group_of

SUBCOMMANDS: Final = {
    "evaluate": (
        "tradebot.forecast.evaluation.command",
        "evaluate models on past minutes, walking forward",
    ),
    "plot": (
        "tradebot.forecast.plot.command",
        "plot a model: forecast, components, fitted and actual prices",
    ),
}
"""Subcommand: the module with its `command`, and its line in the help."""

command = group_of(STAGE, SUBCOMMANDS)
