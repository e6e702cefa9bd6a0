"""Converts a strategy's answer to the record that a trader reads. Pure."""

import math
from typing import Final, Literal

import msgspec

from tradebot.domain.money import exact, short
from tradebot.records import ProposalRecord
from tradebot.strategy.messages import Failed, Proposed

MOST: Final = 1e15
"""Largest size or price."""

SIDES: Final[dict[int, Literal["buy", "sell", "hold"]]] = {1: "buy", -1: "sell", 0: "hold"}


class Proposer(msgspec.Struct, frozen=True, kw_only=True):
    """Who proposes, and for what."""

    key: str
    strategy: str
    digest: str
    symbol: str
    step: int
    adds: bool = False

    def record(self, bar_end: int, inputs: str, answer: Proposed | Failed | str) -> ProposalRecord:
        """Returns the proposal for the bar that ends at `bar_end`.

        Args:
            inputs: digest of the bars that the strategy saw.
            answer: the strategy's, or the reason why it was not asked.
        """
        record = ProposalRecord(
            bot=self.key,
            strategy=self.strategy,
            digest=self.digest,
            inputs=inputs,
            symbol=self.symbol,
            bar_end=bar_end,
            side="hold",
            step_ms=self.step,
            adds=self.adds,
        )
        if isinstance(answer, str):
            return msgspec.structs.replace(record, reason=answer)
        if isinstance(answer, Proposed) and (nonsense := fault(answer)) is not None:
            answer = Failed(f"{self.strategy}: {nonsense}")
        if isinstance(answer, Failed):
            return msgspec.structs.replace(
                record, reason=f"{self.strategy} failed at this bar", failing=answer.where
            )
        if answer.side > 0 and answer.size == 0:
            answer = Proposed(0, 0.0, answer.fraction)
        of_cash = answer.fraction and answer.side >= 0
        return msgspec.structs.replace(
            record,
            side=SIDES[answer.side],
            size=text(answer.size) if answer.side else "0",
            sizing="Fraction" if of_cash else "Amount",
            limit=None if answer.limit is None else text(answer.limit),
            stop=None if answer.stop is None else text(answer.stop),
            reason=_reason(self.strategy, answer),
        )


def fault(answer: Proposed) -> str | None:
    """Returns why the answer is not a valid proposal."""
    if answer.side not in SIDES:
        return f"the side is {answer.side}: use 1, -1 or 0"
    if not 0 <= answer.size <= MOST:
        return f"the size is {answer.size}: use a number from 0 up"
    for name, price in (("limit", answer.limit), ("stop", answer.stop)):
        if price is not None and not 0 < price <= MOST:
            return f"the {name} is {price}: use a price above 0"
    return None


def text(number: float) -> str:
    """Returns the number's shortest decimal string.

    >>> text(0.1), text(1e-7), text(50000.0)
    ('0.1', '0.0000001', '50000')
    """
    return short(exact(number))


def _reason(strategy: str, answer: Proposed) -> str:
    if answer.side == 0:
        return f"{strategy} wants nothing at this bar"
    if answer.side < 0:
        what = f"sell {text(answer.size)}" if answer.size else "sell all"
    elif answer.fraction:
        percent = answer.size * 100
        what = f"buy for {percent if math.isfinite(percent) else 0:.4g}% of the cash"
    else:
        what = f"buy {text(answer.size)}"
    prices = (("limit", answer.limit), ("stop", answer.stop))
    added = "".join(f", {name} {text(price)}" for name, price in prices if price is not None)
    return f"{strategy} wants to {what}{added}"
