"""Entry points of installed packages: forecasters, strategies, gates, venues, stages.

An entry point has a name and the location of an object. Reading names imports nothing.
"""

from importlib.metadata import EntryPoint, entry_points

from tradebot.platform.settings import SettingsError


def names(group: str) -> list[str]:
    """Returns the names installed under the entry points `group`, sorted."""
    return sorted({point.name for point in entry_points(group=group)})


def find(group: str, name: str, setting: str) -> EntryPoint:
    """Finds the entry point of that name, without importing it.

    Args:
        setting: the setting that holds `name`, for the error.

    Raises:
        SettingsError: nothing of that name is installed; the message lists what is. Or two
            packages install different objects under it; the message names both.
    """
    found = {point.value: point for point in entry_points(group=group) if point.name == name}
    if len(found) > 1:
        owners = " and ".join(
            f"{point.dist.name if point.dist else 'a package'} ({value})"
            for value, point in sorted(found.items())
        )
        raise SettingsError(
            f"{setting} is {name!r}, which is installed twice, by {owners}: uninstall or rename one"
        )
    for point in found.values():
        return point
    raise SettingsError(f"{setting} is {name!r}: use one of {', '.join(names(group))}")
