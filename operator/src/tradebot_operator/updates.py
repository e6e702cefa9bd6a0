"""`updatePolicy`: whether an edit takes effect at once or waits for a restart, and what waits.

With Manual, the status holds the spec that the stages run. An edit takes effect when a person
writes the TradeBot's generation into the annotation `tradebot.dev/restart`. So nothing is kept in
the operator, and a restarted operator runs what the last one ran.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from tradebot_operator.resource import Spec, TradeBot
from tradebot_operator.settings import OperatorSettings
from tradebot_operator.stages.stage import Stage
from tradebot_operator.stages.table import STAGES


def changed_fields(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """Yields the paths at which two specs differ, as a resource names them.

    >>> list(changed_fields({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}))
    ['a.c']
    """
    if not (isinstance(before, Mapping) and isinstance(after, Mapping)):
        if before != after:
            yield path
        return
    for name in sorted({*before, *after}):
        yield from changed_fields(
            before.get(name), after.get(name), f"{path}.{name}" if path else name
        )


def waiting_changes(bot: TradeBot, settings: OperatorSettings) -> dict[str, list[str]]:
    """Returns by stage the fields whose edits wait for a restart, each with both values."""
    if bot.waiting is None:
        return {}
    before, after = msgspec.to_builtins(bot.spec), msgspec.to_builtins(bot.waiting)
    running = {stage: _runs(stage, bot, bot.spec, settings) for stage in STAGES}
    found: dict[str, list[str]] = {}
    for path in changed_fields(before, after):
        edited = _with(before, path, _at(after, path))
        text = f"spec.{path}: {_shown(_at(before, path))} -> {_shown(_at(after, path))}"
        for stage, runs in running.items():
            if runs != _runs(stage, bot, edited, settings):
                found.setdefault(stage.name, []).append(text)
    return found


def _runs(stage: Stage, bot: TradeBot, spec: Spec, settings: OperatorSettings) -> object:
    """Returns all that a stage would run with a spec; `None` if the bot has no such stage."""
    of = msgspec.structs.replace(bot, spec=spec)
    return stage.plan(stage.unit(of), [of], settings) if stage.needed(of) else None


def _at(spec: Any, path: str) -> Any:
    for name in path.split("."):
        spec = spec.get(name) if isinstance(spec, Mapping) else None
    return spec


def _with(spec: dict[str, Any], path: str, value: Any) -> Spec:
    """Returns the spec with one field changed."""

    def edited(node: Any, names: list[str]) -> Any:
        head, *rest = names
        changed = dict(node) if isinstance(node, Mapping) else {}
        changed[head] = edited(changed.get(head), rest) if rest else value
        return changed

    return msgspec.convert(edited(spec, path.split(".")), Spec)


def _shown(value: Any) -> str:
    text = "unset" if value is None else msgspec.json.encode(value).decode().strip('"')
    return text if len(text) <= 40 else f"{text[:37]}..."
