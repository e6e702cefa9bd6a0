"""Verifies a journal: the chain of its entries, and what its fills add up to.

The chain shows each entry that was changed, dropped, doubled or moved. The recount takes the fills
alone, by sums of its own, and compares them with the account that the entries fold to, with the
venue's balances at each comparison, and with the scores that were published.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Final

import msgspec

from tradebot.domain.account.trip import paid_in_base
from tradebot.domain.intent import Intent
from tradebot.domain.money import ZERO, plain
from tradebot.domain.order_state import Broken, Fill, Filled
from tradebot.records import DocType
from tradebot.trader.journal.entries import (
    Balanced,
    Entry,
    EpochTaken,
    Intended,
    OrderEvent,
    Snapshot,
)
from tradebot.trader.journal.ledger import Ledger, decode_ledger
from tradebot.trader.journal.replay import Replay
from tradebot.trader.journal.store import UnusableJournalError, decode

SCORE_ERROR: Final = 1e-6
"""Scores are published as floats: their sum may differ from the ledger's by this share."""


class Fault(msgspec.Struct, frozen=True):
    """What is wrong, and at which entry; 0 for the journal as a whole."""

    number: int
    what: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a journal says and what is wrong with it. Money as decimal strings, in quote currency
    where not said otherwise; `unhashed` counts the entries of releases that wrote no hashes."""

    bot: str
    entries: int
    first: int
    last: int
    unhashed: int
    fills: int
    base: str
    quote: str
    fees: str
    score: str
    trips: int
    faults: list[Fault]


def verify(
    lines: Iterable[bytes],
    bot: str,
    head: int = 0,
    doubled: Callable[[], list[int]] = list,
) -> Report:
    """Reads all lines, whatever is wrong with some.

    Args:
        head: the number of the last entry, 0 if only the entries themselves know.
        doubled: returns, once all lines are read, the entries that the store holds twice.
    """
    chain, recount, replay = _Chain(), _Recount(), Replay(bot)
    faults: list[Fault] = []
    entries = first = 0
    for entries, line in enumerate(lines, 1):  # noqa: B007  # the count is used after the loop
        try:
            entry = decode(line)
        except UnusableJournalError as error:
            faults.append(chain.unreadable(str(error)))
            continue
        first = first or entry.number
        faults += chain.take(entry)
        if faults:
            continue
        try:
            replay.take(entry)
            faults += recount.take(entry)
        except (UnusableJournalError, KeyError) as error:  # an entry without a hash was changed
            faults.append(Fault(entry.number, f"contradicts the entries before it: {error!r}"))
    if chain.number < head:
        what = f"entries {chain.number + 1} to {head} are missing at the end"
        faults.append(Fault(head, what))
    if not faults:
        faults += recount.differences(replay.ledger)
    faults += [Fault(number, "is stored twice; the trader reads it once") for number in doubled()]
    ledger = replay.ledger
    return Report(
        bot=bot,
        entries=entries,
        first=first,
        last=chain.number,
        unhashed=chain.unhashed,
        fills=recount.fills,
        base=plain(ledger.base),
        quote=plain(ledger.quote),
        fees=plain(ledger.fees),
        score=plain(ledger.realised),
        trips=ledger.trips,
        faults=faults,
    )


class _Chain:
    """Follows the entries by their numbers and hashes, past every fault."""

    def __init__(self) -> None:
        self.number = 0
        self.unhashed = 0
        self._hashed = False
        self._links: tuple[str, ...] | None = ("",)
        """What the next entry may follow; `None` after a fault, where anything is taken."""

    def unreadable(self, what: str) -> Fault:
        """The fault of a line that no entry can be read from."""
        self.number, self._links = self.number + 1, None
        return Fault(self.number, what)

    def take(self, entry: Entry) -> list[Fault]:
        """What is wrong with the place of the next entry."""
        found = self._number(entry) or self._link(entry)
        self.number = max(self.number, entry.number)
        self.unhashed += not entry.hash
        self._hashed = self._hashed or bool(entry.hash)
        self._links = (entry.hash,)
        if found:
            self._links = None
        elif isinstance(entry.body, Snapshot):
            self._links = (entry.hash, entry.previous)
        return [Fault(entry.number, found)] if found else []

    def _number(self, entry: Entry) -> str:
        number, snapshot = entry.number, isinstance(entry.body, Snapshot)
        if (snapshot and number == self.number) or (snapshot and not self.number):
            return ""
        if number <= self.number:
            return f"comes after entry {self.number}: it is there twice, or out of order"
        if number > self.number + 1:
            return f"entries {self.number + 1} to {number - 1} before it are missing"
        return ""

    def _link(self, entry: Entry) -> str:
        if not entry.hash:
            return "has no hash, though entries before it have" if self._hashed else ""
        begins = isinstance(entry.body, Snapshot) and not self.number
        if begins or self._links is None or entry.previous in self._links:
            return ""
        return "does not follow the entry before it: one of the two was exchanged"


class _Recount:
    """Sums of the fills, apart from the fold that the trader uses."""

    def __init__(self) -> None:
        self.fills = 0
        self._known = False
        self._whole = True
        """Whether the journal begins with its first entry: only then are all scores in it."""
        self._mode = ""
        self._base = self._quote = self._fees = ZERO
        self._intents: dict[str, Intent] = {}
        self._booked: set[tuple[str, int]] = set()
        self._broken: set[tuple[str, int]] = set()
        self._scores: dict[str, float] = {}

    def take(self, entry: Entry) -> list[Fault]:
        """What the entry contradicts."""
        found = ""
        match entry.body:
            case Snapshot():
                found = self._snapshot(decode_ledger(entry.body.ledger))
            case EpochTaken(mode=mode) if self._mode not in ("", mode):
                self._begin(Ledger(), mode)
            case EpochTaken(mode=mode):
                self._mode = mode
            case Intended(intent=intent):
                self._intents[intent.client_order_id] = intent
            case OrderEvent(client_order_id=name, event=Filled(fill=fill)):
                self._fill(name, fill)
            case OrderEvent(client_order_id=name, event=Broken(fill=fill)):
                self._break(name, fill)
            case Balanced():
                found = self._balanced(entry.body)
        for document in entry.documents:
            if document.doc_type == DocType.SCORE:
                self._scores[document.id] = document.body["score"]
        return [Fault(entry.number, found)] if found else []

    def differences(self, ledger: Ledger) -> list[Fault]:
        """Where the sums and the ledger differ."""
        sums = (self._base, self._quote, self._fees)
        folded = (ledger.base, ledger.quote, ledger.fees)
        names = ("position", "quote balance", "fees")
        found = [
            Fault(0, f"the {name} is {plain(ours)} by the fills, but {plain(theirs)} in the ledger")
            for name, ours, theirs in zip(names, sums, folded, strict=True)
            if ours != theirs
        ]
        score, realised = sum(self._scores.values()), float(ledger.realised)
        if self._whole and abs(score - realised) > SCORE_ERROR * max(1.0, abs(realised)):
            what = f"the published scores add up to {score:g}, but the ledger says {realised:g}"
            found.append(Fault(0, what))
        return found

    def _snapshot(self, ledger: Ledger) -> str:
        sums, folded = (self._base, self._quote), (ledger.base, ledger.quote)
        same = not self._known or sums == folded
        self._whole = self._whole and self._known
        self._begin(ledger, ledger.mode)
        return "" if same else "the snapshot's balances are not those of the entries before it"

    def _begin(self, ledger: Ledger, mode: str) -> None:
        self._known, self._mode = ledger.known, mode
        self._base, self._quote, self._fees = ledger.base, ledger.quote, ledger.fees
        self._scores.clear()
        for name, placed in ledger.orders.items():
            self._intents[name] = placed.intent
            self._booked |= {(name, fill.trade_id) for fill in placed.order.fills}

    def _fill(self, name: str, fill: Fill) -> None:
        key = (name, fill.trade_id)
        if key not in self._booked and key not in self._broken:
            self._booked.add(key)
            self.fills += 1
            self._move(name, fill, 1)

    def _break(self, name: str, fill: Fill) -> None:
        key = (name, fill.trade_id)
        if key in self._booked:
            self._booked.remove(key)
            self._move(name, fill, -1)
        self._broken.add(key)

    def _move(self, name: str, fill: Fill, times: int) -> None:
        intent = self._intents[name]
        bought = times if intent.side == "buy" else -times
        in_base = paid_in_base(intent.symbol, fill.fee_currency)
        self._base += bought * fill.amount - (times * fill.fee if in_base else ZERO)
        self._quote -= bought * fill.amount * fill.price + (ZERO if in_base else times * fill.fee)
        self._fees += times * fill.fee * (fill.price if in_base else Decimal(1))

    def _balanced(self, body: Balanced) -> str:
        explained = (self._base + body.outside_base, self._quote + body.outside_quote)
        same = not self._known or explained == (body.base, body.quote)
        self._known, self._base, self._quote = True, body.base, body.quote
        return "" if same else "the venue's balances are not what fills and transfers explain"
