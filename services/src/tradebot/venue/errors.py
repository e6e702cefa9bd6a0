"""Three classes of failure, by what the venue may have done. Every failure is one of them.

- `TransportError`: the request was never sent; it is safe to send it again.
- `AmbiguousError`: the venue may have accepted it; look it up before anything else is sent.
- `RejectedError`: the venue refused; nothing was done.

In doubt a failure is ambiguous: that costs a look-up, while the other mistake costs an order.
"""

from typing import Literal


class VenueError(Exception):
    """A request to the venue failed.

    Attributes:
        reason: one word, the venue's own if it gave one, such as `InsufficientFunds`.
        message: a sentence, the venue's own if it gave one.
        request: the path of the request.
        status: the response's HTTP status; `None` without a response.
        retry_after: seconds that the venue asks to wait; 0 if it does not say.
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
    """The request was never sent: no connection, no DNS, or no slot."""


class AmbiguousError(VenueError):
    """The request was sent and its result is unknown: no response, or not a whole one."""


class RejectedError(VenueError):
    """The venue responded that it did not do what was requested."""


BreakCause = Literal["gap", "malformed", "refused", "closed", "stalled", "crossed", "overload"]


class FeedBrokenError(Exception):
    """A stream's connection can no longer be trusted; reconnect.

    Attributes:
        cause: a word for metrics.
        message: a sentence.
    """

    def __init__(self, cause: BreakCause, message: str) -> None:
        super().__init__(cause, message)
        self.cause = cause
        self.message = message

    def __str__(self) -> str:
        return f"{self.cause}: {self.message}"
