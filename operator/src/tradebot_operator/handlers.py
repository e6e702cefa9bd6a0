"""kopf's part: watches, maintains the indices, and wakes the workers. It decides nothing."""

import asyncio
import contextlib
import logging
import os
from collections.abc import Mapping, Sequence
from typing import Any

import kopf
import msgspec

from tradebot_operator import metrics, naming
from tradebot_operator.api import CHILDREN, RESOURCES, Api
from tradebot_operator.keys import Key
from tradebot_operator.login import configuration, login
from tradebot_operator.namespaces import Namespaces
from tradebot_operator.observed import CONFIG_MAP, Observed, bot_keys, child_keys, trim
from tradebot_operator.queue import WorkQueue
from tradebot_operator.resource import GROUP, KIND, PLURAL, VERSION, parse
from tradebot_operator.server import Server
from tradebot_operator.settings import OperatorSettings
from tradebot_operator.strategy_code import code_map
from tradebot_operator.worker import Worker

_log = logging.getLogger(__name__)


class StartError(Exception):
    """The operator cannot start, and a retry would not help."""


class Operator:
    """One operator of the existing namespaces. Its handlers are registered in `registry`; its
    worker lives while it runs.
    """

    def __init__(self, settings: OperatorSettings) -> None:
        self.settings = settings
        self.registry = kopf.OperatorRegistry()
        self.kopf_settings = kopf_settings()
        self._api = Api(configuration)
        self._namespaces = Namespaces(self._api, settings.namespaces)
        self._worker: Worker | None = None
        self._task: asyncio.Task[None] | None = None
        self._server: Server | None = None
        self._register()

    async def run(self) -> bool:
        """Runs until a signal, or until a served namespace is created or deleted; returns whether
        to restart. kopf watches only the namespaces that it started with, and stops altogether
        once it may not read one of them.

        Raises:
            NothingToServeError: no namespace exists.
            StartError: its port is taken.
        """
        try:
            served = await self._namespaces.find()
            return await self._run(served)
        finally:
            await self._api.close()

    async def _run(self, served: Sequence[str]) -> bool:
        others = asyncio.Event()
        following = asyncio.create_task(self._follow(others))
        try:
            await kopf.operator(
                registry=self.registry,
                settings=self.kopf_settings,
                namespaces=served,
                standalone=True,
                stop_flag=others,
            )
        except Exception as error:
            if isinstance(error.__cause__, kopf.PermanentError):
                raise StartError(str(error.__cause__)) from error
            await self._namespaces.find()
            if self._namespaces.served() == served:
                raise
            return True
        finally:
            following.cancel()
        return others.is_set()

    async def _follow(self, others: asyncio.Event) -> None:
        await self._namespaces.follow(
            lambda name: self._worker is not None and self._worker.holds(name),
            lambda name: self._worker.let_go(name) if self._worker is not None else None,
        )
        others.set()

    def _register(self) -> None:
        registry = self.registry
        kopf.on.login(registry=registry)(login)
        kopf.on.startup(registry=registry)(self._start)
        kopf.on.cleanup(registry=registry)(self._stop)
        kopf.index(GROUP, VERSION, PLURAL, id="bots", registry=registry)(_index_bot)
        kopf.on.event(GROUP, VERSION, PLURAL, id="bot", registry=registry)(self._bot_event)
        labels: Any = {naming.MANAGED_BY: naming.MANAGER}
        for kind in (*CHILDREN, "Pod"):
            resource = RESOURCES[kind]
            watched = {"labels": labels, "param": kind, "registry": registry}
            kopf.index(*resource, id=kind, **watched)(_index_child)
            kopf.on.event(*resource, id=f"{kind}-event", **watched)(self._child_event)
        config_map: Any = RESOURCES[CONFIG_MAP]
        kopf.index(*config_map, id="codes", registry=registry)(_index_code)
        kopf.on.event(*config_map, id="code", registry=registry)(self._code_event)

    async def _start(self, **indices: Any) -> None:
        children = [indices[kind] for kind in CHILDREN]
        observed = Observed(indices["bots"], children, indices["Pod"], indices["codes"])
        queue: WorkQueue[Key] = WorkQueue(urgent=lambda key: key.kind != "bot")
        self._worker = Worker(self.settings, self._api, observed, queue, self._namespaces)
        self._server = Server(self._worker.canary, observed, self.settings)
        try:
            await self._server.start()
        except OSError as error:
            raise kopf.PermanentError(
                f"httpPort {self.settings.http_port}: {os.strerror(error.errno or 0)}; if "
                "another operator runs here, set another httpPort in the file named by "
                "TRADEBOT_OPERATOR_CONFIG"
            ) from error
        self._task = asyncio.create_task(self._worker.run())

    async def _stop(self, **_: Any) -> None:
        if self._server is not None:
            await self._server.stop()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _bot_event(
        self,
        *,
        type: str | None,  # noqa: A002  # kopf's name
        namespace: str | None,
        name: str,
        **_: Any,
    ) -> None:
        assert self._worker is not None and namespace
        metrics.LAST_EVENT.set_to_current_time()
        if type is None:
            self._worker.listed(KIND, namespace)
        self._worker.bot_changed(namespace, name)

    async def _child_event(
        self,
        *,
        type: str | None,  # noqa: A002  # kopf's name
        uid: str | None,
        namespace: str | None,
        labels: Mapping[str, str],
        param: Any = "",
        **_: Any,
    ) -> None:
        assert self._worker is not None and namespace and uid
        metrics.LAST_EVENT.set_to_current_time()
        if type is None:
            self._worker.listed(param, namespace)
        gone = type == "DELETED"
        self._worker.child_changed(param, namespace, dict(labels), uid, gone=gone)

    async def _code_event(self, *, namespace: str | None, name: str, **_: Any) -> None:
        assert self._worker is not None and namespace
        self._worker.code_changed(namespace, name)


def kopf_settings() -> kopf.OperatorSettings:
    """Returns kopf's settings: no annotations, finalizers, cluster scans or posted logs."""
    settings = kopf.OperatorSettings()
    settings.scanning.disabled = True
    settings.posting.enabled = False
    settings.persistence.diffbase_storage = _NoDifferences()
    # Reconnects within seconds of the API server's return, however long it was away.
    settings.networking.error_backoffs = (1, 1, 2, 3) + (5,) * 1000
    settings.networking.connect_timeout = 5
    settings.networking.request_timeout = 30
    # A dead connection is noticed before the canary reports a silent watch. A watch that ends
    # regularly returns a version from which the next one continues.
    settings.watching.server_timeout = 25
    settings.watching.inactivity_timeout = 35
    selector = f"{naming.MANAGED_BY}={naming.MANAGER}"
    for kind in (*CHILDREN, "Pod"):
        if kind == CONFIG_MAP:
            continue  # strategies are in ConfigMaps that are not ours
        settings.watching.label_selectors[RESOURCES[kind]] = selector
    return settings


class _NoDifferences(kopf.DiffBaseStorage):
    """Saves kopf the copies of objects that it compares to find changes: `reconcile` compares."""

    def build(self, **_: Any) -> kopf.BodyEssence:
        return {}

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        """Stores nothing in the objects."""


# Coroutines: kopf runs a plain function in a thread each time, costly for a thousand bots.
async def _index_bot(*, body: Any, **_: Any) -> dict[Any, Any]:
    try:
        return bot_keys(parse(dict(body)))
    except msgspec.ValidationError as error:
        _log.error("TradeBot %s cannot be read: %s", body["metadata"]["name"], error)
        return {}


async def _index_child(*, body: Any, param: Any = "", **_: Any) -> dict[Any, Any]:
    return child_keys(trim(param, body))


async def _index_code(*, body: Any, **_: Any) -> dict[Any, Any]:
    metadata = body["metadata"]
    if metadata.get("labels", {}).get(naming.MANAGED_BY) == naming.MANAGER:
        return {}
    return {("code", metadata["namespace"], metadata["name"]): code_map(body)}
