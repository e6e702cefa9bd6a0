"""The entries of a bot's journal: all that a trader needs to restart.

The journal is written before anything is done. Each entry carries the documents that follow from
it, and the number up to which documents had been delivered by then. So a trader that was killed
delivers the rest when it restarts.
"""

from decimal import Decimal
from typing import Literal

import msgspec

from tradebot.domain.intent import Intent
from tradebot.domain.money import ZERO
from tradebot.domain.order_state import Event
from tradebot.platform.control import Control
from tradebot.records import Document


class EpochTaken(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """This trader acquired the lease; `mode` says whose money its ledger is of, Paper or Live."""

    epoch: int
    mode: str


class Balanced(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The ledger was compared with the venue.

    `base` and `quote` are the venue's whole balances. `outside_base` and `outside_quote` are what
    came in (or went out, if negative) without an intent; `mid` values it. Of that, `traded_base`
    and `traded_quote` came from trades with this account's key that no intent explains: they are
    profits and losses, all else is deposits and withdrawals. `outside_trades` are their ids and
    `traded_at` is the venue's time (ms) of the last, 0 if there was none. `trades_to` is the time
    (ms) up to which fills are known. `number` is the highest in a client order id of this bot at
    the venue, if its journal is new. `held_base` and `held_quote` are what orders of others hold.
    """

    base: Decimal
    quote: Decimal
    outside_base: Decimal
    outside_quote: Decimal
    mid: Decimal
    trades_to: int
    outside_trades: tuple[int, ...] = ()
    traded_base: Decimal = ZERO
    traded_quote: Decimal = ZERO
    traded_at: int = 0
    number: int = 0
    held_base: Decimal = ZERO
    held_quote: Decimal = ZERO


class Decided(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A window is accounted for. `equity` and `mid` are `None` without a sound price.

    `usable` is true if the window and its forecast could be traded on.
    """

    window_end: int
    action: Literal["buy", "sell", "hold"]
    gate: str
    equity: Decimal | None
    usable: bool = False
    mid: Decimal | None = None


class Intended(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """An order is about to be sent."""

    intent: Intent


class OrderEvent(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Something about an order became known."""

    client_order_id: str
    event: Event


class Halted(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The bot halted itself."""

    reason: str


class Paused(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A person paused the bot; with `flatten`, it must also sell everything."""

    because: str
    by: str
    flatten: bool = False


class Flattened(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A flatten is done: everything that could be sold has been sold."""


class Watched(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A check between windows at `ts` (ms), in quote currency, by sound prices."""

    ts: int
    equity: Decimal
    mid: Decimal


class Resumed(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A person resumed the bot from a halt or a pause."""

    because: str
    by: str


class Obeyed(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The bot acted on an order of its TradeBot, and does not act on the same one again."""

    control: Control


class Adopted(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A person started a new journal though the bot had traded before: what it knew is lost."""

    because: str
    by: str


class Repaired(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A person reset the marks in the future to `to`, the venue's time in ms."""

    to: int
    because: str
    by: str


class Snapshot(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Replaces all entries up to this one; JSON of a `Ledger`."""

    ledger: msgspec.Raw


Body = (
    EpochTaken
    | Balanced
    | Decided
    | Watched
    | Intended
    | OrderEvent
    | Halted
    | Paused
    | Flattened
    | Resumed
    | Obeyed
    | Repaired
    | Adopted
    | Snapshot
)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the journal; `ts` is the venue's time, ms.

    Numbers rise by one, from 1 or from a snapshot's on. `previous` is the hash of the entry before,
    empty in the first and after an entry without a hash. `hash` is of the entry's own line up to
    the hash. Entries of releases before 0.2.0 have neither.
    """

    number: int
    epoch: int
    ts: int
    published: int
    body: Body
    documents: tuple[Document, ...] = ()
    previous: str = ""
    hash: str = ""
