"""Turns an HTTP response of Gemini into an error."""

from typing import Final

import msgspec

from tradebot import records
from tradebot.venue.errors import AmbiguousError, RejectedError, VenueError

TOO_MANY_REQUESTS: Final = 429


class _ErrorBody(msgspec.Struct):
    result: str = ""
    reason: str = ""
    message: str = ""
    error: str = ""


_error_decoder = msgspec.json.Decoder(_ErrorBody)


def refusal(
    status: int, body: bytes, *, request: str = "", retry_after: float = 0.0
) -> VenueError | None:
    """Returns the error in a response; `None` if it succeeded.

    Only the venue's own error body means "not done", and a 429 from anyone: a proxy's page says
    nothing about what happened behind it. A 5xx is ambiguous whatever it says, except for
    maintenance, when nothing is accepted. A 200 is an error only if it says `error`.
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
            f"not a response from the venue: {excerpt(body)}",
            request=request,
            status=status,
        )
    certain = status < 500 or told.reason == "Maintenance"
    kind = RejectedError if certain else AmbiguousError
    return kind(told.reason, told.message, request=request, status=status, retry_after=retry_after)


def excerpt(body: bytes) -> str:
    """Returns the start of a body, for a message."""
    text = " ".join(body[:120].decode("utf-8", "replace").split())
    return repr(text) if text else "an empty body"


def _error_body(status: int, body: bytes) -> _ErrorBody | None:
    """Parses the venue's error, if `body` is one.

    The venue writes `{"result":"error","reason":…,"message":…}`, and sometimes
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
