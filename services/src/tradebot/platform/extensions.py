"""What installed packages add by entry point: forecasters, strategies, gates, venues, stages.

An entry point is a name and the place of an object. Names are known without importing anything.
"""

from importlib.metadata import EntryPoint, entry_points

from tradebot.platform.settings import SettingsError


def names(group: str) -> list[str]:
    """The names installed under the entry points `group`, sorted."""
    return sorted({point.name for point in entry_points(group=group)})


def find(group: str, name: str, setting: str) -> EntryPoint:
    """The entry point of that name, not imported yet.

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
