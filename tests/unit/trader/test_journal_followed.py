"""A ledger that follows its journal equals one that reads all of it, whoever wrote."""

from hypothesis import given, settings
from hypothesis import strategies as st
from soaks.log import Log, LogJournal

from tradebot.records import DocType, Document
from tradebot.trader.journal.documents import Identity
from tradebot.trader.journal.entries import EpochTaken, Paused
from tradebot.trader.journal.journaled import JournaledLedger

WHO = Identity(bot="btc", symbol="BTCUSD", mode="Live")


class Sent:
    """Records what was sent; all of it is delivered once `arrived` is set."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.arrived = False

    def send(self, documents: tuple[Document, ...], number: int = 0) -> None:
        self.numbers += [number] * bool(documents)

    def delivered(self, last: int) -> int:
        return last if self.arrived else 0

    async def flush(self) -> None:
        pass


def ledger_of(log: Log, *, compact_after: int = 10**6) -> tuple[JournaledLedger, Sent, LogJournal]:
    sent, journal = Sent(), LogJournal(log)
    made = JournaledLedger(journal, sent, WHO, lambda: 1, compact_after=compact_after)  # type: ignore[arg-type]
    return made, sent, journal


async def written(writer: JournaledLedger, text: str) -> None:
    document = Document(text, DocType.HALT, 1, "btc", "BTCUSD", {"a": "b"})
    await writer.record(Paused(because=text, by="t"), documents=(document,))


@settings(deadline=None, max_examples=200)
@given(steps=st.lists(st.sampled_from(["take over", "old", "new", "follow"]), max_size=30))
async def test_following_gives_what_reading_gives(steps: list[str]) -> None:
    log = Log()
    follower, _, _ = ledger_of(log)
    writers: list[JournaledLedger] = []
    for number, step in enumerate(["take over", *steps]):
        if step == "follow":
            follower.follow()
        elif step == "take over":
            writer, _, _ = ledger_of(log)
            writer.open()
            await writer.record(EpochTaken(epoch=writer.ledger.epoch + 1, mode="Live"))
            writers.append(writer)
        else:
            await written(writers[-1 if step == "new" else 0], str(number))
    fresh, _, _ = ledger_of(log)
    fresh.open()
    follower.follow()
    assert follower.ledger == fresh.ledger
    assert follower.follow() == fresh.follow()


async def test_following_costs_no_second_reading_of_the_whole() -> None:
    log = Log()
    writer, _, _ = ledger_of(log)
    writer.open()
    follower, _, journal = ledger_of(log)
    for number in range(20):
        await written(writer, str(number))
        assert follower.follow() == number + 1
    assert journal.reads == 1


async def test_a_snapshot_of_what_was_followed_is_no_news() -> None:
    log = Log()
    writer, sent, _ = ledger_of(log)
    writer.open()
    follower, _, journal = ledger_of(log)
    await written(writer, "one")
    follower.follow()
    snapshot = log.entries[-1]
    writer._compact_after, sent.arrived = 1, True
    await writer._compact()
    assert log.entries[-1] is not snapshot
    follower.follow()
    assert journal.reads == 1 and follower.ledger == writer.ledger


async def test_who_takes_over_sends_the_documents_that_may_not_have_arrived() -> None:
    log = Log()
    writer, sent, _ = ledger_of(log)
    writer.open()
    follower, resent, _ = ledger_of(log)
    await written(writer, "one")
    follower.follow()
    sent.arrived = True
    await written(writer, "two")
    sent.arrived = False
    await written(writer, "three")
    follower.follow()
    assert not resent.numbers, "a standby sends nothing"
    follower.open()
    assert resent.numbers == [2, 3]
