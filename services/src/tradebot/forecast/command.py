"""`tradebot forecast`: the stage; `evaluate` and `plot` are its subcommands."""

import importlib
from typing import Any, Final

import click

from tradebot.forecast import STAGE
from tradebot.platform.stage_command import command_of

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


class StageGroup(click.Group):
    """The stage's own flags, and subcommands that are imported when called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Lists the subcommands."""
        return list(SUBCOMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Returns the subcommand, or `None` if it does not exist."""
        if cmd_name not in SUBCOMMANDS:
            return None
        found = importlib.import_module(SUBCOMMANDS[cmd_name][0]).command
        assert isinstance(found, click.Command)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes one line per subcommand, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in SUBCOMMANDS.items()])


_stage = command_of(STAGE)


def _run_stage(**flags: Any) -> None:
    if click.get_current_context().invoked_subcommand is None:
        assert _stage.callback is not None
        _stage.callback(**flags)


command = StageGroup(
    name="forecast",
    params=_stage.params,
    callback=_run_stage,
    invoke_without_command=True,
    short_help=_stage.short_help,
    help=_stage.help,
)
