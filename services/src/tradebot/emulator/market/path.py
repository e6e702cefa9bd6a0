"""The trades within a bar, which reproduce its open, high, low, close and volume exactly."""

from itertools import pairwise
from random import Random

import msgspec


class StepBar(msgspec.Struct, frozen=True):
    """One bar in whole steps of price and amount."""

    open: int
    high: int
    low: int
    close: int
    volume: int


class Print(msgspec.Struct, frozen=True):
    """A planned trade, `at` ms after the bar's start."""

    at: int
    price: int
    amount: int


def prints(bar: StepBar, *, count: int, length: int, random: Random) -> list[Print]:
    """Returns at most `count` trades (at least what the bar needs) spread over `length` ms.

    The first is at the open and the last at the close; in between the price reaches both extremes.
    Amounts add up to the volume. A bar without volume has no trades.
    """
    if bar.volume <= 0:
        return []
    anchors = _anchors(bar, random)
    if bar.volume < len(anchors):
        return [Print(at=0, price=bar.close, amount=bar.volume)]
    count = min(max(count, len(anchors)), bar.volume)
    places = [0, *sorted(random.sample(range(1, count - 1), len(anchors) - 2)), count - 1]
    prices = _walk(bar, list(zip(places, anchors, strict=True)), count, random)
    amounts = _split(bar.volume, count, random)
    times = sorted(random.randrange(length) for _ in range(count))
    return [Print(*each) for each in zip(times, prices, amounts, strict=True)]


def _anchors(bar: StepBar, random: Random) -> list[int]:
    """Returns open, both extremes in a likely order, and close; always four."""
    falls_first = random.random() < (0.7 if bar.close >= bar.open else 0.3)
    extremes = [bar.low, bar.high] if falls_first else [bar.high, bar.low]
    return [bar.open, *extremes, bar.close]


def _walk(bar: StepBar, anchors: list[tuple[int, int]], count: int, random: Random) -> list[int]:
    noise = (bar.high - bar.low) / 12
    prices = [anchors[0][1]] * count
    for (left, start), (right, end) in pairwise(anchors):
        for place in range(left, right + 1):
            share = (place - left) / max(1, right - left)
            price = start + (end - start) * share
            if left < place < right:
                price += random.gauss(0, noise)
            prices[place] = min(bar.high, max(bar.low, round(price)))
    return prices


def _split(volume: int, count: int, random: Random) -> list[int]:
    """Splits `volume` into `count` positive parts, as uneven as real trades."""
    weights = [random.lognormvariate(0, 1) for _ in range(count)]
    spare = volume - count
    total = sum(weights)
    parts = [1 + int(spare * weight / total) for weight in weights]
    parts[parts.index(max(parts))] += volume - sum(parts)
    return parts
