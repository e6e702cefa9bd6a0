"""A trader that follows a strategy: its proposals become orders, and its account comes back."""

from pathlib import Path
from typing import Any

import msgspec
from line.trader import MINUTE, TraderLine

from tradebot.platform.topic import read_topic
from tradebot.records import AccountRecord, DeadLetter, ProposalRecord, decode, encode


class StrategyLine(TraderLine):
    """Proposes to buy and to sell in turn, at each window's end; half of what it sends is bad."""

    def window(self, end: int, *, complete: bool = True) -> None:
        super().window(end, complete=complete)
        good = ProposalRecord(
            bot="turns",
            strategy="Turns",
            digest="d",
            inputs="i",
            symbol="BTCUSD",
            bar_end=end,
            side="buy" if end // MINUTE % 2 else "sell",
            size="0.01" if end // MINUTE % 2 else "0",
            reason="it is the turn of this side",
            step_ms=MINUTE,
        )
        foreign = msgspec.structs.replace(good, symbol="ETHUSD", side="sell")
        self.propose(b"{", encode(foreign), encode(good))

    def propose(self, *values: bytes) -> None:
        for value in values:
            self._producer.produce(self.topics.proposals, value, key=b"turns")

    def read(self, topic: str, kind: type[Any]) -> list[Any]:
        settings = msgspec.structs.replace(
            self.settings, kafka=self.address, kafka_embedded=self.broker is not None
        )
        return [decode(value, kind) for value in read_topic(settings, topic)]


def test_proposals_become_orders_and_the_account_is_told(tmp_path: Path) -> None:
    options = ["--proposer", "turns", "--holdings", "Own", "--cooldown-seconds", "0"]
    options += ["--max-window-lag-seconds", "5", "--max-orders-per-hour", "1000"]
    with StrategyLine(tmp_path, speed=30, options=options) as line:
        line.start()
        line.wait(lambda: len(line.of_kind("score")) >= 1)
        orders = {
            each["body"]["decision_id"]: each["body"]["side"] for each in line.of_kind("order")
        }
        decisions = [each["body"] for each in line.of_kind("decision")]
        made = [each for each in decisions if each["decision_id"] in orders]
        assert {(each["strategy"], each["proposed"]) for each in made} == {
            ("Turns", "it is the turn of this side")
        }
        assert all(each["proposal"] == f"turns/{each['window_end']}" for each in made)
        assert [orders[each["decision_id"]] for each in made][:2] == ["buy", "sell"]

        accounts = line.read(line.topics.accounts, AccountRecord)
        assert any(each.bought and float(each.position) > 0 for each in accounts)
        assert any(each.fills and not each.bought for each in accounts)

        letters = line.read(line.topics.dead_letters, DeadLetter)
        assert {each.stage for each in letters} == {"trader"}
        assert any("but the bot trades BTCUSD" in each.error for each in letters)
