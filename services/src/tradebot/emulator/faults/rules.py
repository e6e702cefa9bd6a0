"""The faults that a file, the control interface or a seed can request.

A rule is one kind of fault, with when and where it strikes. There are three families: faults of
messages and responses, faults of orders, and timed faults of the exchange.
"""

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import yaml

from tradebot.platform.settings import SettingsError

Where = Literal["rest", "v1", "v2", "order-events", "ws", "sockets", "any"]
Part = Literal["request", "answer"]

Seconds = Annotated[float, msgspec.Meta(ge=0)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Count = Annotated[int, msgspec.Meta(ge=1)]


class Rule(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    rename={"lasting": "for"},
):
    """The fields of all rules. Times are real seconds since the rule was set.

    `where` is the interface, `match` a part of a call's path or of a socket message's text, `count`
    the maximum number of strikes, and `for` how long the rule lasts.
    """

    where: Where = "any"
    match: str = ""
    probability: Share = 1.0
    count: Count | None = None
    after: Seconds = 0.0
    lasting: Seconds | None = None


class Drop(Rule, frozen=True, tag="drop"):
    """Loses a message; a call's connection breaks before or after it was processed.

    On a socket `answer` is what the exchange sends, and `request` what the client sends.
    """

    part: Part = "answer"


class Delay(Rule, frozen=True, tag="delay"):
    """Delays a message or response, and all behind it on its connection."""

    seconds: Seconds = 1.0
    jitter: Seconds = 0.0
    part: Part = "answer"


class Duplicate(Rule, frozen=True, tag="duplicate"):
    """Sends a message twice; a call reaches the exchange twice, and the second response counts."""


class Reorder(Rule, frozen=True, tag="reorder"):
    """Lets the next message or response overtake this one."""


class Truncate(Rule, frozen=True, tag="truncate"):
    """Sends only the first half of a message or response."""


class Trickle(Rule, frozen=True, tag="trickle"):
    """Sends a response byte by byte over some seconds."""

    seconds: Seconds = 5.0


class Error(Rule, frozen=True, tag="error"):
    """Responds to a call with an error, whether or not it was processed.

    `body`, if given, is sent as it is, as HTML unless `content_type` says otherwise.
    """

    status: Annotated[int, msgspec.Meta(ge=400, le=599)] = 500
    reason: str = "System"
    message: str = "We are experiencing technical issues"
    body: str | None = None
    content_type: str = "text/html"
    processed: bool = False


class Gap(Rule, frozen=True, tag="gap"):
    """Loses some consecutive messages of a socket, with their sequence numbers."""

    messages: Count = 3


class AcceptLate(Rule, frozen=True, tag="accept-late"):
    """Breaks a new order's connection; the exchange accepts the order later."""

    seconds: Seconds = 2.0


class FillAfterCancel(Rule, frozen=True, tag="fill-after-cancel"):
    """Fills a fraction of an order's rest after its cancel was acknowledged.

    Its owner cancelled it, or it was immediate-or-cancel and not fully filled.
    """

    seconds: Seconds = 0.5
    share: Share = 1.0


class PartialThenSilence(Rule, frozen=True, tag="partial-then-silence"):
    """Fills a new order partly; its response and further updates are lost for a while."""

    seconds: Seconds = 10.0
    share: Share = 0.5


class Occurrence(Rule, frozen=True):
    """A timed fault: after `after` seconds, and then every `every` seconds if that is given.

    With `probability` below 1 it may skip a turn.
    """

    every: Seconds | None = None


class Silence(Occurrence, frozen=True, tag="silence"):
    """Open sockets send nothing for some seconds, not even heartbeats; the messages are lost."""

    seconds: Seconds = 15.0


class StaleBook(Occurrence, frozen=True, tag="stale-book"):
    """Books and tickers freeze for some seconds, then catch up; heartbeats continue."""

    seconds: Seconds = 15.0


class Maintenance(Occurrence, frozen=True, tag="maintenance"):
    """Every call gets a 503 for some seconds, and sockets are closed and refused."""

    seconds: Seconds = 10.0


class RateLimit(Occurrence, frozen=True, tag="rate-limit"):
    """Every call gets a 429 for some seconds."""

    seconds: Seconds = 5.0


class Disconnect(Occurrence, frozen=True, tag="disconnect"):
    """Ends open sockets, by a reset or a clean close."""

    clean: bool = False


class ClockJump(Occurrence, frozen=True, tag="clock-jump"):
    """Moves the reported time forward (or, if negative, back) by some milliseconds."""

    ms: int = 60_000


class BalanceChange(Occurrence, frozen=True, tag="balance"):
    """A deposit or, if negative, a withdrawal."""

    account: str = "primary"
    currency: str = "USD"
    amount: Decimal = Decimal(-100)


class NonceCollision(Occurrence, frozen=True, tag="nonce-collision"):
    """Another client of a counter key uses a nonce that is ahead by `ahead`."""

    key: str = "account-demo"
    ahead: Annotated[int, msgspec.Meta(ge=1)] = 2000


AnyRule = (
    Drop
    | Delay
    | Duplicate
    | Reorder
    | Truncate
    | Trickle
    | Error
    | Gap
    | AcceptLate
    | FillAfterCancel
    | PartialThenSilence
    | Silence
    | StaleBook
    | Maintenance
    | RateLimit
    | Disconnect
    | ClockJump
    | BalanceChange
    | NonceCollision
)


class Chaos(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Random faults of all kinds.

    `rate` is the fraction of messages, responses and orders that each kind strikes, `every` the
    mean seconds between two occurrences of a kind; `kinds` selects only some of them.
    """

    rate: Share = 0.01
    every: Annotated[float, msgspec.Meta(gt=0)] = 60.0
    kinds: list[str] = msgspec.field(default_factory=list)
    where: Where = "any"


class FaultFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The content of `--faults FILE`; without `seed` the emulator's own is used."""

    seed: int | None = None
    faults: list[AnyRule] = msgspec.field(default_factory=list)
    chaos: Chaos | None = None


def kind_of(rule: Rule) -> str:
    """Returns the rule's kind, as in files."""
    return str(rule.__struct_config__.tag)


def chaos_rules(chaos: Chaos) -> list[AnyRule]:
    """Expands a chaos into rules.

    Raises:
        ValueError: one of its kinds is unknown.
    """
    rate, where = chaos.rate, chaos.where
    rules: list[AnyRule] = [
        Drop(where=where, probability=rate, part="answer"),
        Drop(where="rest", probability=rate, part="request"),
        Delay(where=where, probability=rate, seconds=0.05, jitter=0.5),
        Duplicate(where=where, probability=rate),
        Reorder(where=where, probability=rate),
        Truncate(where=where, probability=rate),
        Error(where="rest", probability=rate, status=500),
        Error(where="rest", probability=rate, status=502, body="<html>Bad Gateway</html>"),
        Error(where="rest", probability=rate, status=502, body="", processed=True),
        Gap(where="sockets", probability=rate),
        AcceptLate(probability=rate, seconds=1.0),
        FillAfterCancel(probability=rate),
        PartialThenSilence(probability=rate),
    ]
    every = chaos.every
    rules += [
        Silence(where="sockets", after=every, every=every, probability=0.5),
        StaleBook(after=every, every=every, probability=0.5),
        Maintenance(after=every, every=every, probability=0.5, seconds=5.0),
        RateLimit(after=every, every=every, probability=0.5, seconds=2.0),
        Disconnect(where="sockets", after=every, every=every, probability=0.5),
        ClockJump(after=every, every=every, probability=0.25, ms=2000),
        ClockJump(after=every, every=every, probability=0.25, ms=-2000),
        BalanceChange(after=every, every=every, probability=0.25, amount=Decimal(-10)),
        NonceCollision(after=every, every=every, probability=0.5),
    ]
    if not chaos.kinds:
        return rules
    unknown = set(chaos.kinds) - {kind_of(rule) for rule in rules}
    if unknown:
        raise ValueError(f"chaos has no kind {sorted(unknown)[0]!r}")
    return [rule for rule in rules if kind_of(rule) in chaos.kinds]


def read_faults(path: str) -> FaultFile:
    """Reads the faults of a YAML file.

    Raises:
        SettingsError: the file cannot be read, or contains an invalid rule.
    """
    try:
        content = yaml.safe_load(Path(path).read_text())
        file = msgspec.convert(content if content is not None else {}, FaultFile)
        chaos_rules(file.chaos or Chaos())
    except OSError as error:
        raise SettingsError(
            f"faults file {path}: {error.strerror}; set --faults to the path of a YAML file"
        ) from None
    except (yaml.YAMLError, ValueError) as error:
        raise SettingsError(f"faults file {path}: {error}; see docs/emulator.md") from None
    return file
