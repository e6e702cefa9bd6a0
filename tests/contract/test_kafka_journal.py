"""The journal in Kafka: the same interface and guarantees as the file of one machine."""

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest

from tradebot.platform.embedded import EmbeddedBroker
from tradebot.platform.kafka import producer
from tradebot.platform.settings import StageSettings
from tradebot.records import DocType, Document
from tradebot.trader.journal.entries import Body, Entry, EpochTaken, Halted
from tradebot.trader.journal.kafka import KafkaJournal
from tradebot.trader.journal.store import Journal, JournalError, SqliteJournal, encode, seal
from tradebot.trader.journal.verify import verify

Open = Callable[[str], Journal]


def entry(number: int, epoch: int = 1, body: Body | None = None) -> Entry:
    return Entry(
        number=number,
        epoch=epoch,
        ts=number,
        published=0,
        body=body or Halted(reason=f"{epoch}/{number}"),
    )


def _opener(address: str, *, mock: bool) -> Open:
    settings = StageSettings(kafka=address, kafka_embedded=mock)
    topic = f"journal-{uuid4().hex[:8]}"
    return lambda bot: KafkaJournal(settings, f"{topic}.{bot}", bot)


@pytest.fixture(params=["sqlite", "mock", "kafka"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Opens the journal of a bot, the same one each time."""
    if request.param == "sqlite":
        return lambda bot: SqliteJournal(tmp_path / bot / "journal.sqlite")
    if request.param == "kafka":
        return _opener(request.getfixturevalue("kafka_address"), mock=False)
    broker = EmbeddedBroker()
    request.addfinalizer(broker.close)
    return _opener(broker.address, mock=True)


async def test_what_was_written_is_read_in_order_by_the_next_process(opened: Open) -> None:
    journal = opened("btc")
    assert list(journal.read()) == []
    written = [entry(1, body=EpochTaken(epoch=1, mode="Live")), *(entry(n) for n in range(2, 40))]
    for each in written:
        await journal.append(each)
    journal.close()
    assert list(opened("btc").read()) == written


async def test_documents_that_may_not_have_arrived_are_read_again(opened: Open) -> None:
    journal = opened("btc")
    for number in range(1, 9):
        document = Document(f"d{number}", DocType.HALT, number, "btc", "BTCUSD", {"a": "b"})
        made = entry(number, body=EpochTaken(epoch=1, mode="Live") if number == 1 else None)
        made = msgspec.structs.replace(made, published=max(0, number - 3), documents=(document,))
        await journal.append(made)
    journal.close()
    read = list(opened("btc").read())
    assert [each.number for each in read] == [*range(1, 9)]
    assert [d.id for each in read for d in each.documents][-3:] == ["d6", "d7", "d8"]


async def test_bots_do_not_see_each_other(opened: Open) -> None:
    first, second = opened("btc"), opened("eth")
    await first.append(entry(1))
    await second.append(entry(1, epoch=7))
    assert [e.epoch for e in opened("btc").read()] == [1]
    assert [e.epoch for e in opened("eth").read()] == [7]


async def test_what_a_fenced_trader_still_writes_does_not_count(kafka_address: str) -> None:
    opened = _opener(kafka_address, mock=False)
    old, new = opened("btc"), opened("btc")
    for number in (1, 2):
        await old.append(entry(number, epoch=1))
    await old.append(entry(3, epoch=1))
    await new.append(entry(3, epoch=2))
    await old.append(entry(4, epoch=1))
    await new.append(entry(4, epoch=2))
    read = [(e.number, e.epoch) for e in opened("btc").read()]
    assert read == [(1, 1), (2, 1), (3, 2), (4, 2)]


async def test_a_broker_that_is_gone_is_an_error_and_nothing_may_be_done() -> None:
    broker = EmbeddedBroker()
    settings = StageSettings(kafka=broker.address, kafka_embedded=True)
    journal = KafkaJournal(settings, "journal", "btc", patience=2.0)
    await journal.append(entry(1))
    broker.close()
    with pytest.raises(JournalError, match=r"cannot write|did not confirm"):
        await journal.append(entry(2))


async def test_a_follower_reads_what_another_trader_writes_meanwhile(opened: Open) -> None:
    writer, follower = opened("btc"), opened("btc")
    for number in range(1, 4):
        await writer.append(entry(number))
    assert [e.number for e in follower.read()] == [1, 2, 3]
    assert list(follower.follow()) == []
    for number in range(4, 7):
        await writer.append(entry(number))
        assert [e.number for e in follower.follow()] == [number]
    assert [e.number for e in follower.read()] == [1, 2, 3, 4, 5, 6]
    assert list(follower.follow()) == []
    writer.close()
    follower.close()


async def test_a_follower_sees_that_an_entry_took_the_place_of_another(kafka_address: str) -> None:
    opened = _opener(kafka_address, mock=False)
    old, new, follower = opened("btc"), opened("btc"), opened("btc")
    await old.append(entry(1, epoch=1))
    await old.append(entry(2, epoch=1))
    assert [e.number for e in follower.read()] == [1, 2]
    await new.append(entry(2, epoch=2))
    assert [(e.number, e.epoch) for e in follower.follow()] == [(2, 2)]
    assert [(e.number, e.epoch) for e in follower.read()] == [(1, 1), (2, 2)]


async def test_a_record_that_the_broker_stored_twice_is_read_once_and_reported() -> None:
    broker = EmbeddedBroker()
    settings = StageSettings(kafka=broker.address, kafka_embedded=True)
    journal = KafkaJournal(settings, "journal.btc", "btc")
    first = seal(entry(1, body=EpochTaken(epoch=1, mode="Live")), "")
    second = seal(entry(2), first.hash)
    third = seal(entry(3), second.hash)
    await journal.append(first, second, third)
    again = producer(settings)
    for each in (second, third):
        again.produce("journal.btc", key=b"btc", value=encode(each))
    again.flush(10)
    report = verify(journal.lines(), "btc", 0, journal.doubled)
    assert [(fault.number, fault.what) for fault in report.faults] == [
        (2, "is stored twice; the trader reads it once"),
        (3, "is stored twice; the trader reads it once"),
    ]
    assert report.entries == 3
    assert list(journal.read()) == [first, second, third]
    journal.close()
    broker.close()


async def test_an_entry_that_took_the_place_of_another_is_not_called_doubled() -> None:
    broker = EmbeddedBroker()
    settings = StageSettings(kafka=broker.address, kafka_embedded=True)
    journal = KafkaJournal(settings, "journal.btc", "btc")
    first = seal(entry(1, body=EpochTaken(epoch=1, mode="Live")), "")
    fenced = seal(entry(2), first.hash)
    taken = seal(entry(2, epoch=2, body=EpochTaken(epoch=2, mode="Live")), first.hash)
    await journal.append(first, fenced, taken)
    assert not verify(journal.lines(), "btc", 0, journal.doubled).faults
    journal.close()
    broker.close()
