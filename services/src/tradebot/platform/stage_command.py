"""Makes a stage's subcommand from its description."""

import click
import msgspec

from tradebot.platform.settings import command
from tradebot.platform.stages import Stage, load


def command_of(stage: Stage) -> click.Command:
    """Makes a command whose flags are the stage's settings. The stage is imported when it runs."""

    def run(settings: msgspec.Struct) -> None:
        load(stage.run)(settings)

    return command(
        load(stage.settings), run, name=stage.name, summary=stage.summary, example=stage.example
    )
