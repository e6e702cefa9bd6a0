"""Implausible records, which tests mix with good ones."""

from dataclasses import dataclass

import msgspec
from hypothesis import strategies as st

from tradebot.records import (
    FeedRecord,
    ForecastRecord,
    LiquidityRecord,
    ProposalRecord,
    ProposedExits,
    encode,
)

FAR = 4_070_908_800_000
"""The year 2099."""

UNREADABLE = (b"", b"\xff\xfe", b"[]", b"{", b'{"price":1e400}', b'{"type":"ask","value":NaN}')
BAD_NUMBERS = ("nan", "inf", "-inf", "-1", "1e400", "one", "")


@dataclass
class Message:
    """A record as Kafka's consumer returns it."""

    at: int
    data: bytes
    name: str = "faust.out"
    named: bytes | None = b"BTCUSD"
    stamp: int = 0

    def error(self) -> None:
        return None

    def topic(self) -> str:
        return self.name

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self.at

    def key(self) -> bytes | None:
        return self.named

    def value(self) -> bytes:
        return self.data

    def timestamp(self) -> tuple[int, int]:
        return 1, self.stamp


def mixed(good: list[bytes], bad: list[bytes]) -> st.SearchStrategy[list[bytes]]:
    """The good values in their order, with any of the bad ones anywhere between."""
    places = st.tuples(st.integers(0, len(good)), st.sampled_from(bad))

    def put(chosen: list[tuple[int, bytes]]) -> list[bytes]:
        stream = list(good)
        for place, value in sorted(chosen, key=lambda one: one[0], reverse=True):
            stream.insert(place, value)
        return stream

    return st.lists(places, max_size=12).map(put)


def proposals(good: ProposalRecord) -> list[bytes]:
    """Proposals that no strategy can have made for `good`'s bar, or that no trader may follow."""
    replace = msgspec.structs.replace
    bad = [replace(good, size=text) for text in (*BAD_NUMBERS, "0")]
    bad += [replace(good, **{name: text}) for name in ("limit", "stop") for text in BAD_NUMBERS]
    bad += [replace(good, bar_end=at) for at in (FAR, 0, -1, good.bar_end * 1000)]
    bad += [replace(good, symbol=name) for name in ("ETHUSD", "", "BTC,USD", "B" * 17)]
    bad += [
        replace(good, strategy=""),
        replace(good, step_ms=-1),
        replace(good, failing="it failed, and buys"),
        replace(good, reason="x" * 100_000),
        *(replace(good, exits=ProposedExits(stop_loss=text)) for text in (*BAD_NUMBERS, "2")),
        replace(good, exits=ProposedExits(max_hold_minutes=-5)),
    ]
    return [*UNREADABLE, encode(good).replace(b'"buy"', b'"short"'), *map(encode, bad)]


def windows(end: int) -> list[bytes]:
    """Implausible results of windows, when a window ended at `end` (ms)."""
    good = LiquidityRecord("ask", 1.0, end // 1000, "BTCUSD", end - 60_000, end, 9, True)
    far = [
        msgspec.structs.replace(
            good, type=kind, symbol=symbol, timestamp=FAR // 1000, window_start=start, window_end=at
        )
        for kind in ("ask", "bid", "price_volume")
        for symbol, start, at in (("", 0, 0), ("BTCUSD", FAR - 60_000, FAR))
    ]
    bad = [
        msgspec.structs.replace(good, value=-1.0),
        msgspec.structs.replace(good, value=None),
        msgspec.structs.replace(good, value=1e300),
        msgspec.structs.replace(good, type="price_volume", value=0.0),
        msgspec.structs.replace(good, timestamp=good.timestamp + 7),
        msgspec.structs.replace(good, timestamp=end, window_end=end * 1000),
        msgspec.structs.replace(good, window_start=end + 1),
        msgspec.structs.replace(good, events=-1),
    ]
    return [*UNREADABLE, *map(encode, far + bad)]


def forecasts(good: ForecastRecord) -> list[bytes]:
    """Implausible forecasts, when the model made `good`."""
    replace = msgspec.structs.replace
    bad = [
        replace(good, history_end=FAR, start=FAR, fitted_at=FAR),
        replace(good, history_end=good.start + 86_400_000 * 365),
        replace(good, fitted_at=FAR),
        replace(good, start=FAR),
        replace(good, log_price=[1e6] * 10),
        replace(good, lower=[0.0]),
        replace(good, upper=[-1e6] * len(good.log_price)),
        replace(good, log_price=[]),
        replace(good, step_ms=0),
        replace(good, step_ms=10**15),
        replace(good, digest=""),
        replace(good, digest="d" * 1000),
        replace(good, interval=7.0),
        replace(good, history_end=good.history_end * 1000),
    ]
    return [*UNREADABLE, *map(encode, bad)]


def feed(ts: int) -> list[bytes]:
    """Implausible changes of a book at `ts` (ms)."""
    good = FeedRecord("bid", "1", "1", "BTCUSD", ts, "place", 1)
    replace = msgspec.structs.replace
    bad = [replace(good, price=text) for text in (*BAD_NUMBERS, "0")]
    bad += [replace(good, remaining=text) for text in BAD_NUMBERS]
    bad += [replace(good, ts=at) for at in (FAR, ts + 86_400_000, ts * 1000, ts // 1000)]
    bad += [replace(good, symbol=name) for name in ("BTC,USD", "B" * 17, "\x01")]
    return [*UNREADABLE, *map(encode, bad)]
