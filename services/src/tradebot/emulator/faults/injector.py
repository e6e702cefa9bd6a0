"""Decides which rule strikes what, and logs every strike.

Each rule has its own random numbers, from the seed and the rule's position, and draws one for each
thing that it could strike: the same seed and the same sequence give the same strikes.
"""

import time
from collections import deque
from collections.abc import Callable
from random import Random
from typing import TypeVar

import msgspec

from tradebot.emulator.faults.rules import Occurrence, Rule, Where, kind_of
from tradebot.emulator.metrics import FAULTS

_LOG = 10_000

AnyKind = TypeVar("AnyKind", bound=Rule)


class Strike(msgspec.Struct, frozen=True):
    """One fault that struck; `at` is exchange time, ms."""

    number: int
    rule: int
    kind: str
    where: str
    subject: str
    at: int


class Armed:
    """A rule in force, and how often it struck."""

    def __init__(self, number: int, rule: Rule, random: Random, now: float) -> None:
        self.number = number
        self.rule = rule
        self.random = random
        self.since = now
        self.strikes = 0
        self.due = now + rule.after

    def expired(self, now: float) -> bool:
        """Whether it can never strike again."""
        rule = self.rule
        if rule.count is not None and self.strikes >= rule.count:
            return True
        end = rule.lasting
        return end is not None and now > self.since + rule.after + end

    def strikes_now(self, where: Where, subject: str, now: float) -> bool:
        """Whether it strikes this; draws a random number if it might."""
        rule = self.rule
        if not covers(rule.where, where) or rule.match not in subject:
            return False
        if now < self.since + rule.after or self.expired(now):
            return False
        return self.random.random() < rule.probability


def covers(rule: Where, where: Where) -> bool:
    """Whether a rule for `rule` applies to `where`."""
    return rule in ("any", where) or (rule == "sockets" and where != "rest")


class Injector:
    """The rules in force.

    Args:
        told_time: returns the exchange's time in ms, for the log.
        monotonic: real seconds.
    """

    def __init__(
        self,
        seed: int,
        told_time: Callable[[], int],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.seed = seed
        self.monotonic = monotonic
        self.log: deque[Strike] = deque(maxlen=_LOG)
        self._told_time = told_time
        self._armed: list[Armed] = []
        self._next = 1
        self._struck = 0

    def arm(self, rule: Rule) -> Armed:
        """Arms a rule."""
        random = Random(f"{self.seed}/{self._next}")  # noqa: S311  # reproducible, no secret
        armed = Armed(self._next, rule, random, self.monotonic())
        self._next += 1
        self._armed.append(armed)
        return armed

    def disarm(self, number: int | None = None) -> int:
        """Disarms one rule, or all; returns how many."""
        keep = [] if number is None else [each for each in self._armed if each.number != number]
        gone = len(self._armed) - len(keep)
        self._armed = keep
        return gone

    def armed(self) -> list[Armed]:
        """Returns the rules in force, oldest first."""
        now = self.monotonic()
        self._armed = [each for each in self._armed if not each.expired(now)]
        return list(self._armed)

    def idle(self) -> bool:
        """Whether no rule is in force."""
        return not self._armed

    def strike(
        self,
        kind: type[AnyKind],
        where: Where,
        subject: str,
        when: Callable[[AnyKind], bool] | None = None,
    ) -> tuple[AnyKind, Random] | None:
        """Returns the first rule of a kind, and accepted by `when`, that strikes, or `None`.

        Its random numbers come with it.
        """
        if not self._armed:
            return None
        now = self.monotonic()
        for armed in self._armed:
            rule = armed.rule
            if not isinstance(rule, kind) or (when is not None and not when(rule)):
                continue
            if armed.strikes_now(where, subject, now):
                self.record(armed, where, subject)
                return rule, armed.random
        return None

    def due(self) -> list[tuple[Armed, Occurrence]]:
        """Returns the occurrences that are due, and schedules the next of each."""
        now, found = self.monotonic(), []
        for armed in self._armed:
            rule = armed.rule
            if not isinstance(rule, Occurrence) or now < armed.due or armed.expired(now):
                continue
            armed.due = now + rule.every if rule.every is not None else float("inf")
            if armed.random.random() < rule.probability:
                self.record(armed, rule.where, "")
                found.append((armed, rule))
        return found

    def record(self, armed: Armed, where: str, subject: str) -> None:
        """Logs a strike."""
        armed.strikes += 1
        self._struck += 1
        kind = kind_of(armed.rule)
        FAULTS.labels(kind).inc()
        self.log.append(
            Strike(self._struck, armed.number, kind, where, subject[:200], self._told_time())
        )
