"""Before the chart is uninstalled the operator stops, and its finalizers are removed."""

from typing import Any, cast

import msgspec
import pytest

from tradebot_operator import uninstall
from tradebot_operator.api import Api, ApiError, Listed
from tradebot_operator.resource import FLATTEN_FINALIZER
from tradebot_operator.settings import OperatorSettings
from tradebot_operator.uninstall import Uninstall, UninstallError

SETTINGS = msgspec.convert(
    {
        "namespace": "home",
        "watchNamespaces": ["bots", "gone"],
        "flattenSeconds": 0.05,
        "images": {"services": "s", "forecast": "f"},
        "kafka": {"bootstrap": "k:9092"},
    },
    OperatorSettings,
)


def meta(name: str, *finalizers: str, **fields: Any) -> dict[str, Any]:
    return {
        "namespace": "bots",
        "name": name,
        "uid": f"uid-{name}",
        "finalizers": list(finalizers),
    } | fields


class Server:
    """TradeBots in one namespace, and an operator whose pod ends after some checks."""

    def __init__(self, *bots: dict[str, Any], ends_after: int = 1) -> None:
        self.bots = {bot["name"]: bot for bot in bots}
        self.ends_after = ends_after
        self.done: list[str] = []

    async def listed(self, kind: str, namespace: str) -> dict[str, Any]:
        if namespace == "gone":
            raise ApiError(403, "Forbidden", "may not be read")
        self.done.append("listed")
        return {"items": [{"metadata": bot} for bot in self.bots.values()]}

    async def listed_metadata(self, kind: str, namespace: str, selector: str) -> list[Listed]:
        assert (kind, namespace, selector) == ("Pod", "home", "component=operator")
        self.ends_after -= 1
        return [Listed("pod", "u")] if self.ends_after >= 0 else []

    async def patch(self, kind: str, namespace: str, name: str, body: Any, _: str) -> Any:
        self.done.append(f"{kind} {namespace}/{name}")
        if kind == "Deployment":
            assert body == {"spec": {"replicas": 0}}
            return {"spec": {"selector": {"matchLabels": {"component": "operator"}}}}
        assert self.ends_after < 0, "an operator that runs would hold it again"
        self.bots[name]["finalizers"] = body["metadata"]["finalizers"]
        return {}


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uninstall, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(uninstall, "ENDING_SECONDS", 0.2)


async def run(server: Server) -> None:
    await Uninstall(cast(Api, server), SETTINGS, "tradebot-operator").run()


async def test_the_operator_ends_before_the_finalizers_go_and_those_of_others_stay(
    capsys: pytest.CaptureFixture[str],
) -> None:
    server = Server(meta("a", FLATTEN_FINALIZER, "others.dev/x"), meta("b"), ends_after=3)
    await run(server)
    assert server.bots["a"]["finalizers"] == ["others.dev/x"]
    assert [what for what in server.done if what != "listed"] == [
        "Deployment home/tradebot-operator",
        "TradeBot bots/a",
    ]
    said = capsys.readouterr().out
    assert "TradeBot bots/a is released: deleting it no longer sells its position" in said
    assert "namespace gone is skipped" in said


async def test_a_bot_that_is_being_sold_is_waited_for_but_not_forever() -> None:
    server = Server(meta("a", FLATTEN_FINALIZER, deletionTimestamp="2026-01-01T00:00:00Z"))
    await run(server)
    assert server.done.index("Deployment home/tradebot-operator") > 2
    assert server.bots["a"]["finalizers"] == []


async def test_an_operator_that_does_not_end_is_named_and_nothing_is_taken_from_it() -> None:
    server = Server(meta("a", FLATTEN_FINALIZER), ends_after=1000)
    with pytest.raises(UninstallError, match="tradebot-operator did not stop"):
        await run(server)
    assert server.bots["a"]["finalizers"] == [FLATTEN_FINALIZER]
