"""API keys: their roles, and the rule of their nonces."""

from decimal import Decimal
from typing import Literal

import msgspec

Role = Literal["Trader", "FundManager", "Auditor"]
NonceRule = Literal["counter", "time"]

TIME_WINDOW = 30
"""Seconds by which a time-based nonce may differ from the clock."""
HEARTBEAT_LIMIT = 30.0
"""Real seconds without a private message until the orders of a heartbeat key are cancelled."""


class Key(msgspec.Struct):
    """One API key, which the venue also calls a session."""

    name: str
    secret: str
    account: str
    roles: list[Role]
    nonce_rule: NonceRule = "counter"
    heartbeat: bool = False
    last_nonce: Decimal = Decimal(0)
    last_seen: float = 0.0

    @property
    def master(self) -> bool:
        """Whether it serves a group of accounts; each request must then name one."""
        return self.name.startswith("master-")

    def accept_nonce(self, nonce: Decimal, clocks: tuple[float, ...]) -> bool:
        """Whether the nonce is valid; a counter then stores it as its last.

        Args:
            clocks: times in seconds that a time-based nonce may be near.
        """
        if self.nonce_rule == "time":
            return any(abs(float(nonce) - clock) <= TIME_WINDOW for clock in clocks)
        if nonce <= self.last_nonce:
            return False
        self.last_nonce = nonce
        return True
