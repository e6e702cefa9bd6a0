"""Merges the owner's additions into a pod; they join or replace the operator's items by name.

The chart's templates do the same for the pods that the chart runs.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from tradebot_operator.settings import StageTemplate

CONTAINERS: Final = ("containers", "initContainers")
"""Lists whose items are merged. An item of any other list is replaced as a whole: a volume has one
source, a variable one value."""


def with_template(pod: dict[str, Any], template: StageTemplate) -> dict[str, Any]:
    """Returns the pod with a stage's template; variables and mounts go to its first container."""
    first, *others = pod["containers"]
    additions = {
        "env": [_variable(name, value) for name, value in sorted(template.env.items())],
        "envFrom": list(template.env_from),
        "volumeMounts": list(template.volume_mounts),
    }
    pod = pod | {"containers": [overlaid(first, _given(additions)), *others]}
    joining = {"volumes": list(template.volumes), "containers": list(template.sidecars)}
    return overlaid(overlaid(pod, _given(joining)), template.pod)


def overlaid(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Merges `over` into `base`: mappings merge, lists join by name, all else is replaced.

    >>> overlaid({"volumes": [{"name": "a"}]}, {"volumes": [{"name": "b"}]})
    {'volumes': [{'name': 'a'}, {'name': 'b'}]}
    >>> overlaid({"args": ["trader"]}, {"args": ["trader", "--help"]})
    {'args': ['trader', '--help']}
    """
    merged = dict(base)
    for key, value in over.items():
        old = base.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            merged[key] = overlaid(old, value)
        elif isinstance(old, list) and isinstance(value, list):
            merged[key] = _joined(old, value, merge=key in CONTAINERS)
        else:
            merged[key] = value
    return merged


def _joined(old: list[Any], new: list[Any], *, merge: bool) -> list[Any]:
    """Joins both lists; a list of plain values, such as a command, is replaced."""
    if not all(isinstance(item, Mapping) for item in (*old, *new)):
        return new
    named = {_name(item): item for item in new if _name(item) is not None}
    kept = []
    for item in old:
        mine = named.pop(_name(item), None)
        kept.append(item if mine is None else overlaid(item, mine) if merge else mine)
    return [*kept, *(item for item in new if _name(item) is None or _name(item) in named)]


def _name(item: Mapping[str, Any]) -> tuple[str, Any] | None:
    for key in ("mountPath", "name"):
        if key in item:
            return key, item[key]
    return None


def _variable(name: str, value: str | dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "value": value} if isinstance(value, str) else {"name": name} | value


def _given(lists: Mapping[str, Iterable[Any]]) -> dict[str, Any]:
    return {key: value for key, value in lists.items() if value}
