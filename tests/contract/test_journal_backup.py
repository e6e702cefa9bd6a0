"""A journal that was backed up and restored says the same as before, on a disk and on Kafka."""

import asyncio
import json
import stat
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest
from click.testing import CliRunner, Result

from tradebot.records import DocType, Document
from tradebot.trader.backends import journal_of
from tradebot.trader.journal.backup import backup, restore
from tradebot.trader.journal.command import command
from tradebot.trader.journal.documents import Identity
from tradebot.trader.journal.entries import Balanced, Decided, EpochTaken, Halted
from tradebot.trader.journal.journaled import JournaledLedger
from tradebot.trader.journal.ledger import Ledger
from tradebot.trader.journal.publisher import UnsentDocuments
from tradebot.trader.lease import FileLease
from tradebot.trader.settings import TraderSettings

D = Decimal
WHO = Identity(bot="btc", symbol="BTCUSD", mode="Live")
Settings = Callable[[str], TraderSettings]


@pytest.fixture(params=["sqlite", "kafka"])
def of_cluster(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """The trader's settings in a cluster of that name, which is empty at first."""
    names: dict[str, str] = {}
    address = request.getfixturevalue("kafka_address") if request.param == "kafka" else ""

    def made(cluster: str) -> TraderSettings:
        prefix = names.setdefault(cluster, f"{uuid4().hex[:8]}-")
        return TraderSettings(
            journal=request.param, state_dir=tmp_path / cluster, kafka=address, topic_prefix=prefix
        )

    return made


class Kept(UnsentDocuments):
    """Keeps what it was given to send."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def send(self, documents: tuple[Document, ...], number: int = 0) -> None:  # type: ignore[override]
        self.sent += [document.id for document in documents]


async def written(settings: TraderSettings) -> Ledger:
    """The ledger of a trader that wrote its journal and was killed before a document arrived."""
    journaled = JournaledLedger(journal_of(settings), Kept(), WHO, lambda: 1)
    journaled.open()
    await journaled.record(EpochTaken(epoch=3, mode="Live"))
    balanced = Balanced(
        base=D(2), quote=D(9), outside_base=D(0), outside_quote=D(0), mid=D(1), trades_to=1
    )
    await journaled.record(balanced, Halted(reason="too much was lost"))
    decided = Decided(window_end=60_000, action="hold", gate="", equity=None)
    document = Document("d1", DocType.DECISION, 0, "btc", "BTCUSD", {})
    await journaled.record(decided, documents=(document,))
    journaled.close()
    return journaled.ledger


def read(settings: TraderSettings) -> tuple[JournaledLedger, list[str]]:
    publisher = Kept()
    journaled = JournaledLedger(journal_of(settings), publisher, WHO, lambda: 1)
    journaled.open()
    return journaled, publisher.sent


async def test_restored_in_an_empty_cluster_the_bot_knows_all_that_it_knew(
    of_cluster: Settings, tmp_path: Path
) -> None:
    before = await written(of_cluster("old"))
    file = tmp_path / "btc.journal"
    assert backup(of_cluster("old"), file) == 4
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    told = await restore(of_cluster("new"), file)
    assert told == "the journal of btc is restored up to entry 4"
    journaled, sent = read(of_cluster("new"))
    assert journaled.ledger == before
    assert "d1" in sent, "what may not have been delivered is sent"
    await journaled.record(Halted(reason="again"))
    assert read(of_cluster("new"))[0].ledger == journaled.ledger


async def test_a_journal_with_entries_is_never_overwritten(
    of_cluster: Settings, tmp_path: Path
) -> None:
    await written(of_cluster("old"))
    file = tmp_path / "btc.journal"
    backup(of_cluster("old"), file)
    with pytest.raises(Exception, match="the journal of btc is not empty"):
        await restore(of_cluster("old"), file)


def run(settings: TraderSettings, *arguments: str) -> Result:
    return CliRunner().invoke(
        command, [*arguments, "--state-dir", str(settings.state_dir), "--json"], env={}
    )


def test_the_commands_verify_a_journal_and_refuse_a_damaged_backup(tmp_path: Path) -> None:
    settings = TraderSettings(state_dir=tmp_path / "old")
    asyncio.run(written(settings))
    file = tmp_path / "btc.journal"
    assert run(settings, "backup", "btc", str(file)).exit_code == 0
    whole = run(settings, "verify", "btc")
    assert whole.exit_code == 0
    assert json.loads(whole.output)["last"] == 4
    file.write_bytes(file.read_bytes().replace(b"too much", b"too mach"))
    empty = TraderSettings(state_dir=tmp_path / "new")
    refused = run(empty, "restore", "btc", str(file))
    assert refused.exit_code != 0 and "was changed after it was written" in refused.output
    file.write_bytes(file.read_bytes()[:200])
    assert "is not a whole backup" in run(empty, "restore", "btc", str(file)).output
    journal = journal_of(settings)
    journal._database.execute("DELETE FROM journal WHERE number = 3")  # type: ignore[attr-defined]
    journal.close()
    damaged = run(settings, "verify", "btc")
    assert damaged.exit_code == 1
    (fault,) = json.loads(damaged.output)["faults"]
    assert (fault["number"], fault["what"]) == (4, "entries 3 to 3 before it are missing")


async def test_a_backup_is_not_restored_under_a_running_trader(tmp_path: Path) -> None:
    await written(TraderSettings(state_dir=tmp_path / "old"))
    file = tmp_path / "btc.journal"
    backup(TraderSettings(state_dir=tmp_path / "old"), file)
    settings = TraderSettings(state_dir=tmp_path / "new")
    lease = FileLease(settings.folder)
    await lease.acquire()
    with pytest.raises(Exception, match="another trader is running for this bot"):
        await restore(settings, file)
    await lease.release()
