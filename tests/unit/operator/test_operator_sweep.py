"""Deletions during a broken watch are noticed."""

from typing import Any

import pytest

from tradebot_operator.api import Api, Listed
from tradebot_operator.canary import Canary
from tradebot_operator.observed import Observed, bot_keys, child_keys, trim
from tradebot_operator.resource import TradeBot, parse
from tradebot_operator.sweep import sweep


def child(name: str, kind: str = "Deployment", namespace: str = "bots") -> dict[str, Any]:
    meta = {
        "name": name,
        "namespace": namespace,
        "uid": f"uid-{name}",
        "resourceVersion": "1",
        "labels": {"tradebot.dev/unit": name},
    }
    return trim(kind, {"metadata": meta, "spec": {"template": {}}})


def bot(name: str) -> TradeBot:
    meta = {
        "namespace": "bots",
        "name": name,
        "uid": f"uid-{name}",
        "generation": 1,
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }
    return parse({"metadata": meta, "spec": {"symbol": "BTCUSD"}})


class Watches:
    """kopf's indices, which keep objects whose deletion no watch has shown."""

    def __init__(self) -> None:
        self.bots: dict[Any, list[Any]] = {}
        self.children: dict[Any, list[Any]] = {}
        self.pods: dict[Any, list[Any]] = {}
        self.observed = Observed(self.bots, [self.children], self.pods, {})

    def show(self, *shown: TradeBot | dict[str, Any]) -> None:
        for item in shown:
            if isinstance(item, TradeBot):
                self._add(self.bots, bot_keys(item))
            elif item["kind"] == "Pod":
                self._add(self.pods, {("unit", "bots", item["metadata"]["name"]): item})
            else:
                self._add(self.children, child_keys(item))

    @staticmethod
    def _add(index: dict[Any, list[Any]], keys: dict[Any, Any]) -> None:
        for key, value in keys.items():
            index.setdefault(key, []).append(value)


class Server(Api):
    """Has the given objects; `meanwhile` happens during a request."""

    def __init__(self, *names: str, meanwhile: Any = lambda: None) -> None:
        self.names, self.meanwhile = names, meanwhile

    async def listed_metadata(
        self, kind: str, namespace: str, label_selector: str = ""
    ) -> list[Listed]:
        self.meanwhile()
        return [Listed(name, f"uid-{name}", 1) for name in self.names]


@pytest.fixture
def watches() -> Watches:
    return Watches()


async def test_a_child_that_is_not_in_the_list_is_no_longer_observed(watches: Watches) -> None:
    watches.show(child("a"), child("b"))
    found = await sweep(Server("a"), watches.observed, "Deployment", "bots")
    assert [(item.name, item.labels) for item in found.gone] == [("b", {"tradebot.dev/unit": "b"})]
    assert watches.observed.children("bots", "a")
    assert watches.observed.children("bots", "b") == []
    again = await sweep(Server("a"), watches.observed, "Deployment", "bots")
    assert again.gone == []


async def test_only_the_kind_and_the_namespace_that_were_listed_are_judged(
    watches: Watches,
) -> None:
    watches.show(child("a", kind="ConfigMap"), child("b", namespace="others"), child("p", "Pod"))
    found = await sweep(Server(), watches.observed, "Deployment", "bots")
    assert found.gone == []
    pods = await sweep(Server(), watches.observed, "Pod", "bots")
    assert [item.name for item in pods.gone] == ["p"]
    assert watches.observed.pods("bots", "p") == []


async def test_what_is_created_during_the_list_request_is_not_gone(watches: Watches) -> None:
    server = Server(meanwhile=lambda: watches.show(child("new")))
    found = await sweep(server, watches.observed, "Deployment", "bots")
    assert found.gone == []
    assert watches.observed.children("bots", "new")


async def test_an_object_of_the_same_name_that_came_after_it_stays(watches: Watches) -> None:
    watches.show(child("a"))
    await sweep(Server(), watches.observed, "Deployment", "bots")
    later = child("a")
    later["metadata"]["uid"] = "another"
    watches.show(later)
    (found,) = watches.observed.children("bots", "a")
    assert found["metadata"]["uid"] == "another"


async def test_the_canary_notices_a_tradebot_that_went_unseen(watches: Watches) -> None:
    watches.show(bot("a"), bot("b"))
    canary = Canary(Server("a"), watches.observed, lambda: ["bots"])
    assert [item.name for item in await canary.look()] == ["b"]
    assert canary.seen
    assert [item.name for item in watches.observed.bots("bots")] == ["a"]
    assert watches.observed.bot("bots", "b") is None
