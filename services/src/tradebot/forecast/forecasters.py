"""Which forecasters are installed: the entry points `tradebot.forecasters`."""

from importlib.metadata import EntryPoint, entry_points
from typing import Final

from tradebot.platform.settings import SettingsError

GROUP: Final = "tradebot.forecasters"


def names() -> list[str]:
    """The forecasters that are installed."""
    return sorted(point.name for point in entry_points(group=GROUP))


def find(name: str) -> EntryPoint:
    """A forecaster by its name, not imported yet.

    Raises:
        SettingsError: there is none of that name.
    """
    for point in entry_points(group=GROUP):
        if point.name == name:
            return point
    raise SettingsError(f"model is {name!r}: give one of {', '.join(names())}")
