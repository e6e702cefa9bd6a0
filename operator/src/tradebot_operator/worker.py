"""The work loop: takes keys from the queue, compares desired and observed state, and writes the
difference.
"""

import asyncio
import logging
import math
import random
import time
from collections.abc import Hashable, Iterable

import aiohttp

from tradebot_operator import metrics
from tradebot_operator.api import WATCHED, Api, ApiError
from tradebot_operator.canary import Canary
from tradebot_operator.damper import Damper
from tradebot_operator.keys import GATHER_DELAY, STATUS_DELAY, Key, desired, patience
from tradebot_operator.namespaces import Namespaces
from tradebot_operator.naming import BOT, UNIT, digest
from tradebot_operator.observed import CONFIG_MAP, Body, Observed, Shown
from tradebot_operator.pods import Trouble
from tradebot_operator.queue import WorkQueue
from tradebot_operator.reconcile import (
    Action,
    Apply,
    Delete,
    Finalize,
    Trim,
    converge,
    refusal,
    release,
    shared,
    summary,
    trader,
)
from tradebot_operator.resource import FLATTEN_FINALIZER, KIND, TradeBot
from tradebot_operator.settings import OperatorSettings
from tradebot_operator.stages.table import units
from tradebot_operator.stages.trader import STAGE as TRADER
from tradebot_operator.stages.trader import trader_unit
from tradebot_operator.status_writer import StatusWriter
from tradebot_operator.sweep import sweep
from tradebot_operator.units import Unit

_log = logging.getLogger(__name__)

CANARY_SECONDS = 15.0
UNCHANGEABLE = ("ConfigMap", "RoleBinding")
"""Kinds whose relevant fields are immutable at the API server."""
AWAY_SECONDS = 5.0
"""Longest wait before a retry after the API server could not be reached."""


class Worker:
    """Some workers on one queue. Their state between passes may be lost at any time, since
    everything that matters is in the cluster.
    """

    def __init__(
        self,
        settings: OperatorSettings,
        api: Api,
        observed: Observed,
        queue: WorkQueue[Key],
        namespaces: Namespaces,
    ) -> None:
        self._settings, self._api, self._observed = settings, api, observed
        self._namespaces = namespaces
        self.queue = queue
        self.canary = Canary(api, observed, namespaces.open)
        self._damper = Damper()
        self._status_writer = StatusWriter(api, observed, settings)
        self._failures: dict[tuple[str, str], str] = {}
        self._links: dict[tuple[str, str], set[Key]] = {}
        self._asked: dict[tuple[str, str], tuple[object, ...]] = {}
        self._refused: set[tuple[str, str]] = set()
        """Namespace and name of the bots that may not run, such as those whose keys are in use."""
        self._was_away = False

    async def run(self) -> None:
        """Works until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._settings.workers):
                group.create_task(self._work())
            group.create_task(self._tick())
            group.create_task(self._resync())

    def bot_changed(self, namespace: str, name: str) -> None:
        """A TradeBot was seen, changed or gone; of a new status alone its units know nothing."""
        place, bot = (namespace, name), self._observed.bot(namespace, name)
        asked = desired(bot)
        if bot is not None and self._asked.get(place) == asked:
            self.queue.add(Key("bot", namespace, name), delay=STATUS_DELAY)
            return
        self._asked[place] = asked
        keys = {Key("bot", namespace, name), Key("unit", namespace, trader_unit(name))}
        if bot is not None:
            keys |= {Key("unit", namespace, unit.name) for unit in units(bot)}
            keys |= self._rivals(bot)
        # What it needed before is looked at as well: it may be needed no more.
        for key in keys | self._links.get(place, set()):
            self.queue.add(key, delay=patience(key))
        if bot is None:
            self._links.pop(place, None)
            self._asked.pop(place, None)
            self._refused.discard(place)
        else:
            self._links[place] = keys

    def code_changed(self, namespace: str, name: str) -> None:
        """A ConfigMap that may hold strategies was seen, changed or gone."""
        for bot in self._observed.bots_of_code(namespace, name):
            self.bot_changed(namespace, bot.name)

    def child_changed(
        self, kind: str, namespace: str, labels: dict[str, str], uid: str, *, gone: bool = False
    ) -> None:
        """Handles a child or a pod that was added, changed, or is `gone`."""
        unit, bot = labels.get(UNIT, ""), labels.get(BOT, "")
        if gone:
            self._observed.seen_gone(uid, ("unit", namespace, unit))
        elif kind != "Pod" and (left := self._observed.moved(uid, namespace, unit)):
            self.queue.add(Key("unit", namespace, left))
        if not unit:
            return
        if kind != "Pod" or self._goes(namespace, bot):
            self.queue.add(Key("unit", namespace, unit))
        if kind not in ("Pod", "Deployment"):
            return
        if bot:
            if kind == "Deployment":
                self._queue_refused(namespace)
            self.queue.add(Key("bot", namespace, bot), delay=STATUS_DELAY)
            return
        for user in self._observed.bots_of_unit(namespace, unit):
            self.queue.add(Key("bot", namespace, user.name), delay=STATUS_DELAY)

    def _queue_refused(self, namespace: str) -> None:
        """Queues the bots that may not run yet: a trader that changed may have freed their keys."""
        for place, name in self._refused:
            if place == namespace:
                self.queue.add(Key("unit", namespace, trader_unit(name)))
                self.queue.add(Key("bot", namespace, name), delay=STATUS_DELAY)

    def listed(self, kind: str, namespace: str) -> None:
        """Handles a watch of `kind` that restarted with a list, which lacks earlier deletions."""
        self.queue.add(Key("sweep", namespace, kind), delay=GATHER_DELAY)

    def holds(self, namespace: str) -> bool:
        """Whether a TradeBot of the namespace has a finalizer that must be removed first."""
        return any(FLATTEN_FINALIZER in bot.finalizers for bot in self._observed.bots(namespace))

    def let_go(self, namespace: str) -> None:
        """Releases the TradeBots of a namespace that is being deleted."""
        for bot in self._observed.bots(namespace):
            if FLATTEN_FINALIZER in bot.finalizers:
                self.queue.add(Key("unit", namespace, trader_unit(bot.name)))

    def _listed_all(self) -> None:
        for namespace in self._namespaces.open():
            for kind in WATCHED:
                self.listed(kind, namespace)

    def _forget(self, gone: Iterable[Shown]) -> None:
        for item in gone:
            _log.info(
                "%s %s/%s was deleted while the watch was away",
                item.kind,
                item.namespace,
                item.name,
            )
            if item.kind == KIND:
                self.bot_changed(item.namespace, item.name)
            elif item.kind == CONFIG_MAP and UNIT not in item.labels:
                self.code_changed(item.namespace, item.name)
            else:
                self.child_changed(item.kind, item.namespace, item.labels, item.uid, gone=True)

    def _goes(self, namespace: str, name: str) -> bool:
        bot = self._observed.bot(namespace, name) if name else None
        return bot is not None and bot.deleted_at is not None

    def _rivals(self, bot: TradeBot) -> set[Key]:
        secret = bot.spec.venue.credentials_secret
        rivals = self._observed.rivals(bot.namespace, secret) if secret else []
        return {Key("bot", bot.namespace, rival.name) for rival in rivals} | {
            Key("unit", bot.namespace, trader_unit(rival.name)) for rival in rivals
        }

    async def _work(self) -> None:
        while True:
            key = await self.queue.get()
            started = time.perf_counter()
            try:
                await self._look(key)
            except ApiError as error:
                if error.status == 403 and key.namespace:
                    await self._namespaces.look(key.namespace)
                self._failed(key, str(error))
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                self._was_away = True
                self._failed(key, str(error) or repr(error), cap=AWAY_SECONDS)
            except Exception as error:
                _log.exception("reconciling %s failed", key)
                self._failed(key, repr(error))
            else:
                self.queue.forget(key)
                self._succeeded(key)
            finally:
                self.queue.done(key)
                took = time.perf_counter() - started
                metrics.RECONCILE_SECONDS.labels(key.kind).observe(took)

    def _failed(self, key: Key, message: str, cap: float = math.inf) -> None:
        metrics.ERRORS.labels(key.kind).inc()
        wait = self.queue.retry(key, cap=cap)
        _log.warning("%s: %s; retrying in %.1f s", "/".join(key), message, wait)
        if key.kind == "unit":
            self._failures[(key.namespace, key.name)] = message
            self._queue_statuses(key)

    def _succeeded(self, key: Key) -> None:
        if key.kind == "unit" and (key.namespace, key.name) in self._failures:
            del self._failures[(key.namespace, key.name)]
            self._queue_statuses(key)

    def _queue_statuses(self, key: Key) -> None:
        for bot in self._observed.bots_of_unit(key.namespace, key.name):
            self.queue.add(Key("bot", key.namespace, bot.name))

    async def _look(self, key: Key) -> None:
        if key.kind == "canary":
            self._forget(await self.canary.look())
            if self._was_away:
                self._was_away = False
                self._listed_all()
        elif key.kind != "unit" and key.namespace not in self._namespaces.open():
            return
        elif key.kind == "sweep":
            found = await sweep(self._api, self._observed, key.name, key.namespace)
            self._forget(found.gone)
        elif key.kind == "bot":
            await self._look_at_bot(key)
        else:
            await self._look_at_unit(key)

    def _refusal(self, bot: TradeBot) -> Trouble | None:
        secret = bot.spec.venue.credentials_secret
        rivals = self._observed.rivals(bot.namespace, secret) if secret else []
        traders = self._observed.traders_with_secret(bot.namespace, secret) if secret else {}
        return refusal(bot, rivals, traders, self._settings)

    async def _look_at_unit(self, key: Key) -> None:
        namespace, name = key.namespace, key.name
        bots = self._observed.bots_of_unit(namespace, name)
        live = self._observed.children(namespace, name)
        if actions := self._actions(key, bots, live):
            _log.info("%s/%s: %s", namespace, name, summary(actions))
        for action in actions:
            await self._act(key, action)
        if any(bot.deleted_at for bot in bots):
            self.queue.add(key, delay=2.0)

    def _actions(self, key: Key, bots: list[TradeBot], live: list[Body]) -> list[Action]:
        unit = _unit_of(bots, key.name)
        if key.namespace not in self._namespaces.open():
            trades = unit is not None and unit.stage == TRADER.name
            return release(bots[0]) if trades else []
        if unit is None:
            return converge([], live)
        if unit.stage == TRADER.name:
            pods = len(self._observed.pods(key.namespace, key.name))
            bot, refused = bots[0], self._refusal(bots[0])
            (self._refused.add if refused else self._refused.discard)((bot.namespace, bot.name))
            return trader(unit, bot, refused, live, self._settings, pods=pods)
        needing = [bot for bot in bots if _stays(bot) and self._refusal(bot) is None]
        return shared(unit, needing, live, self._settings)

    async def _act(self, key: Key, action: Action) -> None:
        if isinstance(action, Finalize):
            await self._finalize(action)
        elif isinstance(action, Delete):
            metrics.WRITES.labels("delete", action.live["kind"]).inc()
            await self._api.delete(action.live)
            self._observed.deleted(action.live)
            self._damper.forget(_name(action.live))
        else:
            await self._repair(key, action)

    async def _repair(self, key: Key, action: Apply | Trim) -> None:
        manifest = action.manifest
        name, content = _name(manifest), digest(manifest, 16)
        wait = self._damper.wait(name, content)
        if wait > 0:
            _log.warning("someone keeps changing %s: next repair in %.0f s", name, wait)
            self.queue.add(key, delay=wait)
            return
        kind, meta = manifest["kind"], manifest["metadata"]
        metrics.WRITES.labels("patch" if isinstance(action, Trim) else "apply", kind).inc()
        if isinstance(action, Trim):
            live = await self._api.patch(
                kind,
                meta["namespace"],
                meta["name"],
                action.patch,
                "application/json-patch+json",
            )
        else:
            live = await self._applied(key, manifest)
        self._damper.applied(name, content)
        self._observed.wrote(live)

    async def _applied(self, key: Key, manifest: Body) -> Body:
        """Applies. An object that cannot be changed, such as settings that somebody else created
        under our name, is deleted, and recreated once the watch has shown the deletion.
        """
        try:
            return await self._api.apply(manifest)
        except ApiError as error:
            if error.status == 422 and manifest["kind"] in UNCHANGEABLE:
                for live in self._observed.children(key.namespace, key.name):
                    if _name(live) == _name(manifest):
                        await self._act(key, Delete(live))
            raise

    async def _finalize(self, action: Finalize) -> None:
        bot = action.bot
        if FLATTEN_FINALIZER in action.finalizers:
            await self._namespaces.look(bot.namespace)
            if bot.namespace not in self._namespaces.open():
                return
        elif bot.namespace in self._namespaces.ending:
            _log.warning(
                "%s/%s is deleted with its namespace; its position is not sold",
                bot.namespace,
                bot.name,
            )
        body = {"metadata": {"uid": bot.uid, "finalizers": list(action.finalizers)}}
        metrics.WRITES.labels("patch", KIND).inc()
        try:
            await self._api.patch(
                KIND, bot.namespace, bot.name, body, "application/merge-patch+json"
            )
        except ApiError as error:
            if error.status != 404:
                raise
        if action.event:
            kind = "Normal" if action.event.reason == "Flattened" else "Warning"
            await self._status_writer.emit(bot, kind, action.event)

    async def _look_at_bot(self, key: Key) -> None:
        bot = self._observed.bot(key.namespace, key.name)
        if bot is None:
            self._status_writer.forget(key.namespace, key.name)
            return
        failures = {
            unit.name: self._failures[(bot.namespace, unit.name)]
            for unit in units(bot)
            if (bot.namespace, unit.name) in self._failures
        }
        again = await self._status_writer.look(bot, self._refusal(bot), failures)
        if again is not None:
            self.queue.add(key, delay=again)

    async def _tick(self) -> None:
        """Queues the canary, and updates the gauges."""
        while True:
            self.queue.add(Key("canary"))
            for _ in range(int(CANARY_SECONDS if self.canary.seen else 1)):
                metrics.QUEUE_DEPTH.set(len(self.queue))
                metrics.QUEUE_AGE.set(self.queue.age())
                metrics.CANARY_AGE.set(self.canary.age())
                await asyncio.sleep(1)

    async def _resync(self) -> None:
        """Queues everything again at intervals, spread over time."""
        while True:
            await asyncio.sleep(self._settings.resync_seconds * random.uniform(0.8, 1.2))  # noqa: S311
            self._listed_all()
            for namespace in self._namespaces.open():
                for bot in self._observed.bots(namespace):
                    delay = random.uniform(0, self._settings.resync_seconds / 10)  # noqa: S311
                    self.queue.add(Key("bot", namespace, bot.name), delay=delay)
                    for unit in units(bot):
                        self.queue.add(Key("unit", namespace, unit.name), delay=delay)


def _unit_of(bots: list[TradeBot], name: str) -> Unit | None:
    return next((unit for bot in bots for unit in units(bot) if unit.name == name), None)


def _stays(bot: TradeBot) -> bool:
    """Whether the bot still needs its feed: until it is deleted, or has been flattened."""
    return bot.deleted_at is None or FLATTEN_FINALIZER in bot.finalizers


def _name(manifest: Body) -> Hashable:
    meta = manifest["metadata"]
    return manifest["kind"], meta["namespace"], meta["name"]
