"""Orders that wait as maker, at the emulator: the whole trader, with real orders and fills."""

from pathlib import Path

from test_trader_follows_strategy import StrategyLine


def test_orders_rest_and_fill_as_maker_or_are_taken_in_the_end(tmp_path: Path) -> None:
    options = ["--proposer", "turns", "--holdings", "Own", "--cooldown-seconds", "0"]
    options += ["--max-window-lag-seconds", "5", "--max-orders-per-hour", "1000"]
    options += ["--execution", "Maker", "--maker-wait-seconds", "15"]
    with StrategyLine(tmp_path, speed=30, options=options) as line:
        line.start()
        line.wait(
            lambda: (
                "maker" in {each["body"]["liquidity"] for each in line.of_kind("fill")}
                and len(line.of_kind("score")) >= 1
            )
        )
        orders = [each["body"] for each in line.of_kind("order")]
        fills = [each["body"] for each in line.of_kind("fill")]
        for fill in fills:
            paid = fill["fee"] / (fill["price"] * fill["amount"]) * 10_000
            assert round(paid) == (20 if fill["liquidity"] == "maker" else 40)
        chains: dict[str, set[str]] = {}
        for order in orders:
            chains.setdefault(order["decision_id"], set()).add(order["client_order_id"])
        assert max(map(len, chains.values())) <= 4, "two moves, and the order that takes"
        stopped = line.status()
        assert not stopped["halted"], stopped
