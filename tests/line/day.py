"""A simulated stretch of trading, as records and documents of a running pipeline.

For tests that need data to show, store or query without running the stages. The seed determines
everything.
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from tradebot import documents
from tradebot.records import (
    DocType,
    Document,
    FeedRecord,
    ForecastRecord,
    LiquidityRecord,
    TradeRecord,
)

MINUTE = 60_000
START = 1_700_000_040_000  # on a minute


@dataclass
class TradingDay:
    """Minutes of one bot on one symbol, one after another."""

    bot: str = "btc"
    symbol: str = "BTCUSD"
    start: int = START
    seed: int = 1
    price: float = 38_000.0
    usd: float = 100_000.0
    btc: float = 0.0
    minute: int = 0
    seq: int = 0
    entry: float = 0.0
    realised: float = 0.0
    peak: float = 100_000.0
    steps: int = 1440
    offset: int = 0
    resting: set[tuple[str, float]] = field(default_factory=set)
    dice: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)

    @property
    def now(self) -> int:
        return self.start + self.minute * MINUTE

    def opening_book(self, levels: int = 40) -> list[FeedRecord]:
        """The first book after a connect."""
        return self._move_book(levels, "initial")

    def _move_book(self, levels: int, reason: str) -> list[FeedRecord]:
        """Moves the levels to the price, and removes those left behind."""
        middle = round(self.price * 2) / 2
        wanted = {
            (side, middle + sign * (0.5 + i * 0.5 + i * i * 0.1))
            for side, sign in (("bid", -1), ("ask", 1))
            for i in range(levels)
        }
        gone = [self._level(*place, 0.0, "cancel") for place in sorted(self.resting - wanted)]
        self.resting = wanted
        touched = [
            place for place in sorted(wanted) if reason == "initial" or self.dice.random() < 0.5
        ]
        sizes = [0.05 + self.dice.paretovariate(1.6) * 0.4 for _ in touched]
        placed = [
            self._level(*place, size, reason) for place, size in zip(touched, sizes, strict=True)
        ]
        return gone + placed

    def _level(self, side: str, price: float, size: float, reason: str) -> FeedRecord:
        record = FeedRecord(
            side=side,  # type: ignore[arg-type]
            price=f"{price:.2f}",
            remaining=f"{size:.8f}",
            symbol=self.symbol,
            ts=self.now + self.offset,
            reason=reason,  # type: ignore[arg-type]
            seq=self.seq,
        )
        self.seq += 1
        return record

    def tick(self) -> tuple[list[FeedRecord], TradeRecord]:
        """Moves the book to a new price four seconds later, by a trade."""
        before = self.price
        self.offset += 4000
        self.price *= math.exp(self.dice.gauss(0, 0.00018))
        moved = self._move_book(40, "place")
        maker = "ask" if self.price >= before else "bid"
        trade = TradeRecord(
            self.symbol,
            self.seq,
            f"{self.price:.2f}",
            f"{self.dice.random():.8f}",
            maker,  # type: ignore[arg-type]
            self.now + self.offset,
        )
        return moved, trade

    def window(self) -> list[LiquidityRecord]:
        """The three records of the minute that ends now."""
        ask = self.dice.uniform(5e6, 2e7)
        bid = ask * math.exp(self.dice.gauss(0, 0.45))
        complete = self.minute % 17 != 0
        return [
            LiquidityRecord(
                kind,
                value,
                self.now // 1000,
                self.symbol,
                self.now - MINUTE,
                self.now,
                900,
                complete,
            )
            for kind, value in (("ask", ask), ("bid", bid), ("price_volume", bid / ask))
        ]

    def forecast(self) -> ForecastRecord:
        """Returns the forecast of a model fitted now."""
        drift = self.dice.gauss(0, 4e-6)
        logs = [
            math.log(self.price) + drift * i + 0.0008 * math.sin(i / 30 + self.minute / 4)
            for i in range(self.steps)
        ]
        width = [0.0006 * math.sqrt(i + 1) for i in range(self.steps)]
        return ForecastRecord(
            symbol=self.symbol,
            model="FastProphet",
            digest=f"{self.dice.getrandbits(48):012x}",
            fitted_at=self.now,
            history_end=self.now,
            start=self.now + MINUTE,
            step_ms=MINUTE,
            log_price=logs,
            lower=[a - w for a, w in zip(logs, width, strict=True)],
            upper=[a + w for a, w in zip(logs, width, strict=True)],
        )

    def decide(self, window: list[LiquidityRecord], forecast: ForecastRecord) -> list[Document]:
        """Returns the bot's documents: a decision, a ticker and, if it traded, the rest."""
        ratio = window[2].value or 0.0
        delta = forecast.log_price[1] - forecast.log_price[0]
        signal = "buy" if delta > 0 else "sell"
        action, gate, reason = self._act(signal, ratio, window[2].complete)
        decision_id = f"{self.bot}-{self.now}"
        client_order_id = f"{decision_id}-o" if action != "hold" else ""
        amount = 0.0
        made: list[Document] = []
        if action == "buy":
            amount = round(self.usd * 0.05 / self.price, 8)
            made = self._trade("buy", amount, decision_id, client_order_id)
        elif action == "sell":
            amount = self.btc
            made = self._trade("sell", amount, decision_id, client_order_id)
        decision = documents.Decision(
            decision_id=decision_id,
            action=action,
            signal=signal,
            reason=reason,
            gate=gate,
            verdicts=[
                documents.VerdictDocument(gate="window", passed=window[2].complete, reason="")
            ],
            window_end=self.now,
            ratio=ratio,
            band_min_bps=5000,
            band_max_bps=20000,
            complete=window[2].complete,
            delta=delta,
            forecast_log_price=forecast.log_price[0],
            model=forecast.model,
            digest=forecast.digest,
            model_age_seconds=float(self.minute % 5 * 60),
            mid=self.price,
            equity=self.usd + self.btc * self.price,
            reconciled=True,
            reconciliations=int(self.minute % 2 == 1),
            amount=amount,
            limit_price=self.price if action != "hold" else None,
            client_order_id=client_order_id,
            epoch=1,
            mode="Live",
            inputs="{}",
        )
        ticker = documents.Ticker(
            bid=self.price - 0.5,
            ask=self.price + 0.5,
            last=self.price,
            volume_base=1081.3,
            volume_quote=1081.3 * self.price,
            volume_BTC=1081.3,
            volume_USD=1081.3 * self.price,
        )
        return [
            self._document(DocType.DECISION, decision_id, decision),
            self._document(DocType.TICKER, decision_id, ticker),
            *made,
        ]

    def _act(self, signal: str, ratio: float, complete: bool) -> tuple[str, str, str]:
        if signal == "sell":
            if self.btc > 0:
                return "sell", "", "the forecast falls: sell all"
            return "hold", "position", "the forecast falls, and there is nothing to sell"
        if self.btc > 0:
            return "hold", "position", "already bought"
        if not complete:
            return "hold", "window", "the window is incomplete: a connect or a gap fell into it"
        if not 0.5 <= ratio <= 2.0:
            return "hold", "band", f"ratio {ratio:.2f} is outside the band 0.50–2.00"
        return "buy", "", f"the forecast rises and ratio {ratio:.2f} is inside the band"

    def _trade(
        self, side: str, amount: float, decision_id: str, client_order_id: str
    ) -> list[Document]:
        fee = amount * self.price * 0.0035
        order = documents.OrderDocument(
            exchange="gemini",
            order_id=str(self.seq),
            client_order_id=client_order_id,
            decision_id=decision_id,
            side=side,  # type: ignore[arg-type]
            price=self.price,
            avg_execution_price=self.price,
            original_amount=amount,
            executed_amount=amount,
            remaining_amount=0.0,
            is_live=False,
            is_cancelled=False,
            options=["immediate-or-cancel"],
            state="filled",
            timestamps=self.now,
            epoch=1,
            mode="Live",
            latency_seconds=0.004 + self.dice.random() * 0.02,
        )
        fill = documents.FillDocument(
            trade_id=f"t{self.seq}",
            order_id=str(self.seq),
            client_order_id=client_order_id,
            decision_id=decision_id,
            side=side,  # type: ignore[arg-type]
            price=self.price,
            amount=amount,
            fee=fee,
            fee_currency="USD",
            liquidity="taker",
        )
        made = [
            self._document(DocType.ORDER, client_order_id, order),
            self._document(DocType.FILL, fill.trade_id, fill),
        ]
        sign = 1 if side == "buy" else -1
        self.usd -= sign * amount * self.price + fee
        self.btc = self.btc + amount if side == "buy" else 0.0
        if side == "buy":
            self.entry = self.price
        else:
            made.append(self._score(amount, fee, decision_id))
        for currency, held in (("USD", self.usd), ("BTC", self.btc)):
            balance = documents.Balance(
                currency=currency, amount=held, available=held, availableForWithdrawal=held
            )
            made.append(self._document(DocType.BALANCE, f"{currency}/{self.now}", balance))
        return made

    def _score(self, amount: float, fee: float, trip: str) -> Document:
        gross = amount * (self.price - self.entry)
        self.realised += gross - 2 * fee
        self.peak = max(self.peak, self.usd)
        score = documents.Score(
            trip_id=trip,
            entry_price=self.entry,
            exit_price=self.price,
            amount=amount,
            gross=gross,
            fees=2 * fee,
            score=gross - 2 * fee,
            return_fraction=self.price / self.entry - 1,
            slippage=0.0,
            holding_seconds=600.0,
            realised=self.realised,
            unrealised=0.0,
            equity=self.usd,
            exposure=0.0,
            drawdown=1 - self.usd / self.peak,
        )
        return self._document(DocType.SCORE, trip, score)

    def _document(self, kind: DocType, key: str, body: documents.Body) -> Document:
        return documents.document(
            kind, bot=self.bot, symbol=self.symbol, ts=self.now, key=key, body=body
        )

    def halt(self) -> Document:
        """Returns the halt at the drawdown limit."""
        body = documents.Halt(state="halted", reason="drawdown 0.101 is above 0.1", because="limit")
        return self._document(DocType.HALT, str(self.now), body)

    def resume(self) -> Document:
        """Returns the resume by a person."""
        self.minute += 1
        body = documents.Halt(state="resumed", reason="looked at", by="a person")
        return self._document(DocType.HALT, str(self.now), body)

    def ticks(self) -> Iterator[tuple[list[FeedRecord], TradeRecord]]:
        """Yields the feed of the next minute."""
        self.offset = 0
        for _ in range(14):
            yield self.tick()

    def close_minute(self) -> tuple[list[LiquidityRecord], ForecastRecord, list[Document]]:
        """Ends the minute: returns its window, the next forecast, and the bot's documents."""
        self.minute += 1
        self.offset = 0
        window, forecast = self.window(), self.forecast()
        return window, forecast, self.decide(window, forecast)

    def minutes(
        self, count: int
    ) -> Iterator[tuple[list[LiquidityRecord], ForecastRecord, list[Document]]]:
        """Yields that many minutes, without their feed."""
        for _ in range(count):
            for _ in self.ticks():
                pass
            yield self.close_minute()
