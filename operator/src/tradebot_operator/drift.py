"""The difference between a live object and the desired one.

Mappings are open: fields that the API server fills in, or that others add, are ignored. Lists are
closed: a variable or a container that somebody added is a difference, because `kubectl set env
deployment/trader-btc TRADEBOT_MODE=Live` must not last.
"""

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

Path = tuple[str | int, ...]

_KEYS = ("uid", "mountPath", "containerPort", "name")
_SUFFIXES = (
    {"n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3")}
    | {suffix: Decimal(1000) ** power for power, suffix in enumerate("kMGTPE", 1)}
    | {f"{suffix}i": Decimal(1024) ** power for power, suffix in enumerate("KMGTPE", 1)}
)


class Drift(msgspec.Struct, frozen=True):
    """`changed`: paths to apply again; `extra`: list items of the live object to remove."""

    changed: tuple[Path, ...]
    extra: tuple[Path, ...]

    def __bool__(self) -> bool:
        return bool(self.changed or self.extra)

    def removal(self, resource_version: str) -> list[dict[str, Any]]:
        """Returns a JSON patch that removes the extra items from that version of the object."""
        paths = sorted(self.extra, key=_removal_order)
        test = {"op": "test", "path": "/metadata/resourceVersion", "value": resource_version}
        return [test, *({"op": "remove", "path": pointer(path)} for path in paths)]


def drift(desired: dict[str, Any], live: dict[str, Any]) -> Drift:
    """Compares `desired` with `live`; a live object from a list has no version of its own."""
    desired = {key: value for key, value in desired.items() if key != "apiVersion"}
    changed: list[Path] = []
    extra: list[Path] = []
    for path, is_extra in _walk(desired, live, ()):
        (extra if is_extra else changed).append(path)
    return Drift(tuple(changed), tuple(extra))


def pointer(path: Path) -> str:
    """Returns the path as a JSON pointer.

    >>> pointer(("metadata", "labels", "a/b", 0))
    '/metadata/labels/a~1b/0'
    """
    parts = (str(part).replace("~", "~0").replace("/", "~1") for part in path)
    return "".join(f"/{part}" for part in parts)


def _walk(desired: Any, live: Any, path: Path) -> Iterator[tuple[Path, bool]]:
    if isinstance(desired, dict):
        if not isinstance(live, dict):
            # The API server drops empty mappings and lists; that is no difference.
            if desired:
                yield path, False
            return
        for key, value in desired.items():
            yield from _walk(value, live.get(key), (*path, key))
    elif isinstance(desired, list):
        yield from _walk_list(desired, live or [], path)
    elif not _same(desired, live, path):
        yield path, False


def _walk_list(desired: list[Any], live: list[Any], path: Path) -> Iterator[tuple[Path, bool]]:
    key = _merge_key(desired) or _merge_key(live)
    if key is None:
        if desired != live:
            yield path, False
        return
    places = {item.get(key): index for index, item in enumerate(live)}
    wanted = {item.get(key) for item in desired}
    for item in desired:
        index = places.get(item.get(key))
        if index is None:
            yield (*path, str(item.get(key))), False
        else:
            yield from _walk(item, live[index], (*path, index))
    for name, index in places.items():
        if name not in wanted:
            yield (*path, index), True


def _merge_key(items: list[Any]) -> str | None:
    if not items or not all(isinstance(item, dict) for item in items):
        return None
    for key in _KEYS:
        if all(isinstance(item.get(key), str | int) for item in items):
            return key
    return None


def _same(desired: Any, live: Any, path: Path) -> bool:
    if desired == live:
        return True
    if desired in ("", False) and live is None:
        return True
    if "limits" in path or "requests" in path or "sizeLimit" in path:
        return quantity(desired) == quantity(live) is not None
    return False


def quantity(value: Any) -> Decimal | None:
    """Parses a Kubernetes quantity; `None` if it is not one.

    >>> quantity("1000m") == quantity("1"), quantity("1Gi"), quantity("1024Ti") == quantity("1Pi")
    (True, Decimal('1073741824'), True)
    """
    text = str(value)
    for length in (2, 1):
        factor = _SUFFIXES.get(text[-length:])
        if factor is not None:
            text = text[:-length]
            break
    else:
        factor = Decimal(1)
    try:
        return Decimal(text) * factor
    except InvalidOperation:
        return None


def _removal_order(path: Path) -> tuple[tuple[Any, ...], int]:
    """Sorts later items of a list first, so that removing one does not move the next."""
    last = path[-1]
    assert isinstance(last, int)
    return tuple(str(part) for part in path[:-1]), -last
