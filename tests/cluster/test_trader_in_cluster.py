"""A trader's lease and report on a real API server, with the rights of its own account."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import msgspec
import pytest
from apiserver import BOTS, Api
from service_accounts import Account

from tradebot.platform.cluster import ClusterApi
from tradebot.platform.control import order
from tradebot.trader.bot_report import BotReport, LastDecision, LastFill, LimitsLeft, ModelCard
from tradebot.trader.cluster.lease import LeaseObject
from tradebot.trader.cluster.orders import BotOrders
from tradebot.trader.cluster.status import StatusReporter
from tradebot.trader.control.report import Condition
from tradebot.trader.lease import LeaseError
from tradebot.trader.renewed_lease import RenewedLease, Term

pytestmark = pytest.mark.cluster


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def lease(
    account: Account, holder: str, clock: Clock | None = None, bot: str = "btc"
) -> AsyncIterator[RenewedLease]:
    client = account.api()
    place = LeaseObject(client, namespace=account.namespace, bot=bot)
    kept = RenewedLease(place, holder=holder, **({"clock": clock} if clock else {}))
    yield kept
    await kept.release()


async def test_every_holder_gets_a_higher_epoch(account: Account) -> None:
    for expected in (1, 2, 3):
        async with lease(account, f"pod-{expected}") as held:
            assert await held.acquire() == expected
            assert held.held()
        assert not held.held()


async def test_a_second_trader_waits_while_the_first_renews(account: Account) -> None:
    async with lease(account, "first") as first:
        await first.acquire()
        async with lease(account, "second") as second:
            waiting = asyncio.create_task(second.acquire())
            await asyncio.sleep(3)
            assert not waiting.done()
            assert first.held() and not second.held()
            await first.release()
            assert await asyncio.wait_for(waiting, 5) == 2


async def test_a_container_that_restarts_in_its_pod_follows_itself_at_once(
    account: Account,
) -> None:
    async with lease(account, "pod") as before:
        await before.acquire()
        async with lease(account, "pod") as after:
            assert await asyncio.wait_for(after.acquire(), 2) == 2


async def test_a_holder_that_cannot_renew_stops_before_another_may_follow(
    account: Account,
) -> None:
    clock = Clock()
    async with lease(account, "pod", clock) as held:
        await held.acquire()
        clock.now += 9.9
        assert held.held()
        clock.now += 0.2
        assert not held.held()
        clock.now -= 5
        assert not held.held(), "once lost it stays lost"


async def test_a_holder_raises_its_epoch_above_that_of_a_journal_which_outlived_the_lease(
    account: Account,
) -> None:
    async with lease(account, "pod") as held:
        assert await held.acquire() == 1
        assert await held.exceed(7) == 8
        assert held.held()
        await asyncio.sleep(Term().renew + 1)
        assert held.held(), "it is renewed under its new epoch"
    async with lease(account, "next") as following:
        assert await following.acquire() == 9


async def test_who_lost_the_lease_raises_no_epoch(account: Account) -> None:
    async with lease(account, "pod") as before:
        await before.acquire()
        async with lease(account, "pod") as after:
            await after.acquire()
            with pytest.raises(LeaseError, match="lost"):
                await before.exceed(7)
            assert await after.exceed(7) == 8


async def test_the_lease_goes_with_its_tradebot(account: Account, api: Api) -> None:
    async with lease(account, "pod") as held:
        await held.acquire()
        path = f"/apis/coordination.k8s.io/v1/namespaces/{account.namespace}/leases/trader-btc"
        (owner,) = api.get(path)["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["name"]) == ("TradeBot", "btc")


async def test_a_trader_cannot_take_the_lease_of_another_bot(account: Account) -> None:
    async with lease(account, "pod", bot="eth") as other:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(other.acquire(), 2)


def conditions(fresh: bool = True, message: str = "heard") -> list[Condition]:
    return [
        Condition(type="Reconciled", status=True, reason="Reconciled", message="agreed"),
        Condition(type="FeedFresh", status=fresh, reason="Heard", message=message),
        Condition(type="WindowsFresh", status=True, reason="Fresh", message="fresh"),
        Condition(type="ModelFresh", status=True, reason="Fresh", message="fresh"),
        Condition(type="Halted", status=False, reason="Running", message="runs"),
    ]


def shown(api: Api, account: Account) -> dict[str, dict[str, Any]]:
    status = api.get(f"{BOTS.format(account.namespace)}/btc").get("status", {})
    return {item["type"]: item for item in status.get("conditions", [])}


async def test_conditions_are_shown_and_a_settled_trader_writes_nothing(
    account: Account, api: Api
) -> None:
    reporter = StatusReporter(account.api(), namespace=account.namespace, bot="btc")
    path = f"{BOTS.format(account.namespace)}/btc"
    await reporter.report(conditions())
    assert shown(api, account)["FeedFresh"]["status"] == "True"
    version = api.get(path)["metadata"]["resourceVersion"]
    for count in range(5):
        await reporter.report(conditions(message=f"heard {count} s ago"))
    assert api.get(path)["metadata"]["resourceVersion"] == version
    before = shown(api, account)["Reconciled"]["lastTransitionTime"]
    await reporter.report(conditions(fresh=False))
    assert shown(api, account)["FeedFresh"]["status"] == "False"
    assert shown(api, account)["Reconciled"]["lastTransitionTime"] == before
    await reporter.close()


async def test_where_the_bot_stands_is_shown_whole(account: Account, api: Api) -> None:
    at = "2026-01-01T00:00:00Z"
    stands = BotReport(
        position="0.5",
        equity="1019.20",
        realised="12.50",
        unrealised="19.20",
        profit="31.70",
        fees="0.80",
        trades_today=2,
        limits_left=LimitsLeft(daily_loss="39.20", drawdown="29.20", orders_this_hour=29),
        open_since=at,
        last_decision=LastDecision(
            action="sell", reason="it fell", since=at, gate="cooldown", exit="stop_loss"
        ),
        last_fill=LastFill(side="buy", price="100", amount="2", fee="0.8", time=at),
        model=ModelCard(
            name="FastProphet", digest="d", fitted_at=at, evaluated=True, rows=9, score="0.0123"
        ),
    )
    reporter = StatusReporter(account.api(), namespace=account.namespace, bot="btc")
    await reporter.report(conditions(), stands)
    status = api.get(f"{BOTS.format(account.namespace)}/btc")["status"]
    assert msgspec.convert(status["bot"], BotReport) == stands
    await reporter.close()


async def test_what_the_operator_says_is_left_alone(account: Account, api: Api) -> None:
    said = {
        "type": "Ready",
        "status": "False",
        "reason": "Starting",
        "message": "x",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    body = {
        "apiVersion": "tradebot.dev/v1alpha1",
        "kind": "TradeBot",
        "metadata": {"name": "btc"},
        "status": {"observedGeneration": 1, "conditions": [said]},
    }
    path = f"{BOTS.format(account.namespace)}/btc/status"
    api.apply(path, body, manager="tradebot-operator").raise_for_status()
    reporter = StatusReporter(account.api(), namespace=account.namespace, bot="btc")
    await reporter.report(conditions())
    assert set(shown(api, account)) == {
        "Ready",
        "Reconciled",
        "FeedFresh",
        "WindowsFresh",
        "ModelFresh",
        "Halted",
    }
    await reporter.close()


async def test_a_trader_may_speak_of_its_own_bot_and_nothing_else(account: Account) -> None:
    client, place = account.api(), BOTS.format(account.namespace)
    apply = {"Content-Type": "application/merge-patch+json"}
    refused = [
        ("PATCH", f"{place}/eth/status", {"status": {}}),
        ("PATCH", f"{place}/btc", {"spec": {"mode": "Live"}}),
        ("GET", f"{place}/eth", None),
        ("GET", place, None),
        ("DELETE", f"{place}/btc", None),
        ("GET", f"/api/v1/namespaces/{account.namespace}/secrets", None),
        ("GET", f"/api/v1/namespaces/{account.namespace}/pods", None),
        ("GET", f"/api/v1/namespaces/{account.namespace}/configmaps", None),
    ]
    for method, path, body in refused:
        answer = await client.request(method, path, body, headers=apply)
        assert answer.status_code == 403, (method, path)
    assert (await client.request("GET", f"{place}/btc")).status_code == 200
    await client.close()


async def test_an_api_server_that_is_away_stops_no_trader(account: Account) -> None:
    nowhere = ClusterApi(folder=account.folder, server="https://127.0.0.1:9")
    reporter = StatusReporter(nowhere, namespace=account.namespace, bot="btc")
    await reporter.report(conditions())
    with pytest.raises(httpx.HTTPError):
        await nowhere.request("GET", "/")
    await reporter.close()


async def test_an_order_in_the_tradebot_reaches_its_trader_and_no_other(
    account: Account, api: Api
) -> None:
    collection = BOTS.format(account.namespace)
    orders = BotOrders(account.api(), namespace=account.namespace, bot="btc").stream()
    first = asyncio.ensure_future(anext(orders))
    for bot, act in (("eth", "flatten"), ("btc", "pause")):
        patch = order(act, because=f"a word to {bot}", by="ann")
        api.merge(f"{collection}/{bot}", patch).raise_for_status()
    control = await asyncio.wait_for(first, 10)
    assert (control.state, control.because, control.by) == ("Paused", "a word to btc", "ann")
    reporter = StatusReporter(account.api(), namespace=account.namespace, bot="btc")
    await reporter.report(conditions(), obeyed=control)
    body = api.get(f"{collection}/btc")
    assert body["status"]["control"] == body["spec"]["control"]


async def test_a_trader_may_watch_its_own_tradebot_alone(account: Account) -> None:
    for name, status in (("btc", 200), ("eth", 403)):
        answer = await account.api().request(
            "GET",
            BOTS.format(account.namespace),
            params={"fieldSelector": f"metadata.name={name}"},
        )
        assert answer.status_code == status


async def test_an_order_without_a_reason_or_of_an_unknown_state_is_refused(
    account: Account, api: Api
) -> None:
    path = f"{BOTS.format(account.namespace)}/btc"
    for control in ({"state": "Paused"}, {"state": "Asleep", "because": "night"}):
        assert api.merge(path, {"spec": {"control": control}}).status_code == 422
