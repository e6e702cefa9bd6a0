"""The subcommand of a stage, made from its description."""

import importlib
from collections.abc import Mapping
from typing import Any

import click
import msgspec

from tradebot.platform.settings import command
from tradebot.platform.stages import Stage, load

Places = Mapping[str, tuple[str, str]]
"""Subcommand: the module with its `command`, and its line in the help."""


def command_of(stage: Stage) -> click.Command:
    """A command whose flags are the stage's settings; the stage itself is imported when it runs."""

    def run(settings: msgspec.Struct) -> None:
        load(stage.run)(settings)

    return command(
        load(stage.settings), run, name=stage.name, summary=stage.summary, example=stage.example
    )


class _Group(click.Group):
    """Subcommands that are imported when they are called."""

    def __init__(self, places: Places, **attributes: Any) -> None:
        super().__init__(invoke_without_command=True, **attributes)
        self._places = places

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The subcommands."""
        return list(self._places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The subcommand, or `None` where there is none of that name."""
        if cmd_name not in self._places:
            return None
        found = importlib.import_module(self._places[cmd_name][0]).command
        assert isinstance(found, click.Command)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """A line a subcommand, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in self._places.items()])


def group_of(stage: Stage, places: Places) -> click.Group:
    """The stage's command, which runs the stage where no subcommand is named."""
    own = command_of(stage)

    def run_stage(**flags: Any) -> None:
        if click.get_current_context().invoked_subcommand is None:
            assert own.callback is not None
            own.callback(**flags)

    return _Group(
        places,
        name=stage.name,
        params=own.params,
        callback=run_stage,
        short_help=own.short_help,
        help=own.help,
    )
