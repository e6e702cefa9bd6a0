"""Cleanup before the chart is uninstalled: stops the operator and removes finalizers.

A finalizer without an operator to remove it would block a TradeBot, and its namespace, forever. The
TradeBots stay; one that is deleted later is gone at once, without selling.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp

from tradebot_operator.api import Api, ApiError
from tradebot_operator.login import configuration
from tradebot_operator.resource import FLATTEN_FINALIZER, KIND
from tradebot_operator.settings import OperatorSettings

ENDING_SECONDS = 30.0
"""Seconds for the operator's pod to terminate."""
LOOK_SECONDS = 1.0
MERGE = "application/merge-patch+json"


class UninstallError(Exception):
    """The operator did not stop, or the API server could not be reached."""


async def let_go(settings: OperatorSettings, deployment: str) -> None:
    """Waits until the operator has sold what it is selling, stops it, and removes the finalizers.

    Args:
        deployment: the operator's own, in the namespace of the settings.

    Raises:
        UninstallError: the operator did not stop, or the API server could not be reached.
    """
    api = Api(configuration)
    try:
        await Uninstall(api, settings, deployment).run()
    except (ApiError, aiohttp.ClientError, TimeoutError, OSError) as error:
        raise UninstallError(f"the TradeBots were not released: {error or repr(error)}") from None
    finally:
        await api.close()


class Uninstall:
    """One cleanup; it can be repeated at any point."""

    def __init__(self, api: Api, settings: OperatorSettings, deployment: str) -> None:
        self._api, self._settings, self._deployment = api, settings, deployment

    async def run(self) -> None:
        """Runs the cleanup, and prints what was done.

        Raises:
            ApiError: the operator's Deployment may not be changed.
            UninstallError: the operator did not stop.
        """
        await _until(self._nothing_is_sold, self._settings.flatten_seconds)
        selector = await self._end()
        if selector and not await _until(lambda: self._has_ended(selector), ENDING_SECONDS):
            raise UninstallError(
                f"{self._deployment} did not stop within {ENDING_SECONDS:g} s: delete its pod"
            )
        for meta in await self._held():
            await self._release(meta)

    async def _nothing_is_sold(self) -> bool:
        return not any("deletionTimestamp" in meta for meta in await self._held())

    async def _end(self) -> str:
        """Scales the operator to zero; returns its pods' selector, empty if it does not exist."""
        name, namespace = self._deployment, self._settings.namespace
        body = {"spec": {"replicas": 0}}
        try:
            live = await self._api.patch("Deployment", namespace, name, body, MERGE)
        except ApiError as error:
            if error.status == 404:
                return ""
            raise
        labels: dict[str, str] = live["spec"]["selector"]["matchLabels"]
        return ",".join(f"{key}={value}" for key, value in labels.items())

    async def _has_ended(self, selector: str) -> bool:
        return not await self._api.listed_metadata("Pod", self._settings.namespace, selector)

    async def _held(self) -> list[dict[str, Any]]:
        """Returns the metadata of the TradeBots with our finalizer; empty for a namespace that
        does not exist or may not be read.
        """
        found: list[dict[str, Any]] = []
        for namespace in self._settings.namespaces:
            try:
                listed = await self._api.listed(KIND, namespace)
            except ApiError as error:
                if error.status not in (403, 404):
                    raise
                _print(f"namespace {namespace} is skipped: {error}")
                continue
            found += [item["metadata"] for item in listed["items"]]
        return [meta for meta in found if FLATTEN_FINALIZER in meta.get("finalizers", ())]

    async def _release(self, meta: dict[str, Any]) -> None:
        namespace, name = meta["namespace"], meta["name"]
        rest = [item for item in meta["finalizers"] if item != FLATTEN_FINALIZER]
        body = {"metadata": {"uid": meta["uid"], "finalizers": rest}}
        try:
            await self._api.patch(KIND, namespace, name, body, MERGE)
        except ApiError as error:
            if error.status != 404:
                raise
        _print(f"TradeBot {namespace}/{name} is released: deleting it no longer sells its position")


def _print(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


async def _until(check: Callable[[], Awaitable[bool]], seconds: float) -> bool:
    end = asyncio.get_running_loop().time() + seconds
    while not await check():
        if asyncio.get_running_loop().time() > end:
            return False
        await asyncio.sleep(LOOK_SECONDS)
    return True
