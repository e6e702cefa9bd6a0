"""Money on the venue's increments.

Invariant: a rounded amount or price never risks more than the exact one would have. An amount
rounds down. A buy's limit price rounds down and a sell's rounds up, so that rounding never worsens
the price.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation
from typing import Literal

Side = Literal["buy", "sell"]

ZERO = Decimal(0)


def decimal_of(text: str) -> Decimal:
    """Parses a decimal string exactly.

    >>> decimal_of("11412.68")
    Decimal('11412.68')

    Raises:
        ValueError: `text` is not a finite decimal number.
    """
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text!r} is not a decimal number") from None
    if not number.is_finite():
        raise ValueError(f"{text!r} is not a finite number")
    return number


def floor_to(value: Decimal, step: Decimal) -> Decimal:
    """Returns the largest multiple of `step` that is not above `value`.

    >>> floor_to(Decimal("0.123456789"), Decimal("0.00000001"))
    Decimal('0.12345678')
    """
    return (value / step).to_integral_value(rounding=ROUND_FLOOR) * step


def ceil_to(value: Decimal, step: Decimal) -> Decimal:
    """Returns the smallest multiple of `step` that is not below `value`.

    >>> ceil_to(Decimal("10.001"), Decimal("0.01"))
    Decimal('10.01')
    """
    return (value / step).to_integral_value(rounding=ROUND_CEILING) * step


def limit_price(side: Side, price: Decimal, step: Decimal) -> Decimal:
    """Rounds a limit to the price step, no worse for us than `price`: buys down, sells up.

    >>> limit_price("buy", Decimal("10.009"), Decimal("0.01"))
    Decimal('10.00')
    """
    return floor_to(price, step) if side == "buy" else ceil_to(price, step)


def plain(value: Decimal) -> str:
    """Writes the decimal without an exponent, as the venue and the topics do.

    >>> plain(Decimal("1E-8"))
    '0.00000001'
    """
    return format(value, "f")


def short(value: Decimal) -> str:
    """Writes the decimal without an exponent and without trailing zeros.

    >>> [short(Decimal(text)) for text in ("1E-8", "2.500", "100", "0.00")]
    ['0.00000001', '2.5', '100', '0']
    """
    text = plain(value)
    return text.rstrip("0").rstrip(".") if "." in text else text


def exact(number: float) -> Decimal:
    """Returns the decimal that a float was written from, not the float's binary value.

    >>> exact(58123.58)
    Decimal('58123.58')
    """
    return Decimal(repr(float(number)))
