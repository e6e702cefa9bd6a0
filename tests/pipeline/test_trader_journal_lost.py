"""A trader whose journal was lost trades nothing until a person adopts a new one."""

import re
from pathlib import Path

import httpx
from line.trader import TraderLine
from waiting.conditions import until


def ready(line: TraderLine) -> str:
    """Returns the last /readyz response of the newest process, empty without one."""
    ports = re.findall(r"health and metrics are served.*port\W+(\d+)", line.log())
    try:
        return httpx.get(f"http://127.0.0.1:{ports[-1]}/readyz", timeout=5).text
    except (IndexError, httpx.HTTPError):
        return ""


def lose_journal(state: Path) -> None:
    for path in (state / "btc").glob("journal.sqlite*"):
        path.unlink()


def test_a_trader_without_the_journal_that_its_lease_knows_of_sends_nothing(
    tmp_path: Path,
) -> None:
    with TraderLine(tmp_path, speed=120) as line:
        line.start()
        line.wait(lambda: line.of_kind("order"))
        line.kill()
        lose_journal(tmp_path / "state")
        account = line.emulator.exchange.accounts["primary"]
        orders, windows = len(account.closed), line.windows
        line.start()
        line.wait(lambda: "journal of btc is empty" in ready(line))
        line.wait(lambda: line.windows > windows + 8)
        assert "tradebot journal adopt btc --because REASON" in ready(line)
        assert len(account.closed) == orders and not account.live

        adopted = line.tell("journal", "adopt", "btc", "--because", "the disk failed")
        assert adopted.returncode == 0, adopted.stderr
        line.wait(lambda: line.condition("Reconciled"))
        line.wait(lambda: len(account.closed) > orders)
        again = line.tell("journal", "adopt", "btc", "--because", "once more")
        assert again.returncode == 2
        assert "another trader is running for this bot" in again.stderr
        assert line.stop() == 0
        names = [ticket.client_order_id for ticket in account.closed]
        assert len(names) == len(set(names)), "order numbers go on from those at the venue"


def test_a_bot_whose_first_start_wrote_nothing_starts_as_new(tmp_path: Path) -> None:
    with TraderLine(tmp_path, speed=120, options=["--kafka", "127.0.0.1:1"]) as line:
        line.start()
        assert line.process is not None
        until(lambda: line.process is not None and line.process.poll() is not None)
        assert (tmp_path / "state" / "btc" / "epoch").read_text() == "1"
        line._options = ()
        line.start()
        line.wait(lambda: line.condition("Reconciled"))
