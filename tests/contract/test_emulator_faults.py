"""Each fault does to a client what its name says, and the same seed does it again."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from raw_gemini import RawGemini, receive

from tradebot.platform.settings import SettingsError
from tradebot.venue.emulator.embedded import EmbeddedEmulator
from tradebot.venue.emulator.faults.injector import Injector
from tradebot.venue.emulator.faults.rules import Chaos, Drop, chaos_rules, read_faults
from tradebot.venue.emulator.settings import EmulatorSettings

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="module")
def emulator() -> Iterator[EmbeddedEmulator]:
    settings = EmulatorSettings(port=0, history_days=1, speed=20, rate_limits=False)
    with EmbeddedEmulator(settings) as running:
        yield running


@pytest.fixture
def venue(emulator: EmbeddedEmulator) -> Iterator[RawGemini]:
    with RawGemini(emulator) as client:
        yield client
        client.calm()
        client.post("/v1/order/cancel/all")


def found(venue: RawGemini, name: str) -> list[dict[str, Any]]:
    answer = venue.post("/v1/order/status", client_order_id=name)
    return answer.json() if answer.status_code == 200 else []


def wait_for(holds: Callable[[], Any], seconds: float = 5.0) -> Any:
    end = time.monotonic() + seconds
    while not (result := holds()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)
    return result


def strikes(venue: RawGemini) -> list[str]:
    return [each["kind"] for each in venue.get("/emulator/faults/log")]


def test_an_order_is_accepted_and_its_answer_lost(venue: RawGemini) -> None:
    venue.fault(kind="drop", where="rest", match="/v1/order/new", count=1)
    with pytest.raises(httpx.RemoteProtocolError):
        venue.order("buy", "1000", "0.1", client_order_id="lost answer")
    assert len(found(venue, "lost answer")) == 1
    assert venue.order("buy", "1000", "0.1").status_code == 200


def test_a_request_is_lost_before_it_is_processed(venue: RawGemini) -> None:
    venue.fault(kind="drop", part="request", match="/v1/order/new", count=1)
    with pytest.raises(httpx.RemoteProtocolError):
        venue.order("buy", "1000", "0.1", client_order_id="never came")
    assert found(venue, "never came") == []


def test_an_answer_breaks_off_in_its_middle(venue: RawGemini) -> None:
    venue.fault(kind="truncate", where="rest", match="/v1/balances", count=1)
    with pytest.raises(httpx.RemoteProtocolError, match="complete"):
        venue.post("/v1/balances")


def test_an_answer_comes_slowly(venue: RawGemini) -> None:
    venue.fault(kind="trickle", where="rest", seconds=0.6, count=1)
    begun = time.monotonic()
    assert venue.post("/v1/balances").status_code == 200
    assert time.monotonic() - begun > 0.5


def test_an_answer_is_late(venue: RawGemini) -> None:
    venue.fault(kind="delay", where="rest", seconds=0.5, count=1)
    with pytest.raises(httpx.ReadTimeout):
        venue.http.post("/v1/balances", headers=venue.headers("/v1/balances"), timeout=0.2)


def test_an_answer_is_overtaken_by_the_next(emulator: EmbeddedEmulator, venue: RawGemini) -> None:
    venue.fault(kind="reorder", where="rest", match="/v1/symbols")

    async def both() -> list[str]:
        order: list[str] = []
        async with httpx.AsyncClient(base_url=emulator.url) as http:

            async def call(path: str) -> None:
                await http.get(path)
                order.append(path)

            first = asyncio.create_task(call("/v1/symbols"))
            await asyncio.to_thread(
                wait_for, lambda: emulator.application.injector.armed()[0].strikes
            )
            await call("/v1/pricefeed")
            await first
        return order

    assert asyncio.run(both()) == ["/v1/pricefeed", "/v1/symbols"]


def test_a_call_that_comes_twice_collides_with_its_own_nonce(venue: RawGemini) -> None:
    venue.fault(kind="duplicate", where="rest", match="/v1/order/new", count=1)
    answer = venue.order("buy", "1000", "0.1", client_order_id="twice sent")
    assert answer.json()["reason"] == "InvalidNonce"
    assert len(found(venue, "twice sent")) == 1


@pytest.mark.parametrize("processed", [False, True])
def test_a_proxy_answers_html(venue: RawGemini, processed: bool) -> None:
    page = "<html>502 Bad Gateway</html>"
    venue.fault(
        kind="error",
        where="rest",
        match="/v1/order/new",
        status=502,
        body=page,
        processed=processed,
        count=1,
    )
    name = f"proxied {processed}"
    answer = venue.order("buy", "1000", "0.1", client_order_id=name)
    assert (answer.status_code, answer.text) == (502, page)
    assert len(found(venue, name)) == processed


def test_an_order_is_accepted_late(venue: RawGemini) -> None:
    venue.fault(kind="accept-late", seconds=0.5, count=1)
    with pytest.raises(httpx.RemoteProtocolError):
        venue.order("buy", "1000", "0.1", client_order_id="late")
    assert found(venue, "late") == []
    assert wait_for(lambda: found(venue, "late"))[0]["is_live"]


def test_an_order_fills_after_its_cancel_was_acknowledged(venue: RawGemini) -> None:
    venue.fault(kind="fill-after-cancel", seconds=0.3, share=0.5, count=1)
    order_id = venue.order("buy", "1000", "0.1").json()["order_id"]
    before = balances(venue)
    cancelled = venue.post("/v1/order/cancel", order_id=order_id).json()
    assert (cancelled["is_cancelled"], cancelled["executed_amount"]) == (True, "0")

    def filled() -> dict[str, Any] | None:
        order = venue.post("/v1/order/status", order_id=order_id).json()
        return order if order["executed_amount"] != "0" else None

    order = wait_for(filled)
    assert (order["is_cancelled"], order["executed_amount"]) == (True, "0.05")
    assert order["remaining_amount"] == "0.05"
    assert balances(venue)["BTC"] - before["BTC"] == Decimal("0.05")
    fills = venue.post("/v1/mytrades", symbol="btcusd", limit_trades=1).json()
    assert fills[0]["order_id"] == order_id


def test_the_rest_of_an_immediate_or_cancel_order_fills_after_it_was_cancelled(
    venue: RawGemini,
) -> None:
    venue.fault(kind="fill-after-cancel", seconds=0.3, count=1)
    options = ["immediate-or-cancel"]
    cancelled = venue.order("buy", "1000", "0.1", options=options).json()
    assert (cancelled["is_cancelled"], cancelled["executed_amount"]) == (True, "0")

    def filled() -> dict[str, Any] | None:
        order = venue.post("/v1/order/status", order_id=cancelled["order_id"]).json()
        return order if order["executed_amount"] != "0" else None

    assert wait_for(filled)["executed_amount"] == "0.1"


def balances(venue: RawGemini) -> dict[str, Decimal]:
    return {each["currency"]: Decimal(each["amount"]) for each in venue.post("/v1/balances").json()}


@pytest.mark.parametrize("options", [["immediate-or-cancel"], []])
async def test_an_order_fills_in_part_and_nothing_more_is_heard(
    venue: RawGemini, options: list[str]
) -> None:
    venue.fault(kind="partial-then-silence", share=0.25, seconds=2, count=1)
    path = "/v1/order/events"
    price = "100" if options else "90000"
    async with venue.connect(path, venue.headers(path)) as socket:
        await receive(socket, 1)
        with pytest.raises(httpx.RemoteProtocolError):
            venue.order("sell", price, "0.1", client_order_id=f"part {price}", options=options)
        kinds = []
        while "fill" not in kinds:
            ((event,),) = await receive(socket, 1)
            kinds.append(event["type"])
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(socket.recv(), 0.5)
    (order,) = found(venue, f"part {price}")
    assert order["executed_amount"] == "0.025"
    assert order["is_live"] is not bool(options)


async def test_the_book_that_a_feed_tells_stays_true_through_orders_faults(
    emulator: EmbeddedEmulator, venue: RawGemini
) -> None:
    market = emulator.exchange.markets["BTCUSD"]
    venue.fault(kind="partial-then-silence", share=0.25, seconds=1)
    book: dict[tuple[str, str], str] = {}
    async with venue.connect("/v1/marketdata/btcusd") as socket:
        for options in (["immediate-or-cancel"], []):
            with pytest.raises(httpx.RemoteProtocolError):
                venue.order("sell", "100" if options else "90000", "3", options=options)
        await asyncio.sleep(0.5)
        emulator.call(market.freeze)
        with pytest.raises(TimeoutError):
            while True:
                message = json.loads(await asyncio.wait_for(socket.recv(), 0.5))
                for event in message["events"]:
                    if event["type"] == "change":
                        book[event["side"], event["price"]] = event["remaining"]
        text = market.instrument
        truth = {
            (side, text.price_text(price)): text.amount_text(size)
            for side in ("bid", "ask")
            for price, size in market.levels(side)  # type: ignore[arg-type]
        }
        emulator.call(market.thaw)
    assert {level: size for level, size in book.items() if size != "0"} == truth


def test_someone_else_uses_the_keys_nonces(venue: RawGemini) -> None:
    ahead = 400_000
    venue.fault(kind="nonce-collision", ahead=ahead)
    wait_for(lambda: strikes(venue)[-1:] == ["nonce-collision"])
    assert venue.post("/v1/balances").json()["reason"] == "InvalidNonce"
    wait_for(lambda: venue.post("/v1/balances").status_code == 200)


def test_money_comes_and_goes_from_outside(venue: RawGemini) -> None:
    before = balances(venue)["USD"]
    venue.fault(kind="balance", currency="USD", amount="-250.5")
    wait_for(lambda: balances(venue)["USD"] == before - Decimal("250.5"))


def test_the_exchange_closes_for_maintenance(venue: RawGemini) -> None:
    venue.fault(kind="maintenance", seconds=0.7)
    answer = wait_for(
        lambda: each if (each := venue.http.get("/v1/symbols")).status_code == 503 else None
    )
    assert answer.json()["reason"] == "Maintenance"
    wait_for(lambda: venue.http.get("/v1/symbols").status_code == 200)


def test_a_storm_of_429_passes(venue: RawGemini) -> None:
    venue.fault(kind="rate-limit", seconds=0.7)
    answer = wait_for(
        lambda: each if (each := venue.post("/v1/balances")).status_code == 429 else None
    )
    assert answer.json()["reason"] == "Too Many Requests"
    wait_for(lambda: venue.post("/v1/balances").status_code == 200)


def test_the_clock_jumps(venue: RawGemini) -> None:
    before = venue.get("/emulator/clock")["now"]
    venue.fault(kind="clock-jump", ms=3_600_000)
    wait_for(lambda: venue.get("/emulator/clock")["now"] > before + 3_600_000)
    venue.fault(kind="clock-jump", ms=-3_600_000)
    wait_for(lambda: venue.get("/emulator/clock")["now"] < before + 3_600_000)


V1 = "/v1/marketdata/btcusd?heartbeat=true"


async def sequences(venue: RawGemini, count: int) -> list[int]:
    async with venue.connect(V1) as socket:
        return [each["socket_sequence"] for each in await receive(socket, count)]


async def test_messages_are_lost_and_leave_a_gap(venue: RawGemini) -> None:
    venue.fault(kind="gap", where="v1", messages=3, after=0.3, count=1)
    got = await sequences(venue, 200)
    steps = [later - earlier for earlier, later in pairwise(got)]
    assert sorted(set(steps)) == [1, 4]
    assert steps.count(4) == 1


async def test_messages_come_twice(venue: RawGemini) -> None:
    venue.fault(kind="duplicate", where="v1", after=0.2, count=1)
    got = await sequences(venue, 200)
    assert len(got) - len(set(got)) == 1


async def test_messages_overtake_each_other(venue: RawGemini) -> None:
    venue.fault(kind="reorder", where="v1", after=0.2, count=1)
    got = await sequences(venue, 200)
    assert got != sorted(got)
    assert sorted(got) == list(range(200))


async def test_a_message_is_cut_in_two(venue: RawGemini) -> None:
    venue.fault(kind="truncate", where="v1", after=0.2, count=1)
    async with venue.connect(V1) as socket:
        broken = 0
        for _ in range(200):
            try:
                json.loads(await socket.recv())
            except json.JSONDecodeError:
                broken += 1
    assert broken == 1


async def test_what_a_client_sends_on_a_socket_is_lost_or_late(venue: RawGemini) -> None:
    async with venue.connect("/ws") as socket:
        venue.fault(kind="drop", where="ws", part="request", count=1)
        venue.fault(kind="delay", where="ws", part="request", seconds=0.4, count=1)
        for number in (1, 2, 3):
            await socket.send(json.dumps({"id": number, "method": "ping"}))
        begun = time.monotonic()
        answers = await receive(socket, 2)
    assert [answer["id"] for answer in answers] == [2, 3]
    assert time.monotonic() - begun > 0.3


async def test_only_messages_that_match_are_struck(venue: RawGemini) -> None:
    venue.fault(kind="drop", where="v1", match='"type":"trade"')
    async with venue.connect(V1) as socket:
        messages = await receive(socket, 300)
    reasons = {event["type"] for each in messages for event in each.get("events", [])}
    assert reasons == {"change"}


async def test_a_feed_falls_silent_and_comes_back(venue: RawGemini) -> None:
    async with venue.connect(V1) as socket:
        await receive(socket, 5)
        venue.fault(kind="silence", where="v1", seconds=1.5)
        quiet = 0.0
        last = time.monotonic()
        while quiet < 1.0:
            await socket.recv()
            quiet = time.monotonic() - last
            last = time.monotonic()
    assert 1.0 < quiet < 3.0


async def test_the_book_stands_still_while_heartbeats_go_on(venue: RawGemini) -> None:
    async with venue.connect(V1) as socket:
        messages = await receive(socket, 5)
        venue.fault(kind="stale-book", seconds=1.0)
        wait_for(lambda: strikes(venue)[-1] == "stale-book")
        books = []
        for _ in range(3):
            book = venue.get("/v1/book/btcusd?limit_bids=0&limit_asks=0")
            books.append([(each["price"], each["amount"]) for each in book["bids"]])
            await asyncio.sleep(0.1)
        assert books[0] == books[1] == books[2]
        messages += await receive(socket, 300)
    got = [each["socket_sequence"] for each in messages]
    assert got == list(range(len(got)))


async def test_sockets_break_and_close(venue: RawGemini) -> None:
    for clean in (True, False):
        async with venue.connect(V1) as socket:
            await receive(socket, 1)
            venue.fault(kind="disconnect", where="v1", clean=clean)
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await receive(socket, 10_000)
        assert (closed.value.rcvd is not None) == clean


async def test_sockets_are_refused_in_maintenance(venue: RawGemini) -> None:
    venue.fault(kind="maintenance", seconds=0.7)
    wait_for(lambda: venue.http.get("/v1/symbols").status_code == 503)
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with venue.connect(V1):
            pass
    assert refused.value.response.status_code == 503
    wait_for(lambda: venue.http.get("/v1/symbols").status_code == 200)


def test_rules_are_listed_counted_and_lifted(venue: RawGemini) -> None:
    armed = venue.fault(kind="delay", where="rest", match="/v1/symbols", seconds=0.01)
    venue.get("/v1/symbols")
    venue.get("/v1/symbols")
    (listed,) = venue.get("/emulator/faults")
    assert (listed["id"], listed["strikes"]) == (armed["id"], 2)
    removed = venue.http.delete(f"/emulator/faults/{armed['id']}").json()
    assert removed == {"removed": 1}
    assert venue.get("/emulator/faults") == []


def test_a_rule_that_makes_no_sense_is_refused_with_its_reason(venue: RawGemini) -> None:
    for rule, says in (
        ({"kind": "explode"}, "explode"),
        ({"kind": "delay", "seconds": -1}, "seconds"),
        ({"kind": "drop", "colour": "red"}, "colour"),
    ):
        answer = venue.http.post("/emulator/faults", json=rule)
        assert answer.status_code == 400
        assert says in answer.json()["error"]


def test_the_same_seed_strikes_the_same_messages_again() -> None:
    def struck(seed: int) -> list[int]:
        injector = Injector(seed, lambda: 0)
        for rule in chaos_rules(Chaos(rate=0.1)):
            injector.arm(rule)
        return [n for n in range(500) if injector.strike(Drop, "v2", str(n)) is not None]

    assert struck(7) == struck(7)
    assert struck(7) != struck(8)
    assert 20 < len(struck(7)) < 90


def test_a_file_of_faults_is_read_and_a_wrong_one_refused(tmp_path: Path) -> None:
    file = tmp_path / "faults.yaml"
    file.write_text(
        "seed: 9\nfaults:\n- {kind: drop, where: rest, probability: 0.5, for: 30}\n"
        "chaos: {rate: 0.1, kinds: [gap, silence]}\n"
    )
    read = read_faults(str(file))
    assert read.faults == [Drop(where="rest", probability=0.5, lasting=30.0)]
    assert read.chaos == Chaos(rate=0.1, kinds=["gap", "silence"])
    settings = EmulatorSettings(port=0, history_days=1, faults=str(file))
    with EmbeddedEmulator(settings) as running, httpx.Client(base_url=running.url) as http:
        kinds = [each["rule"]["kind"] for each in http.get("/emulator/faults").json()]
    assert kinds == ["drop", "gap", "silence"]
    for text, says in (
        ("faults: [{kind: nonsense}]", "nonsense"),
        ("chaos: {kinds: [nonsense]}", "nonsense"),
        ("faults: [", "expected"),
    ):
        file.write_text(text)
        with pytest.raises(SettingsError, match=says):
            read_faults(str(file))
    with pytest.raises(SettingsError, match="No such file"):
        read_faults("none.yaml")
