"""The state that survives a restart: accounts, keys, orders and fills, in one file.

The market is recreated at each start. Resting orders enter the new book, oldest first, and match
what they find there.
"""

import os
import time
from decimal import Decimal
from pathlib import Path

import msgspec

from tradebot.emulator.accounts.account import ExchangeAccount, Ticket
from tradebot.emulator.accounts.keys import Key
from tradebot.emulator.exchange import Exchange
from tradebot.emulator.feeds import BalanceUpdate, OrderUpdate
from tradebot.platform.settings import SettingsError

FILE = "emulator.json"
_CLOSED = 5000
"""Limit of an account's closed orders in the file; the newest are kept."""
_IDS_SECONDS = 60.0
"""Interval for writing the file even without changes, since the market uses ids too."""
_SPARE_IDS = 1_000_000
"""More ids than the market uses in that interval."""


class KeptAccount(msgspec.Struct, frozen=True):
    """One account, with its orders by id and their fills."""

    name: str
    number: int
    holdings: dict[str, Decimal]
    reserved: dict[int, tuple[str, Decimal]]
    tickets: list[Ticket]


class Kept(msgspec.Struct, frozen=True):
    """The file's content; `time` is the market's, ms."""

    time: int
    next_id: int
    accounts: list[KeptAccount]
    keys: list[Key]


def read(folder: Path) -> Kept | None:
    """Reads the folder's file; `None` if there is none.

    Raises:
        SettingsError: it cannot be read.
    """
    file = folder / FILE
    try:
        return msgspec.json.decode(file.read_bytes(), type=Kept)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise SettingsError(
            f"--state-dir: {file} cannot be read ({error}); delete it to start with new accounts"
        ) from None


def restore(exchange: Exchange, kept: Kept) -> None:
    """Restores the exchange's accounts. Configured accounts keep their configured keys.

    Raises:
        SettingsError: there are orders of a symbol that is not traded.
    """
    exchange.ids.next = kept.next_id + _SPARE_IDS
    found: list[tuple[ExchangeAccount, Ticket]] = []
    for each in kept.accounts:
        account = ExchangeAccount(each.name, each.number, each.holdings, each.reserved)
        account.fills = sorted(
            (fill for ticket in each.tickets for fill in ticket.fills), key=lambda fill: fill.tid
        )
        exchange.restore_account(account)
        found += [(account, ticket) for ticket in each.tickets]
    for key in kept.keys:
        known = exchange.keys.setdefault(key.name, key)
        known.last_nonce, known.last_seen = key.last_nonce, time.monotonic()
    for account, ticket in sorted(found, key=lambda pair: pair[1].order.id):
        market = exchange.market(ticket.symbol)
        if market is None:
            raise SettingsError(
                f"--state-dir contains orders of {ticket.symbol}: add it to --symbol, or delete "
                f"{FILE}"
            )
        exchange.desk.restore(account, market, ticket)


class Memory:
    """Writes the file when an account has changed."""

    def __init__(self, folder: Path, exchange: Exchange) -> None:
        self._file = folder / FILE
        self._exchange = exchange
        self._changed = True
        self._written = 0.0
        exchange.feeds.orders.append(self._note)
        exchange.feeds.balances.append(self._note)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.save()
        except OSError as error:
            raise SettingsError(
                f"--state-dir {folder} is not writable: {error.strerror}; choose another folder"
            ) from None

    def _note(self, _update: OrderUpdate | BalanceUpdate) -> None:
        self._changed = True

    def save(self) -> None:
        """Writes the file atomically, if something has changed."""
        if not self._changed and time.monotonic() - self._written < _IDS_SECONDS:
            return
        part = self._file.with_suffix(".part")
        part.touch(mode=0o600)
        with part.open("wb") as out:
            out.write(msgspec.json.encode(self._kept()))
            out.flush()
            os.fsync(out.fileno())
        part.replace(self._file)
        self._changed, self._written = False, time.monotonic()

    def _kept(self) -> Kept:
        exchange = self._exchange
        return Kept(
            time=exchange.clock.market(),
            next_id=exchange.ids.next,
            accounts=[
                KeptAccount(
                    account.name,
                    account.number,
                    account.ledger.holdings(),
                    account.ledger.reserved(),
                    [*account.closed[-_CLOSED:], *account.live.values()],
                )
                for account in exchange.accounts.values()
            ],
            keys=list(exchange.keys.values()),
        )
