"""Each fault of calls, orders and the venue has the effect that its name says."""

import asyncio
import itertools
import json
from decimal import Decimal
from typing import Any

import httpx
import pytest
from venues.emulated import skip
from venues.raw_gemini import RawGemini, receive
from waiting.conditions import PATIENCE_SECONDS, until

from tradebot.emulator.embedded import EmbeddedEmulator


def found(venue: RawGemini, name: str) -> list[dict[str, Any]]:
    answer = venue.post("/v1/order/status", client_order_id=name)
    return answer.json() if answer.status_code == 200 else []


def test_an_order_is_accepted_and_its_response_lost(venue: RawGemini) -> None:
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


def test_a_response_breaks_off_in_its_middle(venue: RawGemini) -> None:
    venue.fault(kind="truncate", where="rest", match="/v1/balances", count=1)
    with pytest.raises(httpx.RemoteProtocolError, match="complete"):
        venue.post("/v1/balances")


def test_a_response_comes_slowly(venue: RawGemini) -> None:
    venue.fault(kind="trickle", where="rest", seconds=0.6, count=1)
    headers = venue.headers("/v1/balances")
    with venue.http.stream("POST", "/v1/balances", headers=headers) as answer:
        pieces = list(answer.iter_raw())
    assert len(pieces) > 1
    assert len(json.loads(b"".join(pieces))) > 1


def test_a_response_is_late(venue: RawGemini) -> None:
    venue.fault(kind="delay", where="rest", seconds=600, count=1)
    with pytest.raises(httpx.ReadTimeout):
        venue.http.post("/v1/balances", headers=venue.headers("/v1/balances"), timeout=0.2)


def test_a_response_is_overtaken_by_the_next(emulator: EmbeddedEmulator, venue: RawGemini) -> None:
    venue.fault(kind="reorder", where="rest", match="/v1/symbols")

    async def both() -> list[str]:
        order: list[str] = []
        async with httpx.AsyncClient(base_url=emulator.url) as http:

            async def call(path: str) -> None:
                await http.get(path)
                order.append(path)

            first = asyncio.create_task(call("/v1/symbols"))
            await asyncio.to_thread(until, lambda: emulator.application.injector.armed()[0].strikes)
            await call("/v1/pricefeed")
            await first
        return order

    assert asyncio.run(both()) == ["/v1/pricefeed", "/v1/symbols"]


def test_a_call_that_arrives_twice_collides_with_its_own_nonce(venue: RawGemini) -> None:
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


def test_an_order_is_accepted_late(emulator: EmbeddedEmulator, venue: RawGemini) -> None:
    venue.fault(kind="accept-late", seconds=600, count=1)
    with pytest.raises(httpx.RemoteProtocolError):
        venue.order("buy", "1000", "0.1", client_order_id="late")
    assert found(venue, "late") == []
    skip(emulator, 600)
    assert until(lambda: found(venue, "late"))[0]["is_live"]


def test_an_order_fills_after_its_cancel_was_acknowledged(
    emulator: EmbeddedEmulator, venue: RawGemini
) -> None:
    venue.fault(kind="fill-after-cancel", seconds=600, share=0.5, count=1)
    order_id = venue.order("buy", "1000", "0.1").json()["order_id"]
    before = balances(venue)
    cancelled = venue.post("/v1/order/cancel", order_id=order_id).json()
    assert (cancelled["is_cancelled"], cancelled["executed_amount"]) == (True, "0")
    skip(emulator, 600)

    def filled() -> dict[str, Any] | None:
        order = venue.post("/v1/order/status", order_id=order_id).json()
        return order if order["executed_amount"] != "0" else None

    order = until(filled)
    assert (order["is_cancelled"], order["executed_amount"]) == (True, "0.05")
    assert order["remaining_amount"] == "0.05"
    assert balances(venue)["BTC"] - before["BTC"] == Decimal("0.05")
    fills = venue.post("/v1/mytrades", symbol="btcusd", limit_trades=1).json()
    assert fills[0]["order_id"] == order_id


def test_the_rest_of_an_immediate_or_cancel_order_fills_after_it_was_cancelled(
    emulator: EmbeddedEmulator, venue: RawGemini
) -> None:
    venue.fault(kind="fill-after-cancel", seconds=600, count=1)
    options = ["immediate-or-cancel"]
    cancelled = venue.order("buy", "1000", "0.1", options=options).json()
    assert (cancelled["is_cancelled"], cancelled["executed_amount"]) == (True, "0")
    skip(emulator, 600)

    def filled() -> dict[str, Any] | None:
        order = venue.post("/v1/order/status", order_id=cancelled["order_id"]).json()
        return order if order["executed_amount"] != "0" else None

    assert until(filled)["executed_amount"] == "0.1"


def balances(venue: RawGemini) -> dict[str, Decimal]:
    return {each["currency"]: Decimal(each["amount"]) for each in venue.post("/v1/balances").json()}


@pytest.mark.parametrize("options", [["immediate-or-cancel"], []])
async def test_an_order_fills_in_part_without_further_updates(
    venue: RawGemini, options: list[str]
) -> None:
    venue.fault(kind="partial-then-silence", share=0.25, seconds=600, count=1)
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
            await asyncio.wait_for(socket.recv(), 1)
    (order,) = found(venue, f"part {price}")
    assert order["executed_amount"] == "0.025"
    assert order["is_live"] is not bool(options)


async def test_the_book_of_a_feed_stays_correct_through_orders_faults(
    emulator: EmbeddedEmulator, venue: RawGemini
) -> None:
    market = emulator.exchange.markets["BTCUSD"]
    venue.fault(kind="partial-then-silence", share=0.25, seconds=600)
    book: dict[tuple[str, str], str] = {}
    async with venue.connect("/v1/marketdata/btcusd") as socket:
        for price, options in (("100", ["immediate-or-cancel"]), ("90000", [])):
            with pytest.raises(httpx.RemoteProtocolError):
                venue.order("sell", price, "3", client_order_id=f"true {price}", options=options)
        for price in ("100", "90000"):
            until(lambda at=price: found(venue, f"true {at}")[0]["executed_amount"] != "0")
        emulator.call(market.freeze)
        text = market.instrument
        truth = {
            (side, text.price_text(price)): text.amount_text(size)
            for side in ("bid", "ask")
            for price, size in market.levels(side)  # type: ignore[arg-type]
        }
        async with asyncio.timeout(PATIENCE_SECONDS):
            while {level: size for level, size in book.items() if size != "0"} != truth:
                for event in json.loads(await socket.recv())["events"]:
                    if event["type"] == "change":
                        book[event["side"], event["price"]] = event["remaining"]
        emulator.call(market.thaw)


def test_someone_else_uses_the_keys_nonces(
    venue: RawGemini, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(venue, "nonce", itertools.count(venue.nonce()).__next__)
    assert venue.post("/v1/balances").status_code == 200
    venue.fault(kind="nonce-collision", ahead=3)
    until(lambda: venue.strikes()[-1:] == ["nonce-collision"])
    refused = [venue.post("/v1/balances").json()["reason"] for _ in range(3)]
    assert refused == ["InvalidNonce"] * 3
    assert venue.post("/v1/balances").status_code == 200


def test_money_comes_and_goes_from_outside(venue: RawGemini) -> None:
    before = balances(venue)["USD"]
    venue.fault(kind="balance", currency="USD", amount="-250.5")
    until(lambda: balances(venue)["USD"] == before - Decimal("250.5"))


def test_the_exchange_closes_for_maintenance(emulator: EmbeddedEmulator, venue: RawGemini) -> None:
    venue.fault(kind="maintenance", seconds=600)
    answer = until(
        lambda: each if (each := venue.http.get("/v1/symbols")).status_code == 503 else None
    )
    assert answer.json()["reason"] == "Maintenance"
    skip(emulator, 600)
    assert venue.http.get("/v1/symbols").status_code == 200


def test_a_storm_of_429_passes(emulator: EmbeddedEmulator, venue: RawGemini) -> None:
    venue.fault(kind="rate-limit", seconds=600)
    answer = until(
        lambda: each if (each := venue.post("/v1/balances")).status_code == 429 else None
    )
    assert answer.json()["reason"] == "Too Many Requests"
    skip(emulator, 600)
    assert venue.post("/v1/balances").status_code == 200


def test_the_clock_jumps(venue: RawGemini) -> None:
    before = venue.get("/emulator/clock")["now"]
    venue.fault(kind="clock-jump", ms=3_600_000)
    until(lambda: venue.get("/emulator/clock")["now"] > before + 3_600_000)
    venue.fault(kind="clock-jump", ms=-3_600_000)
    until(lambda: venue.get("/emulator/clock")["now"] < before + 3_600_000)
