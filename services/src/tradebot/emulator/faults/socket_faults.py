"""Faults of a socket's messages."""

from collections.abc import Callable

import msgspec

from tradebot.emulator.faults.injector import Injector
from tradebot.emulator.faults.rules import (
    Delay,
    Drop,
    Duplicate,
    Gap,
    Reorder,
    Truncate,
    Where,
)
from tradebot.emulator.faults.state import FaultState


class Message(msgspec.Struct, frozen=True):
    """A message to deliver after that many real seconds."""

    text: str
    delay: float = 0.0


class SocketFaults:
    """Applies faults to the messages of one connection."""

    def __init__(self, injector: Injector, state: FaultState, where: Where) -> None:
        self._injector = injector
        self._state = state
        self._where = where
        self._held: str | None = None
        self._losing = 0

    def outgoing(self, text: str) -> list[Message]:
        """Returns what to send instead of a message: itself, nothing, more, or less."""
        if self._state.silent(self._where):
            return []
        if self._injector.idle() and self._held is None and not self._losing:
            return [Message(text)]
        if self._lost(text):
            return []
        if self._held is None and self._injector.strike(Reorder, self._where, text):
            self._held = text
            return []
        sent = self._altered(text)
        if self._held is not None:
            sent.append(Message(self._held))
            self._held = None
        return sent

    def incoming(self, text: str) -> Message | None:
        """Returns what of a client's message reaches the exchange, and when; `None` if lost."""
        if self._injector.idle():
            return Message(text)
        if self._injector.strike(Drop, self._where, text, _of_requests):
            return None
        return Message(text, self._late(text, _of_requests))

    def _late(self, text: str, when: Callable[[Delay], bool]) -> float:
        delay = self._injector.strike(Delay, self._where, text, when)
        if delay is None:
            return 0.0
        rule, random = delay
        return rule.seconds + rule.jitter * random.random()

    def _lost(self, text: str) -> bool:
        if self._losing:
            self._losing -= 1
            return True
        gap = self._injector.strike(Gap, self._where, text)
        if gap is not None:
            self._losing = gap[0].messages - 1
            return True
        return self._injector.strike(Drop, self._where, text, _of_answers) is not None

    def _altered(self, text: str) -> list[Message]:
        strike, where = self._injector.strike, self._where
        seconds = self._late(text, _of_answers)
        if strike(Truncate, where, text):
            text = text[: len(text) // 2]
        sent = [Message(text, seconds)]
        if strike(Duplicate, where, text):
            sent.append(Message(text))
        return sent


def _of_requests(rule: Drop | Delay) -> bool:
    return rule.part == "request"


def _of_answers(rule: Drop | Delay) -> bool:
    return rule.part == "answer"
