"""The exchange's refusals: a status, a reason and a message, in the venue's words.

Source: Gemini's error code page and recorded responses.
"""

from typing import Any


class RefusalError(Exception):
    """A request that gets an error response.

    Args:
        status: the HTTP status.
        reason: the venue's word for it, such as InvalidNonce.
        message: the venue's sentence.
    """

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message

    def body(self) -> dict[str, Any]:
        """The JSON body of the response."""
        return {"result": "error", "reason": self.reason, "message": self.message}


def bad_symbol(symbol: str, known: list[str]) -> RefusalError:
    """A public call named a symbol that is not traded."""
    return RefusalError(
        400,
        "Bad Request",
        f"Supplied value '{symbol}' is not a valid symbol.  Please correct your API request to "
        f"use one of the supported symbols: [{','.join(known)}]",
    )


def bad_order_symbol(symbol: object, known: list[str]) -> RefusalError:
    """An order named a symbol that is not traded."""
    names = ", ".join(f"'{name}'" for name in known)
    return RefusalError(
        400,
        "InvalidSymbol",
        f"Received bad symbol '{symbol}' but expected a supported symbol from [{names}]",
    )


def too_many_requests() -> RefusalError:
    """The caller exceeds its rate."""
    return RefusalError(429, "Too Many Requests", "Too Many Requests")


def order_not_found(order_id: object) -> RefusalError:
    """No order of the account has that id."""
    return RefusalError(404, "OrderNotFound", f"Order {order_id} not found")


def insufficient_funds(symbol: str, base: str, side: str, price: str, amount: str) -> RefusalError:
    """Less is available than the order needs."""
    return RefusalError(
        406,
        "InsufficientFunds",
        f"Failed to place {side} order on symbol '{symbol}' for price ${price} and quantity "
        f"{amount} {base} due to insufficient funds",
    )


def maintenance() -> RefusalError:
    """The exchange is closed for maintenance."""
    return RefusalError(
        503, "Maintenance", "The Gemini Exchange is currently undergoing maintenance."
    )
