"""The messages between the stage and the strategy's process, over two pipes.

A message is four bytes of length, big-endian, and MessagePack. The stage sends requests, and the
process answers each once.
"""

import msgspec

LARGEST = 1 << 20
"""Largest answer in bytes; messages of the stage may be longer."""

TEXT = 500
"""Maximum length of a text that a strategy may publish."""


class Row(msgspec.Struct, frozen=True, array_like=True):
    """A closed bar: `ts` is its start in ms; flows and ratio are `nan` if there were none."""

    ts: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    bid_flow: float
    ask_flow: float
    ratio: float
    complete: bool


class Fill(msgspec.Struct, frozen=True, array_like=True):
    """A fill of the bot; fields as in `Execution`."""

    number: int
    ts: int
    side: int
    price: float
    amount: float
    fee: float


class Account(msgspec.Struct, frozen=True):
    """A bot's account for its strategy class; `fills` are those since the previous bar."""

    cash: float
    position: float
    bought: bool
    equity: float | None
    fills: list[Fill]


class Begin(msgspec.Struct, frozen=True, tag=True):
    """Load the strategy; the answer is `Loaded` or `Refused`."""

    strategy: str
    parameters: dict[str, str | int | float | bool]
    step: int
    max_bars: int
    memory: int


class Past(msgspec.Struct, frozen=True, tag=True):
    """Earlier bars; columns as bytes, in the order of `Row`. The answer is `Taken`.

    `account` is `None` for a strategy of arrays.
    """

    columns: list[bytes]
    account: Account | None = None


class Bar(msgspec.Struct, frozen=True, tag=True):
    """A bar has closed; the answer is `Proposed`, or `Failed`.

    `forecasts` has for each model the result of `domain.signal.predict` at the bar's end: log
    price, the next one, and the last minute that the model used.
    """

    row: Row
    account: Account | None = None
    forecasts: dict[str, tuple[float, float, int]] = {}


class Loaded(msgspec.Struct, frozen=True, tag=True):
    """The strategy runs in its sandbox."""

    name: str
    digest: str
    warmup: int
    forecasts: list[str]
    is_class: bool


class Taken(msgspec.Struct, frozen=True, tag=True):
    """The earlier bars were received."""


class Refused(msgspec.Struct, frozen=True, tag=True):
    """The strategy cannot run until a person changes something, and what."""

    reason: str


class Proposed(msgspec.Struct, frozen=True, tag=True):
    """What the strategy proposes: `side` 1 to buy, −1 to sell, 0 for nothing.

    `size` is a fraction of the cash if `fraction`, otherwise base currency; a sell of 0 sells
    everything. `printed` is the end of the strategy's output.
    """

    side: int
    size: float
    fraction: bool
    limit: float | None = None
    stop: float | None = None
    printed: str = ""


class Failed(msgspec.Struct, frozen=True, tag=True):
    """The strategy's code failed at this bar: file, line and the last line of the traceback."""

    where: str
    printed: str = ""


Asked = Begin | Past | Bar
Answer = Loaded | Taken | Refused | Proposed | Failed


def frame(message: msgspec.Struct) -> bytes:
    """Encodes a message for the pipe."""
    body = msgspec.msgpack.encode(message)
    return len(body).to_bytes(4, "big") + body
