"""Three classes of failure, by what the venue may have done; nothing falls outside them.

- `TransportError`: the request was never sent; it is safe to send it again.
- `AmbiguousError`: the venue may have accepted it; look up before anything else is sent.
- `RejectedError`: the venue says no; nothing was done.

When in doubt a failure is ambiguous: that costs a look-up, the other mistake costs an order.
"""

from typing import Final

import msgspec

from tradebot import records

TOO_MANY_REQUESTS: Final = 429


class VenueError(Exception):
    """A request to the venue did not succeed.

    Attributes:
        reason: one word, the venue's own where it gave one, such as `InsufficientFunds`.
        message: a sentence, the venue's own where it gave one.
        request: the path that was asked.
        status: the answer's HTTP status; `None` where there was no answer.
        retry_after: seconds that the venue asks to wait; 0 where it does not say.
    """

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        request: str = "",
        status: int | None = None,
        retry_after: float = 0.0,
    ) -> None:
        super().__init__(reason, message)
        self.reason = reason
        self.message = message
        self.request = request
        self.status = status
        self.retry_after = retry_after

    def __str__(self) -> str:
        where = f"{self.request}: " if self.request else ""
        status = f" (HTTP {self.status})" if self.status is not None else ""
        return f"{where}{self.reason}: {self.message}{status}"


class TransportError(VenueError):
    """The request never left: no connection, no name, no slot."""


class AmbiguousError(VenueError):
    """The request left and its fate is unknown: no answer, half an answer, or not the venue's."""


class RejectedError(VenueError):
    """The venue answered that it did not do what was asked."""


class _ErrorBody(msgspec.Struct):
    result: str = ""
    reason: str = ""
    message: str = ""
    error: str = ""


_error_decoder = msgspec.json.Decoder(_ErrorBody)


def refusal(
    status: int, body: bytes, *, request: str = "", retry_after: float = 0.0
) -> VenueError | None:
    """What an answer says went wrong; `None` where it says that all went well.

    Only the venue's own error body is believed to mean "not done", and a 429 of anyone: a proxy's
    page says nothing of what happened behind it. A 5xx is ambiguous whatever it says, but for
    maintenance, when nothing is accepted. A 200 is not looked into unless it says `error`.
    """
    told = _error_body(status, body)
    if status == TOO_MANY_REQUESTS:
        return RejectedError(
            told.reason if told else "Too Many Requests",
            told.message if told else "more requests than the venue allows",
            request=request,
            status=status,
            retry_after=retry_after,
        )
    if told is None:
        if 200 <= status < 300:
            return None
        return AmbiguousError(
            "UnreadableAnswer",
            f"not an answer of the venue: {excerpt(body)}",
            request=request,
            status=status,
        )
    certain = status < 500 or told.reason == "Maintenance"
    kind = RejectedError if certain else AmbiguousError
    return kind(told.reason, told.message, request=request, status=status, retry_after=retry_after)


def excerpt(body: bytes) -> str:
    """The start of a body, for a message."""
    text = " ".join(body[:120].decode("utf-8", "replace").split())
    return repr(text) if text else "an empty body"


def _error_body(status: int, body: bytes) -> _ErrorBody | None:
    """The venue's error, where `body` is one.

    The venue writes `{"result":"error","reason":…,"message":…}`, and at times
    `{"error":reason,"message":…}`.
    """
    try:
        told = records.read(_error_decoder, body)
    except msgspec.DecodeError:
        return None
    if told.result != "error" and not (told.error and status >= 400):
        return None
    reason = told.reason or told.error or "Unknown"
    return _ErrorBody(reason=reason, message=told.message or reason)
