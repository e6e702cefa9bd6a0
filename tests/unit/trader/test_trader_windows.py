"""Three records make a window, once."""

from tradebot.records import LiquidityRecord, encode
from tradebot.trader.inputs.windows import Windows


def record(kind: str, end: int, value: float | None = 1.0, **more: object) -> LiquidityRecord:
    return LiquidityRecord(
        type=kind,  # type: ignore[arg-type]
        value=value,
        timestamp=end // 1000,
        symbol=str(more.get("symbol", "BTCUSD")),
        window_start=end - 60_000,
        window_end=end,
        events=5,
        complete=bool(more.get("complete", True)),
    )


KINDS = ("ask", "bid", "price_volume")


def test_a_window_is_given_once_when_its_three_records_are_there() -> None:
    gathered = Windows("BTCUSD")
    given = [gathered.take(record(kind, 60_000, 1.5)) for kind in (*KINDS, *KINDS)]
    windows = [window for window in given if window is not None]
    assert [(w.end, w.ratio, w.complete) for w in windows] == [(60_000, 1.5, True)]
    assert gathered.settled()


def test_a_window_is_complete_only_if_all_its_records_are() -> None:
    gathered = Windows("BTCUSD")
    gathered.take(record("ask", 60_000, complete=False))
    gathered.take(record("bid", 60_000))
    window = gathered.take(record("price_volume", 60_000, None))
    assert window is not None
    assert (window.complete, window.ratio) == (False, None)


def test_other_symbols_and_half_windows_give_nothing() -> None:
    gathered = Windows("BTCUSD")
    for kind in KINDS:
        assert gathered.take(record(kind, 60_000, symbol="ETHUSD")) is None
    assert gathered.settled()
    assert gathered.take(record("ask", 60_000)) is None
    assert not gathered.settled(), "an offset must not be committed past a half window"


def test_the_report_s_own_records_without_our_fields_make_a_window() -> None:
    gathered = Windows("BTCUSD")
    windows = [
        gathered.take(LiquidityRecord(type=kind, value=0.43, timestamp=1_602_770_086))  # type: ignore[arg-type]
        for kind in KINDS
    ]
    assert windows[-1] is not None
    assert windows[-1].end == 1_602_770_086_000
    assert encode(record("ask", 60_000)).startswith(b'{"type":"ask"')
