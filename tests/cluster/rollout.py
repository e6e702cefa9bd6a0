"""Watches a trader's pods and settings while it is restarted."""

import threading
from typing import Any, Self

from apiserver import Api

BOT = "tradebot.dev/bot"


class Rollout:
    """What was seen of a bot's trader since `with` began.

    Attributes:
        looks: number of checks.
        at_once: maximum number of pods that may have acted at the same time.
        missing: the ConfigMaps that its Deployment named and that did not exist.
    """

    def __init__(self, api: Api, namespace: str, bot: str) -> None:
        self._api, self._namespace, self._bot = api, namespace, bot
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.looks = self.at_once = 0
        self.missing: list[str] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.1):
            self.looks += 1
            pods = self._api.get(f"/api/v1/namespaces/{self._namespace}/pods")["items"]
            ours = [pod for pod in pods if pod["metadata"]["labels"].get(BOT) == self._bot]
            self.at_once = max(self.at_once, sum(may_act(pod) for pod in ours))
            named = self.config()
            path = f"/api/v1/namespaces/{self._namespace}/configmaps/{named}"
            if not self._api.exists(path) and self.config() == named:
                self.missing.append(named)

    def config(self) -> str:
        """The ConfigMap that the trader's Deployment names."""
        path = f"/apis/apps/v1/namespaces/{self._namespace}/deployments/trader-{self._bot}"
        container = self._api.get(path)["spec"]["template"]["spec"]["containers"][0]
        return str(container["envFrom"][0]["configMapRef"]["name"])


def may_act(pod: dict[str, Any]) -> bool:
    """Whether a container of the pod runs."""
    listed = pod["status"].get("containerStatuses", [])
    return any("running" in item["state"] for item in listed)
