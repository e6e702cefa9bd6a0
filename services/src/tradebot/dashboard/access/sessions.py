"""Sessions of users who logged in: limited in number, age and idle time."""

import secrets
import time
from collections.abc import Callable
from typing import Final

import msgspec

from tradebot.dashboard.access.users import Role

AGE_SECONDS: Final = 12 * 3600.0
IDLE_SECONDS: Final = 2 * 3600.0
PER_USER: Final = 10
IN_ALL: Final = 1000


class Session(msgspec.Struct):
    """One login. `seen` is the time of its last request."""

    user: str
    role: Role
    began: float
    seen: float


class Sessions:
    """Keeps sessions in memory, by a random token: a restart ends them all.

    Args:
        now: seconds that only rise.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._open: dict[str, Session] = {}

    def open(self, user: str, role: Role) -> str:
        """Starts a session and returns its token; the user's oldest ends if they have too many."""
        now = self._now()
        self._sweep(now)
        own = [token for token, each in self._open.items() if each.user == user]
        ends = (
            own[: max(0, len(own) - PER_USER + 1)]
            or list(self._open)[: max(0, len(self._open) - IN_ALL + 1)]
        )
        for token in ends:
            del self._open[token]
        token = secrets.token_urlsafe(32)
        self._open[token] = Session(user, role, now, now)
        return token

    def find(self, token: str, *, touch: bool = True) -> Session | None:
        """Returns the session of a token, if it is still open.

        Args:
            touch: whether this is the user's doing; an open stream does not keep a session alive.
        """
        session, now = self._open.get(token), self._now()
        if session is None or _over(session, now):
            self._open.pop(token, None)
            return None
        if touch:
            session.seen = now
        return session

    def close(self, token: str) -> None:
        """Ends a session."""
        self._open.pop(token, None)

    def __len__(self) -> int:
        return len(self._open)

    def _sweep(self, now: float) -> None:
        for token in [token for token, each in self._open.items() if _over(each, now)]:
            del self._open[token]


def _over(session: Session, now: float) -> bool:
    return now - session.began > AGE_SECONDS or now - session.seen > IDLE_SECONDS
