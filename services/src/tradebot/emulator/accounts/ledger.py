"""An account's holdings, and what its orders have reserved."""

from decimal import Decimal

from tradebot.domain.money import ZERO


class InsufficientFundsError(Exception):
    """Less is available than an order needs."""


class Holdings:
    """Holdings by currency. `available` is what no order has reserved.

    A reservation belongs to one order and one currency, and is never negative.
    """

    def __init__(
        self,
        holdings: dict[str, Decimal],
        reserved: dict[int, tuple[str, Decimal]] | None = None,
    ) -> None:
        self._amounts = dict(holdings)
        self._reserved = dict(reserved or {})

    def holdings(self) -> dict[str, Decimal]:
        """Returns the total of each currency."""
        return dict(self._amounts)

    def reserved(self) -> dict[int, tuple[str, Decimal]]:
        """Returns what orders have reserved, by their ids."""
        return dict(self._reserved)

    def currencies(self) -> list[str]:
        """Returns all currencies ever held, sorted."""
        return sorted(self._amounts)

    def amount(self, currency: str) -> Decimal:
        """Returns the total of a currency."""
        return self._amounts.get(currency, ZERO)

    def available(self, currency: str) -> Decimal:
        """Returns what a new order can use; negative only after a withdrawal."""
        held = sum((each for name, each in self._reserved.values() if name == currency), ZERO)
        return self.amount(currency) - held

    def reserve(self, order_id: int, currency: str, amount: Decimal) -> None:
        """Reserves `amount` for an order.

        Raises:
            InsufficientFundsError: less is available.
        """
        if amount > self.available(currency):
            raise InsufficientFundsError
        self._reserved[order_id] = (currency, amount)

    def lower(self, order_id: int, amount: Decimal) -> None:
        """Lowers an order's reservation to `amount`; zero removes it."""
        currency, before = self._reserved.get(order_id, ("", ZERO))
        if amount <= 0:
            self._reserved.pop(order_id, None)
        elif amount < before:
            self._reserved[order_id] = (currency, amount)

    def add(self, currency: str, amount: Decimal) -> None:
        """Credits an amount, or debits a negative one."""
        self._amounts[currency] = self.amount(currency) + amount
