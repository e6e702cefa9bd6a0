"""The observed state of the cluster: kopf's indices, and own writes not yet shown by the watch.

Objects are trimmed on arrival, so a thousand bots need little memory.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from tradebot_operator.naming import BOT, UNIT
from tradebot_operator.reconcile import secret_of
from tradebot_operator.resource import KIND, TradeBot
from tradebot_operator.stages.strategy import STAGE as STRATEGY
from tradebot_operator.stages.table import units
from tradebot_operator.strategy_code import Code, CodeMap, found

Body = dict[str, Any]
Index = Mapping[Any, Iterable[Any]]
Identity = tuple[str, str, str]

CONFIG_MAP = "ConfigMap"
OWN_WRITE_SECONDS = 30.0
"""A write that no watch has shown after this long is dropped."""


class Shown(msgspec.Struct, frozen=True):
    """An object that a watch has shown."""

    kind: str
    namespace: str
    name: str
    uid: str
    labels: dict[str, str] = {}


_METADATA = (
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "labels",
    "annotations",
    "ownerReferences",
    "creationTimestamp",
    "deletionTimestamp",
)
_CONTENT = (
    "spec",
    "data",
    "immutable",
    "rules",
    "roleRef",
    "subjects",
    "automountServiceAccountToken",
)
_DEPLOYMENT_STATUS = (
    "observedGeneration",
    "updatedReplicas",
    "readyReplicas",
    "conditions",
)
_POD_STATUS = ("phase", "conditions", "containerStatuses")


def trim(kind: str, body: Mapping[str, Any]) -> Body:
    """Returns the parts of an API object that the operator reads."""
    trimmed: Body = {"kind": kind, "metadata": _pick(body["metadata"], _METADATA)}
    trimmed["metadata"].get("annotations", {}).pop(
        "kubectl.kubernetes.io/last-applied-configuration", None
    )
    status = body.get("status") or {}
    if kind == "Pod":
        trimmed["status"] = _pick(status, _POD_STATUS)
        return trimmed
    trimmed |= _pick(body, _CONTENT)
    if kind == "Deployment":
        trimmed["status"] = _pick(status, _DEPLOYMENT_STATUS)
    return trimmed


def _pick(source: Mapping[str, Any], names: Iterable[str]) -> Body:
    return {name: _plain(source[name]) for name in names if name in source}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def bot_keys(bot: TradeBot) -> dict[Any, TradeBot]:
    """Returns a TradeBot's index keys: its name, namespace, units, Secret and strategy's ConfigMap.

    A strategy's unit is not among them: its name depends on the code, which changes by itself.
    """
    place = bot.namespace
    keys: list[Any] = [("name", place, bot.name), ("all", place)]
    keys += [("unit", place, unit.name) for unit in units(bot) if unit.stage != STRATEGY.name]
    if not bot.spec.strategy.in_trader:
        keys.append(("strategies", place))
    if bot.spec.strategy.file:
        keys.append(("code", place, bot.spec.strategy.file.config_map))
    if bot.spec.venue.credentials_secret:
        keys.append(("secret", place, bot.spec.venue.credentials_secret))
    return dict.fromkeys(keys, bot)


def child_keys(child: Body) -> dict[Any, Body]:
    """Returns a child's index keys: its unit, and for a trader the Secret that it mounts."""
    place, labels = child["metadata"]["namespace"], child["metadata"].get("labels", {})
    keys: list[Any] = [("unit", place, labels.get(UNIT, ""))]
    if child["kind"] == "Deployment" and labels.get(BOT):
        secret = secret_of(child)
        if secret:
            keys.append(("secret", place, secret))
    return dict.fromkeys(keys, child)


class Observed:
    """The indices, read together.

    Args:
        bots: kopf's index of TradeBots by `bot_keys`.
        children: kopf's indices of children by `child_keys`, one per kind.
        pods: kopf's index of pods by unit.
        codes: kopf's index of the ConfigMaps that are not ours, by namespace and name.
    """

    def __init__(
        self,
        bots: Index,
        children: Iterable[Index],
        pods: Index,
        codes: Index,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bots, self._children, self._pods = bots, tuple(children), pods
        self._codes = codes
        self._monotonic = monotonic
        self._written: dict[Any, dict[Identity, tuple[float, Body]]] = {}
        self._deleted: dict[str, float] = {}
        self._lost: set[str] = set()
        self._units: dict[str, str] = {}
        self._swept_at = monotonic()

    def bot(self, namespace: str, name: str) -> TradeBot | None:
        """The TradeBot of that name."""
        return next(iter(self._found(("name", namespace, name))), None)

    def bots(self, namespace: str) -> list[TradeBot]:
        """The namespace's TradeBots."""
        return self._found(("all", namespace))

    def bots_of_unit(self, namespace: str, unit: str) -> list[TradeBot]:
        """The TradeBots that need a unit."""
        if not unit.startswith(f"{STRATEGY.name}-"):
            return self._found(("unit", namespace, unit))
        bots = self._found(("strategies", namespace))
        return [bot for bot in bots if STRATEGY.needed(bot) and STRATEGY.unit(bot).name == unit]

    def bots_of_code(self, namespace: str, name: str) -> list[TradeBot]:
        """The TradeBots whose strategy is in the ConfigMap of that name."""
        return self._found(("code", namespace, name))

    def rivals(self, namespace: str, secret: str) -> list[TradeBot]:
        """The TradeBots that name a Secret."""
        return self._found(("secret", namespace, secret))

    def traders_with_secret(self, namespace: str, secret: str) -> dict[str, Body]:
        """By name, the traders' Deployments that mount a Secret."""
        found = self._current(("secret", namespace, secret))
        return {item["metadata"]["name"]: item for item in found}

    def children(self, namespace: str, unit: str) -> list[Body]:
        """The live children of a unit."""
        return list(self._current(("unit", namespace, unit)))

    def deployment(self, namespace: str, unit: str) -> Body | None:
        """The live Deployment of a unit."""
        found = self.children(namespace, unit)
        return next((item for item in found if item["kind"] == "Deployment"), None)

    def pods(self, namespace: str, unit: str) -> list[Body]:
        """Returns the unit's pods, including terminating ones."""
        return list(self._get(self._pods, ("unit", namespace, unit)))

    def shown(self, kind: str, namespace: str) -> list[Shown]:
        """Returns all objects of a kind that the watches have shown."""
        if kind == KIND:
            bots = self.bots(namespace)
            return [Shown(KIND, namespace, bot.name, bot.uid) for bot in bots]
        found: dict[str, Shown] = {}
        for index in (*self._children, self._pods):
            for key in index:
                for child in self._get(index, key):
                    meta = child["metadata"]
                    if child["kind"] == kind and meta["namespace"] == namespace:
                        found[meta["uid"]] = Shown(
                            kind, namespace, meta["name"], meta["uid"], meta.get("labels", {})
                        )
        if kind == CONFIG_MAP:
            found |= {
                each.uid: Shown(kind, namespace, each.name, each.uid)
                for key in self._codes
                for each in self._get(self._codes, key)
                if each.namespace == namespace
            }
        return list(found.values())

    def lost(self, uid: str) -> None:
        """Drops an object whose deletion no watch has shown or will show."""
        self._lost.add(uid)

    def wrote(self, live: Body) -> None:
        """Stores `live`, the API server's response to a write."""
        child, until = trim(live["kind"], live), self._monotonic() + OWN_WRITE_SECONDS
        self._units[child["metadata"]["uid"]] = child["metadata"].get("labels", {}).get(UNIT, "")
        for key in child_keys(child):
            self._written.setdefault(key, {})[_identity(child)] = (until, child)
        self._expire()

    def deleted(self, live: Body) -> None:
        """Records that the API server accepted the deletion of `live`."""
        for key in child_keys(live):
            self._written.get(key, {}).pop(_identity(live), None)
        self._deleted[live["metadata"]["uid"]] = self._monotonic() + OWN_WRITE_SECONDS
        self._expire()

    def seen_gone(self, uid: str, key: Any) -> None:
        """Handles a deletion shown by the watch: drops our write of the object under `key`."""
        self._units.pop(uid, None)
        for identity, (_, child) in list(self._written.get(key, {}).items()):
            if child["metadata"]["uid"] == uid:
                for place in child_keys(child):
                    self._written.get(place, {}).pop(identity, None)

    def moved(self, uid: str, namespace: str, unit: str) -> str | None:
        """Handles a child shown in `unit`; returns its previous unit if that differs. Somebody
        changed its label then, and our write of it there is dropped.
        """
        before = self._units.get(uid, unit)
        if before != unit:
            self.seen_gone(uid, ("unit", namespace, before))
        self._units[uid] = unit
        return before if before != unit else None

    def _found(self, key: Any) -> list[TradeBot]:
        """The TradeBots under a key, each with its strategy's code."""
        return [self._with_code(bot) for bot in self._get(self._bots, key)]

    def _with_code(self, bot: TradeBot) -> TradeBot:
        file = bot.spec.strategy.file
        if file is None:
            return bot
        listed = self._get(self._codes, ("code", bot.namespace, file.config_map))
        code = found(file.config_map, file.key, next(iter(listed), None))
        if isinstance(code, Code):
            return msgspec.structs.replace(bot, code=code)
        return msgspec.structs.replace(bot, code_trouble=code)

    def _current(self, key: Any) -> Iterator[Body]:
        own, now = self._written.get(key, {}), self._monotonic()
        seen = set()
        for index in self._children:
            for child in self._get(index, key):
                identity = _identity(child)
                seen.add(identity)
                if child["metadata"]["uid"] in self._deleted:
                    continue
                until, written = own.get(identity, (0.0, child))
                if until > now and _version(written) > _version(child):
                    yield written
                    continue
                own.pop(identity, None)
                yield child
        for identity, (until, written) in list(own.items()):
            if identity not in seen and until > now:
                yield written

    def _get(self, index: Index, key: Any) -> Iterable[Any]:
        found = index.get(key, ())
        return [item for item in found if _uid(item) not in self._lost] if self._lost else found

    def _expire(self) -> None:
        """Drops expired writes, now and then."""
        now = self._monotonic()
        if now - self._swept_at < OWN_WRITE_SECONDS:
            return
        self._swept_at = now
        for key, entries in list(self._written.items()):
            kept = {name: entry for name, entry in entries.items() if entry[0] > now}
            if kept:
                self._written[key] = kept
            else:
                del self._written[key]
        self._deleted = {uid: until for uid, until in self._deleted.items() if until > now}


def _uid(item: Any) -> str:
    return item.uid if isinstance(item, TradeBot | CodeMap) else str(item["metadata"]["uid"])


def _identity(child: Body) -> Identity:
    return child["kind"], child["metadata"]["namespace"], child["metadata"]["name"]


def _version(child: Body) -> int:
    """Returns an object's version; the API server compares versions as numbers too."""
    return int(child["metadata"]["resourceVersion"])
