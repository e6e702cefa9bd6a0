"""Faults of the exchange that last a while: maintenance, 429 storms, silence, muted orders."""

from collections.abc import Callable

from tradebot.emulator.faults.injector import covers
from tradebot.emulator.faults.rules import Where


class FaultState:
    """The end of each state.

    Args:
        monotonic: real seconds.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._maintenance = 0.0
        self._storm = 0.0
        self._silences: list[tuple[Where, float]] = []
        self._muted: dict[int, float] = {}
        self._lost_answer = False

    def begin_maintenance(self, seconds: float) -> None:
        """Closes the exchange for that long."""
        self._maintenance = self._monotonic() + seconds

    def begin_storm(self, seconds: float) -> None:
        """Responds 429 to every call for that long."""
        self._storm = self._monotonic() + seconds

    def begin_silence(self, where: Where, seconds: float) -> None:
        """Sends nothing on these sockets for that long."""
        self._silences.append((where, self._monotonic() + seconds))

    def mute(self, order_id: int, seconds: float) -> None:
        """Sends no socket update of an order for that long."""
        self._muted[order_id] = self._monotonic() + seconds

    def in_maintenance(self) -> bool:
        """Whether the exchange is closed."""
        return self._monotonic() < self._maintenance

    def in_storm(self) -> bool:
        """Whether every call gets a 429."""
        return self._monotonic() < self._storm

    def silent(self, where: Where) -> bool:
        """Whether these sockets send nothing."""
        if not self._silences:
            return False
        now = self._monotonic()
        self._silences = [each for each in self._silences if now < each[1]]
        return any(covers(each, where) for each, _ in self._silences)

    def muted(self, order_id: int) -> bool:
        """Whether updates of an order are not sent."""
        return self._monotonic() < self._muted.get(order_id, 0.0)

    def lose_answer(self) -> None:
        """Loses the response of the call in progress."""
        self._lost_answer = True

    def take_lost_answer(self) -> bool:
        """Whether to lose the response of the call just processed; resets the flag."""
        lost, self._lost_answer = self._lost_answer, False
        return lost
