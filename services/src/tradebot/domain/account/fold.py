"""The one fold of the account: fills, order times and marks give the bot's state.

The trader's ledger, replay and both backtest engines use only these functions, so the same fills
give the same `State` everywhere.

`bought` means everywhere that the bot can sell its own position: it is at least the symbol's
smallest order. After a partly filled sell the bot is still bought; after a buy that filled less
than the smallest order it is not.

Fills may come twice and out of order. A known fill changes nothing. A late fill is inserted by the
venue's time, and the trips are folded again from there. Only the last `KEPT` fills can be
reordered; no fill is later than that.
"""

from decimal import Decimal
from typing import Final, TypeVar

import msgspec

from tradebot.domain.account import trip as trips
from tradebot.domain.account.position import Position
from tradebot.domain.account.trip import Traded, Trip
from tradebot.domain.money import ZERO
from tradebot.domain.risk import marks as equity_marks
from tradebot.domain.situation import HOUR_MS, Marks, State

VOLUME_DAYS: Final = 30
"""Length of the period whose volume sets the fees."""
KEPT: Final = 64
"""Fills kept to insert a late one, or to remove a broken one."""


class Trips(msgspec.Struct, frozen=True, kw_only=True):
    """The open trip, the sum of the scores of ended trips, their number, and the last one."""

    trip: Trip | None = None
    realised: Decimal = ZERO
    trips: int = 0
    ended: Trip | None = None


class Account(Trips, frozen=True, kw_only=True):
    """The state of the fold. `base` and `quote` are whole balances.

    `fees` are those of all fills, in quote currency. `high` and `low` are the highest and lowest
    mid since the trip opened. `orders_at` are the ends of the windows that led to orders in the
    last hour, ascending. `volumes` are the UTC days of the last 30 on which the bot traded, each
    with its volume in quote currency. `recent` are the last fills by the venue's time, and
    `earlier` the trips before the first of them.
    """

    base: Decimal = ZERO
    quote: Decimal = ZERO
    fees: Decimal = ZERO
    high: Decimal | None = None
    low: Decimal | None = None
    orders_at: tuple[int, ...] = ()
    marks: Marks | None = None
    volumes: tuple[tuple[int, Decimal], ...] = ()
    recent: tuple[Traded, ...] = ()
    earlier: Trips = Trips()


AnyAccount = TypeVar("AnyAccount", bound=Account)


def opening(state: State) -> Account:
    """Returns the account that continues from a state."""
    held = state.position
    trip = None
    if held is not None:
        trip = Trip(
            trip_id="",
            opened=held.opened_at,
            opened_price=held.low,
            bought=held.amount,
            cost=held.cost,
        )
    return Account(
        base=state.base + state.base_held,
        quote=state.quote + state.quote_held,
        trip=trip,
        high=None if held is None else held.high,
        low=None if held is None else held.low,
        orders_at=state.orders_at,
        marks=state.marks,
    )


def state_of(account: Account, like: State, minimum: Decimal) -> State:
    """Returns the state that decisions use.

    Args:
        like: supplies what no fill records: reserved balances, whether the bot is reconciled,
            halted, and so on.
        minimum: the symbol's smallest order.
    """
    return msgspec.structs.replace(
        like,
        base=account.base - like.base_held,
        quote=account.quote - like.quote_held,
        bought=trips.holds(account.trip, minimum),
        position=position_of(account, minimum),
        orders_at=account.orders_at,
        marks=account.marks,
    )


def position_of(account: Account, minimum: Decimal) -> Position | None:
    """Returns the bot's own position; `None` if it is less than the smallest order."""
    trip = account.trip
    if trip is None or not trips.holds(trip, minimum):
        return None
    paid, amount = trip.cost + trip.fees_in, trip.open_amount
    start = trip.opened_price or trip.entry_price
    return Position(
        amount=amount,
        cost=paid if amount == trip.bought else paid * amount / trip.bought,
        opened_at=trip.opened,
        high=start if account.high is None else max(start, account.high),
        low=start if account.low is None else min(start, account.low),
    )


def booked(account: AnyAccount, traded: Traded) -> AnyAccount:
    """Adds a fill of the bot's own order; returns the same account if the fill is known."""
    if any(known.key == traded.key for known in account.recent):
        return account
    moved = msgspec.structs.replace(
        account,
        base=account.base + traded.base,
        quote=account.quote + traded.quote,
        fees=account.fees + traded.fee,
        volumes=_traded_more(account.volumes, traded.fill.ts, traded.value),
    )
    if not account.recent:
        moved = msgspec.structs.replace(moved, earlier=_trips(account))
    if not account.recent or traded.place > account.recent[-1].place:
        return _kept(_with(moved, _step(_trips(account), traded)), (*account.recent, traded))
    return _refolded(moved, (*account.recent, traded))


def broken(account: AnyAccount, traded: Traded) -> AnyAccount:
    """Removes a fill that the venue broke.

    A fill that is no longer kept leaves the balances. The open trip loses what it no longer holds;
    the score of an ended trip does not change.
    """
    moved = msgspec.structs.replace(
        account,
        base=account.base - traded.base,
        quote=account.quote - traded.quote,
        fees=account.fees - traded.fee,
        volumes=_traded_more(account.volumes, traded.fill.ts, -traded.value),
    )
    left = tuple(kept for kept in account.recent if kept.key != traded.key)
    if len(left) < len(account.recent):
        return _refolded(moved, left)
    return shrunk(moved, moved.base)


def balanced(
    account: AnyAccount, base: Decimal, quote: Decimal, flow: Decimal, mid: Decimal
) -> AnyAccount:
    """Sets the venue's balances.

    Args:
        flow: deposits less withdrawals, in quote currency. They are neither gain nor loss: the
            marks keep their ratio to equity.
        mid: the market's, to value the account before the flow.
    """
    marks = account.marks
    if flow:
        after = quote + base * mid
        marks = equity_marks.scale(marks, before=after - flow, after=after)
    moved = msgspec.structs.replace(account, base=base, quote=quote, marks=marks)
    return shrunk(moved, base)


def shrunk(account: AnyAccount, held: Decimal) -> AnyAccount:
    """Limits the trip to `held`: the rest was taken by others."""
    trip = None if account.trip is None else trips.shrink(account.trip, held)
    if trip == account.trip:
        return account
    after = _ended(msgspec.structs.replace(_trips(account), trip=trip))
    return msgspec.structs.replace(_with(account, after), recent=(), earlier=after)


def rescored(before: Account, after: Account) -> tuple[list[Trip], list[Trip]]:
    """Returns the trips whose score is new or changed, and those that no longer ended.

    A late or a broken fill can change any trip of the fills that are kept, or merge two trips.
    """
    old, new = _ended_trips(before), _ended_trips(after)
    changed = [trip for name, trip in new.items() if trip != old.get(name)]
    first = after.recent[0].fill.ts if before.recent and after.recent else None
    gone = [
        trip
        for name, trip in old.items()
        if name not in new
        and (before.earlier == after.earlier or (first is not None and trip.closed > first))
    ]
    return changed, gone


def _ended_trips(account: Account) -> dict[str, Trip]:
    """Returns the trips that the kept fills ended, and the last one before them, by name."""
    trips = account.earlier if account.recent else _trips(account)
    found = {} if trips.ended is None else {trips.ended.trip_id: trips.ended}
    for traded in account.recent:
        count, trips = trips.trips, _step(trips, traded)
        if trips.trips > count and trips.ended is not None:
            found[trips.ended.trip_id] = trips.ended
    return found


def ordered(account: AnyAccount, window_end: int) -> AnyAccount:
    """Counts an order that a window led to."""
    horizon = window_end - HOUR_MS
    recent = sorted((*(at for at in account.orders_at if at > horizon), window_end))
    return msgspec.structs.replace(account, orders_at=tuple(recent))


def not_ordered(account: AnyAccount, window_end: int) -> AnyAccount:
    """Uncounts an order that the venue refused, or that was never sent."""
    if window_end not in account.orders_at:
        return account
    times = list(account.orders_at)
    times.remove(window_end)
    return msgspec.structs.replace(account, orders_at=tuple(times))


def marked(account: AnyAccount, ts: int, equity: Decimal | None, mid: Decimal | None) -> AnyAccount:
    """Updates the marks after a look at the market at `ts`; `None` for what was not sound.

    Args:
        equity: moves the marks that losses are measured against.
        mid: moves the high and the low of the open position.
    """
    if equity is not None:
        marks = equity_marks.advance(account.marks, equity, ts)
        account = msgspec.structs.replace(account, marks=marks)
    if mid is None or account.trip is None:
        return account
    return msgspec.structs.replace(
        account,
        high=mid if account.high is None else max(account.high, mid),
        low=mid if account.low is None else min(account.low, mid),
    )


def volume(account: Account, ts: int) -> Decimal:
    """Returns the bot's volume in the 30 days up to `ts`, in quote currency."""
    first = equity_marks.day_of(ts) - VOLUME_DAYS
    return sum((value for day, value in account.volumes if day > first), ZERO)


def _traded_more(
    volumes: tuple[tuple[int, Decimal], ...], ts: int, value: Decimal
) -> tuple[tuple[int, Decimal], ...]:
    today, days = equity_marks.day_of(ts), dict(volumes)
    days[today] = days.get(today, ZERO) + value
    return tuple(sorted(days.items()))[-VOLUME_DAYS:]


def _trips(account: Trips) -> Trips:
    return Trips(
        trip=account.trip, realised=account.realised, trips=account.trips, ended=account.ended
    )


def _with(account: AnyAccount, after: Trips) -> AnyAccount:
    """Replaces the trips; a trip that just opened has no high and low yet."""
    opened = None if account.trip is None else account.trip.opened
    same = after.trip is not None and after.trip.opened == opened
    return msgspec.structs.replace(
        account,
        trip=after.trip,
        realised=after.realised,
        trips=after.trips,
        ended=after.ended,
        high=account.high if same else None,
        low=account.low if same else None,
    )


def _refolded(account: AnyAccount, fills: tuple[Traded, ...]) -> AnyAccount:
    """Folds the trips again from these fills, in the venue's order."""
    after = account.earlier
    fills = tuple(sorted(fills, key=lambda traded: traded.place))
    for traded in fills:
        after = _step(after, traded)
    return _kept(_with(account, after), fills)


def _kept(account: AnyAccount, fills: tuple[Traded, ...]) -> AnyAccount:
    earlier = account.earlier
    for traded in fills[:-KEPT]:
        earlier = _step(earlier, traded)
    return msgspec.structs.replace(account, recent=fills[-KEPT:], earlier=earlier)


def _step(before: Trips, traded: Traded) -> Trips:
    """Adds the next fill to the trips."""
    trip = before.trip
    if traded.side == "sell":
        if trip is None or trip.open_amount <= 0:
            return before
        return _ended(msgspec.structs.replace(before, trip=trips.sold(trip, traded)))
    if trip is not None and trip.sold and not trips.holds(trip, traded.minimum):
        before = _scored(before, trip)
    return msgspec.structs.replace(before, trip=trips.bought(trip, traded))


def _ended(before: Trips) -> Trips:
    """Scores the open trip if all that was bought is sold."""
    trip = before.trip
    if trip is None or trip.open_amount > 0:
        return before
    return msgspec.structs.replace(_scored(before, trip), trip=None)


def _scored(before: Trips, trip: Trip) -> Trips:
    return msgspec.structs.replace(
        before, realised=before.realised + trip.score, trips=before.trips + 1, ended=trip
    )
