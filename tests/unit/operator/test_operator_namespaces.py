"""A namespace that is being deleted, or gone, is not blocked, and blocks no other."""

import asyncio
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from waiting.virtual_time import VirtualTime

from tradebot_operator import namespaces as looking
from tradebot_operator.api import Api, ApiError
from tradebot_operator.namespaces import Namespaces, NothingToServeError
from tradebot_operator.reconcile import Finalize, release
from tradebot_operator.resource import FLATTEN_FINALIZER, TradeBot, parse


class Server:
    """Its responses for a namespace, by name."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked = 0

    async def namespace(self, name: str) -> dict[str, Any]:
        self.asked += 1
        answer = self.answers[name]
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)


ACTIVE: dict[str, Any] = {"metadata": {"name": "x"}}
ENDING: dict[str, Any] = {"metadata": {"name": "x", "deletionTimestamp": "2026-01-01T00:00:00Z"}}
FORBIDDEN = ApiError(403, "Forbidden", "may not be read")
MISSING = ApiError(404, "NotFound", "not found")


def made(server: Server) -> Namespaces:
    return Namespaces(cast(Api, server), list(server.answers))


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch, virtual_time: VirtualTime) -> None:
    monkeypatch.setattr(looking, "START_TRIES", 1)


async def looks(times: int) -> None:
    """Lets the time of that many checks of a held namespace pass."""
    await asyncio.sleep((times - 0.5) * looking.HOLDING_SECONDS)


async def test_what_is_there_is_served_and_what_is_not_or_may_not_be_read_is_left_out() -> None:
    found = made(Server(a=ACTIVE, b=MISSING, c=FORBIDDEN, d=ENDING))
    assert await found.find() == ("a", "d")
    assert found.open() == ("a",)


async def test_with_nothing_to_serve_a_sentence_says_what_to_check() -> None:
    with pytest.raises(NothingToServeError, match=r"namespaces a, b can be read.*Role"):
        await made(Server(a=MISSING, b=FORBIDDEN)).find()


@pytest.mark.parametrize("error", [TimeoutError(), OSError(), ApiError(500, "", "broken")])
async def test_a_namespace_that_cannot_be_read_keeps_its_state(error: Exception) -> None:
    server = Server(a=ACTIVE, b=ENDING)
    found = made(server)
    await found.find()
    server.answers |= {"a": error, "b": error}
    assert await found.find() == ("a", "b")
    assert found.open() == ("a",)


async def test_a_namespace_that_holds_something_is_looked_at_often_and_the_others_seldom() -> None:
    held, idle = Server(a=ACTIVE), Server(b=ACTIVE)
    for server, holds in ((held, True), (idle, False)):
        following = asyncio.create_task(made(server).follow(lambda _, h=holds: h, lambda _: None))  # type: ignore[misc]
        await looks(6)
        following.cancel()
    assert held.asked == 6
    assert idle.asked == 1


async def test_following_reports_one_that_is_being_deleted_and_ends_when_it_is_gone() -> None:
    server = Server(a=ACTIVE, b=ACTIVE)
    found, told = made(server), list[str]()
    await found.find()
    following = asyncio.create_task(found.follow(lambda _: True, told.append))
    await looks(2)
    assert told == [] and not following.done()
    server.answers["b"] = ENDING
    await looks(2)
    assert set(told) == {"b"} and not following.done()
    server.answers["b"] = FORBIDDEN
    await following
    assert found.served() == ("a",)


async def test_following_ends_when_one_that_was_gone_is_back() -> None:
    server = Server(a=ACTIVE, b=MISSING)
    found = made(server)
    await found.find()
    following = asyncio.create_task(found.follow(lambda _: False, lambda _: None))
    await looks(2)
    assert not following.done()
    server.answers["b"] = ACTIVE
    await following
    assert found.served() == ("a", "b")


def bot(*finalizers: str) -> TradeBot:
    meta = {
        "namespace": "bots",
        "name": "btc",
        "uid": "u",
        "generation": 1,
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "deletionTimestamp": datetime.now(UTC).isoformat(),
        "finalizers": list(finalizers),
    }
    return parse({"metadata": meta, "spec": {"symbol": "BTCUSD", "deletionPolicy": "Flatten"}})


def test_a_bot_is_let_go_and_keeps_the_finalizers_of_others() -> None:
    held = bot("others.dev/x", FLATTEN_FINALIZER)
    assert release(held) == [Finalize(held, ("others.dev/x",))]
    assert release(bot("others.dev/x")) == []
