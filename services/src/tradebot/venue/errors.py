"""Three classes of failure, by what the venue may have done; nothing falls outside them.

- `TransportError`: the request was never sent; it is safe to send it again.
- `AmbiguousError`: the venue may have accepted it; look up before anything else is sent.
- `RejectedError`: the venue says no; nothing was done.

When in doubt a failure is ambiguous: that costs a look-up, the other mistake costs an order.
"""

from typing import Literal


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


BreakCause = Literal["gap", "malformed", "refused", "closed", "stalled", "crossed", "overload"]


class FeedBrokenError(Exception):
    """A stream's connection cannot be trusted any longer; the cure is a new one.

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
