"""Which stages are installed, and what everything outside a stage's package knows of it.

A package describes its stage by one `Stage` and one entry point `tradebot.stages`. The command
line, the topics, the names that a settings file may hold and the demo all follow from the
descriptions; the chart and the operator have a table of their own, which a test compares with
them. A description names the stage's code and imports none of it.
"""

import importlib
from importlib.metadata import entry_points
from typing import Any, Final, NamedTuple

GROUP: Final = "tradebot.stages"


class Demo(NamedTuple):
    """How `tradebot demo` runs a stage."""

    after: tuple[str, ...] = ()
    """Stages that must be ready before this one starts."""
    takes: tuple[str, ...] = ()
    """Settings of the demo that it passes on as flags of the same name, unless they are empty."""
    arguments: tuple[str, ...] = ()
    serves: bool = False
    """It serves people or programs on a `port`, for which the demo finds a free one."""


class Stage(NamedTuple):
    """A stage: a process, a container, a subcommand of `tradebot`.

    `settings` and `run` are written `module:name`. `run` is called with an object of the class
    `settings` and returns when the stage has ended. `command` names a click command, where the
    stage needs more than flags for its settings. Topics are named without the prefix.
    """

    name: str
    order: int
    """Stages are listed and started in this order, in which records flow."""
    summary: str
    """A line of the help."""
    example: str
    """A command line that works."""
    settings: str
    run: str
    command: str = ""
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    keeps: tuple[str, ...] = ()
    """Topics of the stage's own state, which it creates itself when it uses them."""
    demo: Demo | None = None

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics that must be there before the stage starts."""
        return tuple(dict.fromkeys((*self.reads, *self.writes)))


def installed() -> list[Stage]:
    """The stages that are installed, in order."""
    found: list[Stage] = [point.load() for point in entry_points(group=GROUP)]
    return sorted(found, key=lambda stage: (stage.order, stage.name))


def topic_names() -> list[str]:
    """The topics of all installed stages, in the order in which records flow."""
    stages = installed()
    return list(dict.fromkeys(name for each in stages for name in (*each.topics, *each.keeps)))


def setting_names() -> frozenset[str]:
    """The names of all installed stages' settings: one file may hold those of several."""
    return frozenset(
        name for stage in installed() for name in load(stage.settings).__struct_fields__
    )


def load(place: str) -> Any:
    """The object at `module:name`."""
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)
