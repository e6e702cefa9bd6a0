"""States of the exchange that last a while: maintenance, 429 storms, silence, muted orders."""

from collections.abc import Callable

from tradebot.emulator.faults.injector import covers
from tradebot.emulator.faults.rules import Where


class FaultState:
    """Until when each state lasts.

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
        """The exchange is closed for so long."""
        self._maintenance = self._monotonic() + seconds

    def begin_storm(self, seconds: float) -> None:
        """Every call is one too many for so long."""
        self._storm = self._monotonic() + seconds

    def begin_silence(self, where: Where, seconds: float) -> None:
        """Sockets there say nothing for so long."""
        self._silences.append((where, self._monotonic() + seconds))

    def mute(self, order_id: int, seconds: float) -> None:
        """Sockets tell nothing of an order for so long."""
        self._muted[order_id] = self._monotonic() + seconds

    def in_maintenance(self) -> bool:
        """Whether the exchange is closed."""
        return self._monotonic() < self._maintenance

    def in_storm(self) -> bool:
        """Whether every call is one too many."""
        return self._monotonic() < self._storm

    def silent(self, where: Where) -> bool:
        """Whether sockets there say nothing."""
        if not self._silences:
            return False
        now = self._monotonic()
        self._silences = [each for each in self._silences if now < each[1]]
        return any(covers(each, where) for each, _ in self._silences)

    def muted(self, order_id: int) -> bool:
        """Whether nothing is told of an order."""
        return self._monotonic() < self._muted.get(order_id, 0.0)

    def lose_answer(self) -> None:
        """The call that is being processed gets no answer."""
        self._lost_answer = True

    def take_lost_answer(self) -> bool:
        """Whether the call that was just processed gets no answer."""
        lost, self._lost_answer = self._lost_answer, False
        return lost
