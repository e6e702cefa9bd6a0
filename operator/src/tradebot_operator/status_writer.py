"""Writes a TradeBot's status, and Events about it."""

import logging
import time
from collections.abc import Mapping
from typing import Any

import msgspec

from tradebot_operator import events, metrics, status
from tradebot_operator.api import Api, ApiError
from tradebot_operator.observed import Observed
from tradebot_operator.pods import Trouble, UnitState, unit_state
from tradebot_operator.resource import API_VERSION, KIND, TradeBot
from tradebot_operator.settings import OperatorSettings
from tradebot_operator.stages.table import units
from tradebot_operator.units import Unit
from tradebot_operator.updates import waiting_changes

_log = logging.getLogger(__name__)

SETTLE_SECONDS = 10.0
"""Seconds during which a starting bot's steps are collected into one write."""
RECHECK_SECONDS = 3.0
LATE_RECHECK_SECONDS = 30.0

Place = tuple[str, str]


class StatusWriter:
    """Stores since when a bot is starting, and since when it has a problem."""

    def __init__(self, api: Api, observed: Observed, settings: OperatorSettings) -> None:
        self._api, self._observed, self._settings = api, observed, settings
        self._unready_since: dict[Place, float] = {}
        self._steps_since: dict[Place, float] = {}

    def forget(self, namespace: str, name: str) -> None:
        """Drops a TradeBot that is gone."""
        self._unready_since.pop((namespace, name), None)
        self._steps_since.pop((namespace, name), None)

    async def look(
        self, bot: TradeBot, refusal: Trouble | None, failures: Mapping[str, str]
    ) -> float | None:
        """Writes what is new; returns the seconds until the next check, if one is needed.

        Args:
            refusal: why the bot may not run at all.
            failures: by unit, the API server's last response to a failed write.

        Raises:
            ApiError: the status was refused.
        """
        found = [(unit, await self._state(bot, unit)) for unit in units(bot)]
        waiting = waiting_changes(bot, self._settings)
        wanted = status.conditions(bot, refusal, found, failures, waiting=waiting)
        wait = self._settling(bot, wanted)
        if wait <= 0 and status.changed(bot, wanted):
            await self._write(bot, wanted)
        again = [seconds for seconds in (wait, self._recheck(bot, found)) if seconds > 0]
        return min(again, default=None)

    async def emit(self, bot: TradeBot, kind: str, trouble: Trouble) -> None:
        """Emits an Event about the bot; `kind` is Normal or Warning."""
        metrics.WRITES.labels("create", "Event").inc()
        try:
            await self._api.create(events.event(bot, kind, trouble.reason, trouble.message))
        except ApiError as error:
            _log.info("an event was rejected: %s", error)

    def _settling(self, bot: TradeBot, wanted: list[dict[str, Any]]) -> float:
        """Returns the seconds to wait before writing: the steps of a start are one write."""
        place, now = (bot.namespace, bot.name), time.monotonic()
        if not status.changed(bot, wanted) or not status.is_step(bot, wanted):
            self._steps_since.pop(place, None)
            return 0.0
        return self._steps_since.setdefault(place, now) + SETTLE_SECONDS - now

    async def _state(self, bot: TradeBot, unit: Unit) -> UnitState:
        deployment = self._observed.deployment(bot.namespace, unit.name)
        pods = self._observed.pods(bot.namespace, unit.name)
        state = unit_state(unit.stage, deployment, pods)
        if state.trouble is None or not state.trouble.waiting:
            return state
        selector = f"involvedObject.name={state.trouble.pod},involvedObject.kind=Pod"
        listed = await self._api.listed("Event", bot.namespace, selector)
        found = events.trouble_of(unit.stage, listed["items"])
        return msgspec.structs.replace(state, trouble=found) if found else state

    def _recheck(self, bot: TradeBot, found: list[tuple[Unit, UnitState]]) -> float:
        """Checks a waiting pod again for a while: no event comes when the reason appears."""
        place, now = (bot.namespace, bot.name), time.monotonic()
        if bot.deleted_at or all(state.trouble is None for _, state in found):
            self._unready_since.pop(place, None)
            return 0.0
        early = now - self._unready_since.setdefault(place, now) < LATE_RECHECK_SECONDS
        return RECHECK_SECONDS if early else LATE_RECHECK_SECONDS

    async def _write(self, bot: TradeBot, wanted: list[dict[str, Any]]) -> None:
        body: dict[str, Any] = {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": {"name": bot.name},
            "status": {
                "observedGeneration": bot.generation,
                "strategy": bot.spec.strategy.label,
                "conditions": wanted,
            },
        }
        if bot.applied:
            body["status"]["applied"] = msgspec.to_builtins(bot.applied)
        metrics.WRITES.labels("apply", "TradeBotStatus").inc()
        try:
            await self._api.apply_status(bot.namespace, body)
        except ApiError as error:
            if error.status == 404:
                return
            raise
        self._steps_since.pop((bot.namespace, bot.name), None)
        ready, shown = wanted[0], bot.condition("Ready")
        before = (shown.status, shown.reason) if shown else None
        if before != (ready["status"], ready["reason"]):
            condition = (ready["status"], ready["reason"], ready["message"])
            _log.info("TradeBot %s/%s: Ready is %s, %s: %s", bot.namespace, bot.name, *condition)
        if before != (ready["status"], ready["reason"]) and ready["reason"] not in status.PASSING:
            kind = "Normal" if ready["status"] == "True" else "Warning"
            await self.emit(bot, kind, Trouble(ready["reason"], ready["message"]))
