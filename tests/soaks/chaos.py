"""A soak: a running trader, an emulator with random faults, and occasional SIGKILLs.

At the end, once the exchange behaves again, the ledger must agree with it.
"""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from line.nursery import Nursery
from line.trader import MINUTE, TraderLine
from soaks import storm

from tradebot.emulator.faults.injector import Armed
from tradebot.emulator.faults.rules import (
    AcceptLate,
    AnyRule,
    BalanceChange,
    ClockJump,
    Delay,
    Drop,
    Duplicate,
    Error,
    FillAfterCancel,
    Maintenance,
    NonceCollision,
    PartialThenSilence,
    RateLimit,
    Reorder,
    Trickle,
    Truncate,
    kind_of,
)
from tradebot.trader.journal.entries import Balanced, EpochTaken, Intended
from tradebot.trader.journal.kafka import KafkaJournal
from tradebot.trader.journal.ledger import Ledger, apply
from tradebot.trader.journal.store import Journal, SqliteJournal

OPTIONS = (
    "--cooldown-seconds", "0", "--max-orders-per-hour", "100000", "--reconcile-seconds", "15",
    "--max-silence-seconds", "30", "--max-window-lag-seconds", "30", "--log-level", "warning",
    "--slippage-bps", "50", "--collar-bps", "500",
)  # fmt: skip


def rules(rate: float, every: float) -> list[AnyRule]:
    """All kinds of faults that affect an order path.

    Args:
        rate: fraction of calls that each kind strikes.
        every: real seconds between two occurrences of a timed kind.
    """
    new = "/v1/order/new"
    return [
        Drop(where="rest", probability=rate, part="answer"),
        Drop(where="rest", probability=rate / 2, part="request"),
        Drop(where="rest", match=new, probability=rate, part="answer"),
        Delay(where="rest", probability=12 * rate, seconds=0.02, jitter=0.1),
        Duplicate(where="rest", probability=rate),
        Reorder(where="rest", probability=rate / 4),
        Truncate(where="rest", probability=rate / 2),
        Trickle(where="rest", probability=rate / 4, seconds=0.5),
        Error(where="rest", probability=rate / 2, status=500),
        Error(where="rest", probability=rate / 4, status=502, body="<html>Bad Gateway</html>"),
        Error(where="rest", match=new, probability=rate, status=502, body="", processed=True),
        AcceptLate(probability=rate, seconds=1.0),
        # Few orders are cancelled with a rest, so this must strike most of them.
        FillAfterCancel(probability=0.8, seconds=0.5),
        PartialThenSilence(probability=2 * rate, seconds=2.0),
        Maintenance(after=every, every=every, seconds=1.0),
        RateLimit(after=every * 0.7, every=every, seconds=0.5),
        ClockJump(after=every * 0.4, every=every, ms=1500, probability=0.5),
        ClockJump(after=every * 0.6, every=every, ms=-1500, probability=0.5),
        BalanceChange(after=every * 0.3, every=every, amount=Decimal("-7.5")),
        BalanceChange(after=every * 0.8, every=every, currency="BTC", amount=Decimal("0.0125")),
        NonceCollision(after=every * 0.5, every=every),
    ]


class Soak:
    """One run; `summary` says what happened.

    Args:
        step: exchange time from one window to the next, ms; 0 for a window of each minute, else the
            next is sent once the last was decided on.
        guard: what the trader lacks; see `soaks.unguarded_trader`.
        hostile: the price crashes too, records are poisoned, and feed and windows fall silent.
    """

    def __init__(
        self,
        folder: Path,
        *,
        seed: int,
        speed: float,
        step: int = 0,
        guard: str = "",
        trader: Sequence[str] = (),
        kafka: str = "",
        hostile: bool = False,
    ) -> None:
        more: dict[str, Any] = {"trader": trader} if trader else {}
        options = (*OPTIONS, "--journal", "kafka") if kafka else OPTIONS
        if hostile:
            options += storm.OPTIONS
            more["market"] = storm.crashing(folder / "minutes.csv", seed=seed)
        self.nursery = None if trader else Nursery(guard)
        self.line = TraderLine(
            folder,
            speed=speed,
            seed=seed,
            step=step or MINUTE,
            paced=step > 0,
            period=3,
            options=options,
            kafka=kafka,
            nursery=self.nursery,
            **more,
        )
        self.storm = storm.Storm(self.line, seed) if hostile else None
        self.seed = seed
        self.kills = 0
        self.armed: list[Armed] = []
        self.folder = folder

    def run(
        self,
        *,
        orders: int,
        faults: int,
        kill_every: float,
        rate: float,
        limit: float,
        patient: bool = False,
    ) -> None:
        """Trades until there were enough orders and faults; then ends quietly and checks.

        Args:
            limit: real seconds after which it ends in any case.
            patient: counts the time to the next kill from when the trader is reconciled, so that
                a slow machine trades between kills too.
        """
        emulator = self.line.emulator
        with self._nursery(), self.line as line:
            line.start()
            line.wait(lambda: line.condition("Reconciled"))
            # A busy machine needs longer to reconcile than the shortest peace between two faults.
            wanted = rules(rate, every=max(5.0, kill_every) * (2 if patient else 1))
            injector = emulator.application.injector
            self.armed = emulator.call(lambda: [injector.arm(rule) for rule in wanted])
            began = killed = time.monotonic()
            while time.monotonic() - began < limit:
                enough = self.orders >= orders and self.faults >= faults
                if enough and (self.kills or not patient):
                    break
                if self.storm is not None:
                    self.storm.blow(time.monotonic() - began)
                if time.monotonic() - killed > kill_every:
                    self._await_crash(kill_every)
                    self._kill()
                    if patient:
                        line.wait(lambda: line.condition("Reconciled"))
                    killed = time.monotonic()
                time.sleep(0.1)
            self._end()
            self.check()

    @contextmanager
    def _nursery(self) -> Iterator[None]:
        try:
            yield
        finally:
            if self.nursery is not None:
                self.nursery.close()

    def _await_crash(self, longest: float) -> None:
        """In a storm the process dies while the price falls, if it does so soon."""
        until = time.monotonic() + longest
        while self.storm is not None and time.monotonic() < until:
            if storm.in_crash(self.line.exchange_time()):
                self.storm.crashes += 1
                return
            time.sleep(0.05)

    def _kill(self) -> None:
        self.line.kill()
        self.kills += 1
        self.line.start()

    def _end(self) -> None:
        """Stops the faults; a last start reconciles, and a stop flushes."""
        line, emulator = self.line, self.line.emulator
        line.talking = line.windowing = True
        emulator.call(lambda: emulator.application.injector.disarm(None))
        time.sleep(2.5)  # for orders accepted or filled late
        self._kill()
        line.wait(lambda: line.condition("Reconciled"))
        line.windowing = False
        last = max(line.ends)
        # A window in the far future, if one was believed, stays the newest.
        line.wait(lambda: not line.decided or max(line.decided) >= last)
        code = line.stop()
        assert code == 0, line.log()[-2000:]
        seen = -1
        while line.deliveries != seen:
            seen = line.deliveries
            time.sleep(0.7)

    # What happened.

    @property
    def orders(self) -> int:
        """Orders that the exchange accepted."""
        account = self.line.emulator.exchange.accounts["primary"]
        return len(account.closed) + len(account.live)

    @property
    def faults(self) -> int:
        """Number of faults that struck."""
        poisoned = 0 if self.storm is None else self.storm.poisoned + self.storm.silences
        return sum(armed.strikes for armed in self.armed) + poisoned

    def summary(self) -> dict[str, Any]:
        """For a person."""
        kinds: Counter[str] = Counter()
        for armed in self.armed:
            kinds[kind_of(armed.rule)] += armed.strikes
        return {
            "seed": self.seed,
            "orders": self.orders,
            "faults": self.faults,
            "kills": self.kills,
            "windows": self.line.windows,
            "fills": len(self.line.of_kind("fill")),
            "kinds": dict(kinds),
            **({} if self.storm is None else self._stormy()),
        }

    def _stormy(self) -> dict[str, Any]:
        assert self.storm is not None
        losses = self.storm.losses()
        return {
            "poison": self.storm.poisoned,
            "silences": self.storm.silences,
            "kills_in_a_crash": self.storm.crashes,
            "trips": len(losses),
            "largest_loss": round(max(losses, default=0.0), 4),
            "loss_allowed": round(storm.LARGEST_LOSS, 4),
        }

    # What must hold.

    def check(self) -> None:
        """Positions, intents, orders and fills; see the module."""
        account = self.line.emulator.exchange.accounts["primary"]
        ledger, intents = self._read_journal()
        undecided = self.line.ends - self.line.decided
        assert not undecided, f"windows without a decision: {sorted(undecided)[:5]}"
        assert not self.line.changed, f"decided twice, differently: {self.line.changed[:5]}"
        assert not ledger.halted, ledger.halted
        unresolved = [placed.intent.client_order_id for placed in ledger.unresolved()]
        assert not unresolved, f"unresolved at the end: {unresolved}"
        ours = {"BTC": ledger.base, "USD": ledger.quote}
        venue = {name: account.ledger.amount(name) for name in ours}
        assert ours == venue, f"the ledger says {ours}, the exchange {venue}"
        self._check_outside(ledger)
        tickets = [*account.closed, *account.live.values()]
        names = Counter(ticket.client_order_id for ticket in tickets)
        assert not [name for name, count in names.items() if count > 1], "two orders of one intent"
        assert set(names) <= intents, f"orders without an intent: {set(names) - intents}"
        documents = Counter(d["body"]["trade_id"] for d in self.line.of_kind("fill"))
        assert set(documents) == {str(fill.tid) for fill in account.fills}, "each fill a document"
        assert set(documents.values()) <= {1}, "each fill one document"
        if self.storm is not None:
            worst = max(self.storm.losses(), default=0.0)
            assert worst <= storm.LARGEST_LOSS, f"a trip lost {worst:.1%}, more than its stop"
        decisions = self.line.of_kind("decision")
        ends = [d["body"]["window_end"] for d in decisions if "-exit-" not in d["id"]]
        assert len(ends) == len(set(ends)), "one decision a window"

    def _read_journal(self) -> tuple[Ledger, set[str]]:
        journal: Journal = (
            KafkaJournal(self.line.settings, self.line.topics.journal_of("btc"), "btc")
            if self.line.settings.kafka
            else SqliteJournal(self.folder / "state" / "btc" / "journal.sqlite")
        )
        ledger, intents, compared = Ledger(), set(), False
        for entry in journal.read():
            compared = isinstance(entry.body, Balanced) or (
                compared and not isinstance(entry.body, EpochTaken)
            )
            if isinstance(entry.body, Intended):
                name = entry.body.intent.client_order_id
                assert name not in intents, f"two intents are called {name}"
                assert compared, f"{name} was sent before the account was compared"
                doubtful = [placed.intent.client_order_id for placed in ledger.unresolved()]
                assert not doubtful, f"{name} was sent while {doubtful} was not known"
                intents.add(name)
            ledger = apply(ledger, entry.body)
        journal.close()
        return ledger, intents

    def _check_outside(self, ledger: Ledger) -> None:
        """Checks that outside activity is exactly what the faults moved."""
        moved = {"BTC": Decimal(0), "USD": Decimal(0)}
        for armed in self.armed:
            if isinstance(armed.rule, BalanceChange):
                moved[armed.rule.currency] += armed.rule.amount * armed.strikes
        seen = {"BTC": ledger.outside_base, "USD": ledger.outside_quote}
        assert seen == moved, f"taken for outside activity {seen}, moved by others {moved}"


def encoded(summary: dict[str, Any]) -> str:
    """The summary as one line."""
    return msgspec.json.encode(summary).decode()
