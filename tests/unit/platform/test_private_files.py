"""What a bot keeps on one machine can only be read by its owner."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tradebot.platform.sqlite_store import SqliteStore
from tradebot.trader.claim_files import ClaimFiles
from tradebot.trader.journal.documents import Identity
from tradebot.trader.journal.entries import Halted
from tradebot.trader.journal.journaled import JournaledLedger
from tradebot.trader.journal.publisher import UnsentDocuments
from tradebot.trader.journal.store import SqliteJournal
from tradebot.trader.lease import FileLease
from tradebot.trader.renewed_lease import RenewedLease
from tradebot.venue.gemini.nonce_file import counter_nonces

WHO = Identity(bot="btc", symbol="BTCUSD", mode="Live")


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    """The usual mask of a machine, which lets everybody read new files."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def readable_by_others(folder: Path) -> list[str]:
    return [
        path.name
        for path in folder.rglob("*")
        if path.is_file() and stat.S_IMODE(path.stat().st_mode) != 0o600
    ]


async def test_leases_are_private(tmp_path: Path) -> None:
    for name, lease in (
        ("locked", FileLease(tmp_path / "locked")),
        ("claims", RenewedLease(ClaimFiles(tmp_path / "claims"), holder="trader")),
    ):
        await lease.acquire()
        assert (tmp_path / name / "epoch").exists()
        assert readable_by_others(tmp_path / name) == []
        await lease.release()


async def test_a_journal_is_private_also_one_that_was_not(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.touch(mode=0o644)
    journaled = JournaledLedger(SqliteJournal(path), UnsentDocuments(), WHO, lambda: 1)
    await journaled.record(Halted(reason="why"))
    assert (tmp_path / "journal.sqlite-wal").exists()
    assert readable_by_others(tmp_path) == []
    journaled.close()


def test_documents_and_nonces_are_private(tmp_path: Path) -> None:
    SqliteStore(tmp_path / "documents.sqlite")
    nonces = counter_nonces(tmp_path / "nonce")
    nonces.refused()
    assert (tmp_path / "nonce").exists()
    assert readable_by_others(tmp_path) == []
