"""The venue's public side, as a trader needs it: prices, and the symbol's rules."""

from decimal import Decimal

from tradebot.domain.decision import Increments
from tradebot.venue.gemini.answers import Ticker
from tradebot.venue.gemini.rest import GeminiRest
from tradebot.venue.gemini.rules import RULE_REASONS, RuleBook, SymbolRules


class Market:
    """Prices and rules of one symbol; `refresh` must have succeeded once before any use."""

    def __init__(self, rest: GeminiRest, symbol: str) -> None:
        self._rest = rest
        self._symbol = symbol
        self._book = RuleBook(rest)
        self._rules: SymbolRules | None = None

    async def refresh(self) -> SymbolRules:
        """Reads the symbol's rules from the venue, at most once an hour.

        Raises:
            VenueError: the venue did not tell them.
        """
        self._rules = await self._book.rules(self._symbol)
        return self._rules

    async def ticker(self) -> Ticker:
        """The venue's prices now.

        Raises:
            VenueError: it did not tell them.
        """
        return await self._rest.ticker(self._symbol)

    async def bids(self) -> list[tuple[Decimal, Decimal]]:
        """What rests to buy: price and amount, the best first.

        Raises:
            VenueError: the venue did not tell it.
        """
        book = await self._rest.book(self._symbol)
        return [(level.price, level.amount) for level in book.bids]

    def forget(self, reason: str) -> None:
        """Reads the rules anew at the next refresh, if an order's refusal may come from them."""
        if reason in RULE_REASONS:
            self._book = RuleBook(self._rest)

    @property
    def rules(self) -> SymbolRules:
        """The symbol's rules."""
        assert self._rules is not None, "refresh comes first"
        return self._rules

    @property
    def increments(self) -> Increments:
        """The rules as a decision needs them."""
        rules = self.rules
        return Increments(
            amount_step=rules.amount_step, price_step=rules.price_step, minimum=rules.min_amount
        )

    @property
    def currencies(self) -> tuple[str, str]:
        """Base and quote."""
        return self.rules.base, self.rules.quote
