"""A stream in the shape of the venue's second WebSocket, the same each time: a whole book, then
changes of one to three levels, a trade in ten frames, a heartbeat in five hundred."""

import json
import random
from typing import Any

SYMBOL = "BTCUSD"
START = 1_624_493_666_869


def frames(count: int, seed: int = 1) -> list[bytes]:
    """Returns `count` frames as from the socket."""
    rng = random.Random(seed)
    made = [_heartbeat(0), _book(rng)]
    while len(made) < count:
        number = len(made)
        if number % 500 == 0:
            made.append(_heartbeat(number))
        elif number % 10 == 0:
            made.append(_trade(number, rng))
        else:
            changes = [_level(rng) for _ in range(rng.randint(1, 3))]
            made.append(_l2(changes))
    return made


def _encode(content: dict[str, Any]) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()


def _l2(changes: list[list[str]], **more: Any) -> bytes:
    return _encode({"type": "l2_updates", "symbol": SYMBOL, "changes": changes} | more)


def _level(rng: random.Random) -> list[str]:
    side = rng.choice(("buy", "sell"))
    offset = rng.randint(1, 800)
    price = 3_500_000 + (-offset if side == "buy" else offset)
    size = "0" if rng.random() < 0.4 else f"{rng.randint(1, 500_000_000) / 1e8:.8f}"
    return [side, f"{price / 100:.2f}", size]


def _book(rng: random.Random) -> bytes:
    levels = [
        [side, f"{(3_500_000 + sign * offset) / 100:.2f}", f"{rng.randint(1, 10**9) / 1e8:.8f}"]
        for side, sign in (("buy", -1), ("sell", 1))
        for offset in range(1, 801)
    ]
    return _l2(levels, trades=[], auction_events=[])


def _trade(number: int, rng: random.Random) -> bytes:
    return _encode(
        {
            "type": "trade",
            "symbol": SYMBOL,
            "event_id": 45_465_818_387 + number,
            "timestamp": START + number * 10,
            "price": f"{(3_500_000 + rng.randint(-50, 50)) / 100:.2f}",
            "quantity": f"{rng.randint(1, 10**8) / 1e8:.8f}",
            "side": rng.choice(("buy", "sell")),
        }
    )


def _heartbeat(number: int) -> bytes:
    return _encode({"type": "heartbeat", "timestamp": START + number * 10})
