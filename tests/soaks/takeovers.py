"""Takeovers: an active trader is killed, stopped or cut off, and its standby continues.

Both are processes, between an emulator and a broker in the test's process. A trader that was
stopped or cut off comes back afterwards, and must not send anything.
"""

import contextlib
import json
import math
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

from soaks.chaos import Soak
from waiting.conditions import PATIENCE_SECONDS, until

from tradebot.domain.intent import read_name

TRADER: Final = Path(__file__).parent / "cut_trader.py"
FAULTS: Final = ("kill", "stop", "cut")
BUDGET: Final = 20 / 9
"""Limit of a takeover, as a multiple of the lease's duration: 20 s for one of 9 s."""


class Takeovers:
    """One run; `summary` has the results.

    Args:
        lease_seconds: the lease's duration.
        kafka: address of a real broker for the journal too; by default a file keeps it.
    """

    def __init__(
        self, folder: Path, *, seed: int, lease_seconds: float, kafka: str = "", speed: float = 120
    ) -> None:
        state = folder / "state" / "btc"
        self.soak = Soak(
            folder,
            seed=seed,
            speed=speed,
            kafka=kafka,
            trader=(sys.executable, str(TRADER), str(state)),
        )
        self.line = self.soak.line
        self.line._options += ("--standby", "--lease-seconds", str(lease_seconds))
        self.seed, self.state, self.lease_seconds = seed, state, lease_seconds
        self.took: dict[str, list[float]] = {kind: [] for kind in FAULTS}
        self._dice = random.Random(seed)
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    def run(self, count: int, *, limit: float = math.inf) -> None:
        """Runs that many takeovers, or until `limit` seconds are over; then the checks."""
        with self.line:
            try:
                self._start()
                self._start()
                began = time.monotonic()
                while self.count < count and time.monotonic() - began < limit:
                    self._take_over(FAULTS[self.count % len(FAULTS)])
                self._end()
            finally:
                for process in self._processes.values():
                    process.kill()
                    process.wait(10)
        self.soak.check()
        assert not self.late(), f"orders of an earlier epoch came late: {self.late()}"

    def _start(self) -> None:
        self.line.start()
        assert self.line.process is not None
        self._processes[self.line.process.pid] = self.line.process

    def _pid(self, name: str) -> int:
        with contextlib.suppress(OSError, ValueError):
            return int(json.loads((self.state / name).read_bytes())["pid"])
        return 0

    def _keep_two(self) -> None:
        """Restarts a trader that ended by itself, like a kubelet."""
        for pid, process in list(self._processes.items()):
            if process.poll() is not None:
                del self._processes[pid]
                self._start()

    def _settled(self) -> int:
        """Returns the active trader's process while it trades and another follows, otherwise 0."""
        self._keep_two()
        active, standby = self._pid("control.json"), self._pid("standby.json")
        there = {active, standby} == set(self._processes)
        return active if there and self.line.condition("Reconciled") else 0

    def _take_over(self, kind: str) -> None:
        line = self.line
        active = until(self._settled, told=lambda: line.log()[-3000:])
        time.sleep(self._dice.random() * 0.6)  # at any moment between two windows
        window = (line.status() or {"window_end": 0})["window_end"]
        cut = self.state / f"cut-{active}"
        began = time.monotonic()
        if kind == "kill":
            os.kill(active, signal.SIGKILL)
        elif kind == "stop":
            os.kill(active, signal.SIGSTOP)
        else:
            cut.touch()
        until(lambda: self._goes_on(active, window), told=lambda: line.log()[-3000:])
        self.took[kind].append(time.monotonic() - began)
        if kind == "stop":
            os.kill(active, signal.SIGCONT)
        self._processes[active].wait(PATIENCE_SECONDS)
        cut.unlink(missing_ok=True)
        del self._processes[active]
        self._start()

    def _goes_on(self, before: int, window: int) -> bool:
        """Whether another trader has reconciled and decided on a newer window."""
        if self._pid("control.json") in (0, before):
            return False
        status = self.line.status()
        if status is None or not self.line.condition("Reconciled"):
            return False
        return bool(status["window_end"] > window)

    def _end(self) -> None:
        """Stops the standby first, so that the active trader is the last to write."""
        line = self.line
        active = until(self._settled, told=lambda: line.log()[-3000:])
        line.windowing = False
        last = max(line.ends)
        until(lambda: last in line.decided, told=lambda: line.log()[-3000:])
        for pid, process in sorted(self._processes.items(), key=lambda item: item[0] == active):
            process.send_signal(signal.SIGTERM)
            code = process.wait(PATIENCE_SECONDS)
            assert code == 0, f"{pid} ended with {code}: {self.line.log()[-2000:]}"
        self._processes.clear()
        until(lambda: self.line.deliveries and not self.line._producer.poll(0))
        seen = -1
        while self.line.deliveries != seen:
            seen = self.line.deliveries
            time.sleep(0.7)

    # What happened.

    @property
    def count(self) -> int:
        """Number of takeovers so far."""
        return sum(map(len, self.took.values()))

    def late(self) -> list[str]:
        """Returns orders that an earlier epoch placed after a later one had."""
        account = self.line.emulator.exchange.accounts["primary"]
        tickets = sorted([*account.closed, *account.live.values()], key=lambda each: each.order.id)
        newest, found = 0, []
        for ticket in tickets:
            name = read_name(ticket.client_order_id)
            if name is not None and name.epoch < newest:
                found.append(ticket.client_order_id)
            newest = max(newest, name.epoch if name is not None else 0)
        return found

    def summary(self) -> dict[str, Any]:
        """Returns times in seconds and as multiples of the lease's duration."""
        account = self.line.emulator.exchange.accounts["primary"]
        names = Counter(ticket.client_order_id for ticket in account.closed)
        every = sorted(took for each in self.took.values() for took in each)
        return {
            "seed": self.seed,
            "takeovers": self.count,
            "of": {kind: len(took) for kind, took in self.took.items()},
            "lease_seconds": self.lease_seconds,
            "orders": self.soak.orders,
            "doubled": sum(number - 1 for number in names.values()) + len(self.late()),
            "p50_s": round(quantile(every, 0.5), 2),
            "p99_s": round(quantile(every, 0.99), 2),
            "p99_leases": round(quantile(every, 0.99) / self.lease_seconds, 2),
            "budget_leases": round(BUDGET, 2),
        }


def quantile(values: list[float], share: float) -> float:
    """Returns the value that `share` of the sorted values do not exceed; 0 if there are none."""
    return values[min(len(values) - 1, int(len(values) * share))] if values else 0.0
