"""Writes a trader's conditions and its bot's state to the status of its own TradeBot."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Protocol

import httpx
import msgspec

from tradebot.platform import logs
from tradebot.platform.cluster import ClusterApi, bot_path
from tradebot.platform.control import Control
from tradebot.trader.bot_report import BotReport
from tradebot.trader.cluster import TRADER

REREAD_SECONDS: Final = 30.0
MESSAGE_SECONDS: Final = 60.0
FIGURES_SECONDS: Final = 30.0

_log = logs.get(__name__)


class ConditionLike(Protocol):
    """A trader's condition; see `tradebot.trader.control.report.Condition`."""

    @property
    def type(self) -> str:
        """Its name, such as FeedFresh."""

    @property
    def status(self) -> bool:
        """Whether it holds."""

    @property
    def reason(self) -> str:
        """Why, in one word."""

    @property
    def message(self) -> str:
        """Why, in a sentence."""


class StatusReporter:
    """Writes a trader's conditions and its bot's state to the status of its own TradeBot.

    The status is written when a condition's status or reason changes, when an order was obeyed, or
    when somebody else has changed it. It is written at most once in 30 seconds if only the bot's
    figures change, and at most once a minute if only a message does. A settled trader writes
    nothing.

    Args:
        active: this trader's pod, shown as the one that acts for the bot.
        generation: the TradeBot's generation that the trader's settings are of; 0 omits it.
    """

    def __init__(
        self,
        api: ClusterApi,
        *,
        namespace: str,
        bot: str,
        active: str = "",
        generation: int = 0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api = api
        self._path = bot_path(namespace, bot)
        self._bot = bot
        self._active = active
        self._shown_active = ""
        self._generation = generation
        self._monotonic = monotonic
        self._shown: dict[str, dict[str, Any]] = {}
        self._shown_bot: BotReport | None = None
        self._shown_control: dict[str, str] = {}
        self._read_at = float("-inf")
        self._written_at = float("-inf")

    async def report(
        self,
        conditions: Sequence[ConditionLike],
        bot: BotReport | None = None,
        obeyed: Control | None = None,
    ) -> None:
        """Writes what differs from the status; never raises."""
        try:
            await self._report(conditions, bot, obeyed)
        except httpx.HTTPError as error:
            self._read_at = float("-inf")
            _log.warning("could not report the status", error=repr(error))

    async def close(self) -> None:
        """Closes the connections."""
        await self._api.close()

    async def _report(
        self, conditions: Sequence[ConditionLike], bot: BotReport | None, obeyed: Control | None
    ) -> None:
        now = self._monotonic()
        if now - self._read_at > REREAD_SECONDS:
            answer = await self._api.request("GET", self._path)
            answer.raise_for_status()
            status = answer.json().get("status", {})
            self._shown = {item["type"]: item for item in status.get("conditions", [])}
            self._shown_bot = _read(status.get("bot"))
            self._shown_active = status.get("activeTrader", "")
            self._shown_control = status.get("control", {})
            self._read_at = now
        wanted = [self._item(condition) for condition in conditions]
        bot = bot or self._shown_bot
        control = _without_empty(obeyed)
        told = self._shown_control == control
        if told and not (self._worth_writing(wanted, now) or self._moved(bot, now)):
            return
        body: dict[str, Any] = {
            "apiVersion": "tradebot.dev/v1alpha1",
            "kind": "TradeBot",
            "metadata": {"name": self._bot},
            "status": {"conditions": wanted},
        }
        if self._active:
            body["status"]["activeTrader"] = self._active
        if control:
            body["status"]["control"] = control
        if bot:
            body["status"]["bot"] = msgspec.to_builtins(bot)
        answer = await self._api.request(
            "PATCH",
            f"{self._path}/status",
            body,
            params={"fieldManager": TRADER, "force": "true"},
            headers={"Content-Type": "application/apply-patch+yaml"},
        )
        answer.raise_for_status()
        self._written_at = now
        self._shown = {item["type"]: item for item in wanted}
        self._shown_bot, self._shown_active = bot, self._active
        self._shown_control = control

    def _item(self, condition: ConditionLike) -> dict[str, Any]:
        status = "True" if condition.status else "False"
        shown = self._shown.get(condition.type, {})
        same = shown.get("status") == status
        item: dict[str, Any] = {
            "type": condition.type,
            "status": status,
            "reason": condition.reason or "Unknown",
            "message": condition.message[:2048],
            "lastTransitionTime": shown["lastTransitionTime"] if same else _seconds(),
        }
        if self._generation:
            item["observedGeneration"] = self._generation
        return item

    def _worth_writing(self, wanted: list[dict[str, Any]], now: float) -> bool:
        if self._active and self._shown_active != self._active:
            return True
        message_due = now - self._written_at > MESSAGE_SECONDS
        for item in wanted:
            shown = self._shown.get(item["type"], {})
            if item == {key: shown.get(key) for key in item}:
                continue
            only_message = {**shown, "message": ""} == {**item, "message": ""}
            if not only_message or message_due:
                return True
        return False

    def _moved(self, bot: BotReport | None, now: float) -> bool:
        """Whether the bot's figures changed, and enough time has passed to write them."""
        if bot is None or now - self._written_at < FIGURES_SECONDS:
            return False
        return self._shown_bot is None or bot.settled() != self._shown_bot.settled()


def _without_empty(obeyed: Control | None) -> dict[str, str]:
    """Returns the order as it is in the spec: without the fields that were not given."""
    fields = {} if obeyed is None else msgspec.to_builtins(obeyed)
    return {name: value for name, value in fields.items() if value}


def _read(shown: Any) -> BotReport | None:
    """Parses the bot's report in the status; `None` if another version wrote it."""
    try:
        return msgspec.convert(shown, BotReport | None)
    except msgspec.ValidationError:
        return None


def _seconds() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
