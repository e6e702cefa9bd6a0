"""nautilus_trader: the rule on its own averages; a market order fills at the bar's own close."""

import json
import sys
import time

import numpy as np
import pandas as pd
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig
from nautilus_trader.indicators import SimpleMovingAverage
from nautilus_trader.model.currencies import BTC, USDT
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.identifiers import Venue
from nautilus_trader.model.objects import Money, Quantity
from nautilus_trader.persistence.wranglers import BarDataWrangler
from nautilus_trader.test_kit.providers import TestInstrumentProvider
from nautilus_trader.trading.strategy import Strategy

path, rows, fast, slow, cash, fee = sys.argv[1], *map(float, sys.argv[2:])
data = np.load(path)
frame = pd.DataFrame(
    {name: data[name][: int(rows)] for name in ("open", "high", "low", "close", "volume")},
    index=pd.to_datetime(data["ts"][: int(rows)] + 60_000, unit="ms", utc=True),
)
instrument = TestInstrumentProvider.btcusdt_binance()
bar_type = BarType.from_str(f"{instrument.id}-1-MINUTE-LAST-EXTERNAL")
fills: list[tuple[int, int, float]] = []


class Cross(Strategy):
    def on_start(self) -> None:
        self.fast, self.slow = SimpleMovingAverage(int(fast)), SimpleMovingAverage(int(slow))
        self.register_indicator_for_bars(bar_type, self.fast)
        self.register_indicator_for_bars(bar_type, self.slow)
        self.subscribe_bars(bar_type)
        self.row, self.before, self.held = -1, False, False

    def on_bar(self, bar: Bar) -> None:
        self.row += 1
        above = self.slow.initialized and self.fast.value > self.slow.value
        if self.row >= slow and above != self.before and above != self.held:
            side = OrderSide.BUY if above else OrderSide.SELL
            order = self.order_factory.market(instrument.id, side, Quantity(1, 6))
            self.held = above
            fills.append((self.row, 1 if above else -1, float(bar.close)))
            self.submit_order(order)
        self.before = above


engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
engine.add_venue(
    venue=Venue("BINANCE"),
    oms_type=OmsType.NETTING,
    account_type=AccountType.CASH,
    base_currency=None,
    starting_balances=[Money(cash, USDT), Money(0, BTC)],
)
engine.add_instrument(instrument)
engine.add_data(BarDataWrangler(bar_type, instrument).process(frame))
engine.add_strategy(Cross())
began = time.perf_counter()
engine.run()
seconds = time.perf_counter() - began
print(
    json.dumps(
        {
            "bars_per_second": rows / seconds,
            "entries": [row for row, side, _ in fills if side > 0],
            "exits": [row for row, side, _ in fills if side < 0],
            "entry_prices": [price for _, side, price in fills if side > 0],
            "equity": None,
        }
    )
)
