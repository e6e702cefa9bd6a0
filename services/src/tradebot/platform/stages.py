"""The installed stages, and what code outside a stage's package knows of it.

A package describes its stage by one `Stage` and one entry point `tradebot.stages`. The command
line, the topics, the names allowed in a settings file and the demo derive from these descriptions.
The chart and the operator have their own table; a test compares it with them. A description names
the stage's code and imports none of it.
"""

import importlib
from importlib.metadata import entry_points
from typing import Any, Final, NamedTuple

GROUP: Final = "tradebot.stages"


class Demo(NamedTuple):
    """How `tradebot demo` runs a stage."""

    after: tuple[str, ...] = ()
    """Stages that must be ready first."""
    takes: tuple[str, ...] = ()
    """Settings of the demo to pass on as flags of the same name, unless empty."""
    arguments: tuple[str, ...] = ()
    only_with: str = ""
    """A setting of the demo without which the stage does not run."""
    serves: bool = False
    """The stage serves people or programs on a `port`; the demo finds a free one."""


class Stage(NamedTuple):
    """A stage: a process, a container, a subcommand of `tradebot`.

    `settings` and `run` are written `module:name`. `run` is called with an instance of `settings`
    and returns when the stage has ended. `command` names a click command, for a stage that needs
    more than flags for its settings. Topics are named without the prefix.
    """

    name: str
    order: int
    """Position in which stages are listed and started, following the flow of records."""
    summary: str
    """A line of the help."""
    example: str
    """A working command line."""
    settings: str
    run: str
    command: str = ""
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    keeps: tuple[str, ...] = ()
    """Topics of the stage's own state, one for each bot, named `TOPIC.BOT`. It creates them."""
    demo: Demo | None = None

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics that must exist before the stage starts."""
        return tuple(dict.fromkeys((*self.reads, *self.writes)))


def installed() -> list[Stage]:
    """Returns the installed stages, in order."""
    found: list[Stage] = [point.load() for point in entry_points(group=GROUP)]
    return sorted(found, key=lambda stage: (stage.order, stage.name))


def topic_names() -> list[str]:
    """Returns the topics of all installed stages, following the flow of records."""
    stages = installed()
    return list(dict.fromkeys(name for each in stages for name in each.topics))


def setting_names() -> frozenset[str]:
    """Returns the names of all stages' settings: one file may hold those of several."""
    return frozenset(
        name for stage in installed() for name in load(stage.settings).__struct_fields__
    )


def load(place: str) -> Any:
    """Imports the object at `module:name`."""
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)
