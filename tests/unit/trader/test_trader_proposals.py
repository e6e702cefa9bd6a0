"""Which proposals count for a trader, and what it waits for."""

import asyncio
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from line import poison
from line.poison import Message, mixed
from waiting.virtual_time import VirtualTime

from tradebot.domain.situation import Exits
from tradebot.platform.clock import VenueClock
from tradebot.plausible import proposal as proposals
from tradebot.plausible.values import Now
from tradebot.records import ProposalRecord, ProposedExits, encode
from tradebot.trader.inputs.proposals import Proposals
from tradebot.trader.inputs.screen import Screen

NOON = 1_609_502_400_000
MINUTE = 60_000


def record(bar_end: int = NOON, **changes: Any) -> ProposalRecord:
    plain = ProposalRecord(
        bot="sma",
        strategy="Sma",
        digest="d",
        inputs="i",
        symbol="BTCUSD",
        bar_end=bar_end,
        side="buy",
        size="0.5",
        step_ms=MINUTE,
    )
    return msgspec.structs.replace(plain, **changes)


def following(wait_seconds: float = 2.0) -> Proposals:
    return Proposals("BTCUSD", "sma", wait_seconds)


async def test_the_proposal_of_a_windows_bar_is_its_suggestion() -> None:
    followed = following()
    assert followed.take(record(limit="101.5")) is None
    suggestion = await followed.of_window(NOON, fresh=True)
    assert suggestion is not None
    assert (suggestion.id, suggestion.side, str(suggestion.limit)) == (
        f"sma/{NOON}",
        "buy",
        "101.5",
    )


async def test_a_window_waits_for_a_proposal_that_is_on_its_way(
    virtual_time: VirtualTime,
) -> None:
    followed = following()
    waiting = asyncio.ensure_future(followed.of_window(NOON, fresh=True))
    await asyncio.sleep(1.0)
    followed.take(record())
    suggestion = await waiting
    assert suggestion is not None


async def test_a_window_waits_no_longer_than_it_may(virtual_time: VirtualTime) -> None:
    assert await following().of_window(NOON, fresh=True) is None


async def test_a_window_at_which_no_bar_ends_waits_for_nothing() -> None:
    followed = following(wait_seconds=1e9)
    followed.take(record(NOON - 60 * MINUTE, step_ms=60 * MINUTE))
    assert await followed.of_window(NOON - 30 * MINUTE, fresh=True) is None


async def test_a_window_that_is_too_old_to_trade_waits_for_nothing() -> None:
    assert await following(wait_seconds=1e9).of_window(NOON, fresh=False) is None


async def test_the_first_of_two_proposals_for_a_bar_counts() -> None:
    followed = following()
    followed.take(record())
    assert followed.take(record(side="sell", size="0")) is None
    suggestion = await followed.of_window(NOON, fresh=True)
    assert suggestion is not None and suggestion.side == "buy"


async def test_a_proposal_whose_window_was_decided_on_is_refused_as_stale() -> None:
    followed = following()
    await followed.of_window(NOON, fresh=False)
    refusal = followed.take(record(NOON - 2 * MINUTE))
    assert refusal is not None and "stale" in refusal and "120 s" in refusal


def test_a_proposal_for_another_symbol_is_refused_with_both_named() -> None:
    refusal = following().take(record(symbol="ETHUSD"))
    assert refusal == "symbol is ETHUSD, but the bot trades BTCUSD"


async def test_what_was_there_before_the_start_is_no_fault() -> None:
    followed = following()
    await followed.of_window(NOON, fresh=False)
    assert followed.take(record(NOON - MINUTE), past=True) is None


def test_the_newest_proposals_exits_count() -> None:
    followed = following()
    followed.take(record(NOON - MINUTE, exits=ProposedExits(stop_loss="0.1")))
    followed.take(record(NOON, exits=ProposedExits(stop_loss="0.02", max_hold_minutes=5)))
    exits = followed.exits()
    assert exits is not None
    assert (str(exits.stop_loss), exits.max_hold_ms) == ("0.02", 300_000)
    followed.take(record(NOON + MINUTE))
    assert followed.exits() is None
    assert isinstance(exits, Exits)


GOOD = [encode(record(NOON - (5 - number) * MINUTE)) for number in range(6)]


class Letters:
    """Takes what is put aside."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def put_message(self, _message: Any, reason: str) -> None:
        self.reasons.append(reason)


def taken(values: list[bytes]) -> tuple[list[Any], int]:
    """What a trader decides on after reading these, and how many it put aside."""
    clock, letters = VenueClock(monotonic=lambda: 0.0), Letters()
    clock.follow(NOON)
    screen = Screen("BTCUSD", clock, 10_000, letters)  # type: ignore[arg-type]
    followed = following(0.0)
    for offset, value in enumerate(values):
        message = Message(offset, value, named=b"sma")
        found = screen.proposal(message)  # type: ignore[arg-type]
        refusal = None if found is None else followed.take(found)
        if refusal is not None:
            screen.refuse(message, refusal)  # type: ignore[arg-type]

    async def decided() -> list[Any]:
        ends = range(NOON - 5 * MINUTE, NOON + 1, MINUTE)
        return [await followed.of_window(end, fresh=True) for end in ends]

    return asyncio.run(decided()), len(letters.reasons)


@given(mixed(GOOD, poison.proposals(record())))
def test_what_is_decided_on_is_the_same_whatever_poison_comes_between(
    stream: list[bytes],
) -> None:
    found, aside = taken(stream)
    assert found == taken(GOOD)[0]
    assert aside == len(stream) - len(GOOD), "each bad record is put aside"


@given(st.sampled_from(poison.proposals(record())))
def test_a_bad_proposal_is_refused_in_a_sentence(value: bytes) -> None:
    try:
        found = msgspec.json.decode(value, type=ProposalRecord)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return
    reason = proposals.fault(found, Now(NOON, 10_000)) or following().take(found)
    assert reason


@pytest.mark.parametrize("field", ["reason", "failing", "digest", "inputs"])
def test_a_text_without_end_is_no_proposal(field: str) -> None:
    long = record(side="hold", size="0", **{field: "x" * 3_000})
    assert proposals.fault(long) == f"{field} is longer than 2000 characters"
