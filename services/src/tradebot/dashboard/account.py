"""What the page shows of one bot: decisions, orders, fills, balances and score. Pure."""

from collections import defaultdict
from typing import Any

from tradebot.domain.instrument import split_symbol
from tradebot.records import DocType

KEPT = {DocType.DECISION: 60, DocType.ORDER: 60, DocType.FILL: 400}
POINTS = 1500

UNSHOWN = frozenset({"inputs", "bot", "symbol", "base", "quote", "doc_type", "_id"})


class BotView:
    """One bot, from its documents. `revisions` count the changes of each section."""

    def __init__(self, bot: str, symbol: str) -> None:
        self.bot = bot
        self.symbol = symbol
        self.currencies = split_symbol(symbol)
        """Base and quote, from the bot's documents; from the symbol until the first one."""
        self.revisions = dict.fromkeys(("decisions", "orders", "fills", "money", "state"), 0)
        self._lists: dict[DocType, dict[str, dict[str, Any]]] = {kind: {} for kind in KEPT}
        self._held: defaultdict[str, dict[int, dict[str, Any]]] = defaultdict(dict)
        self._prices: dict[int, float] = {}
        self._scores: dict[str, dict[str, Any]] = {}
        self._halt: dict[str, Any] | None = None
        self._band: tuple[int, int] | None = None
        self._mode = ""

    def add(self, document_id: str, kind: DocType, ts: int, body: dict[str, Any]) -> None:
        """Adds a document of this bot; a second delivery changes nothing."""
        match kind:
            case DocType.DECISION:
                self._keep(kind, document_id, ts, body)
                self._band = (body["band_min_bps"], body["band_max_bps"])
                self._mode = body["mode"]
                self._bump("decisions", "state")
            case DocType.ORDER:
                self._keep(kind, document_id, ts, body)
                self._bump("orders")
            case DocType.FILL:
                self._keep(kind, document_id, ts, body)
                self._bump("fills")
            case DocType.BALANCE:
                self._balance(ts, body)
            case DocType.TICKER:
                self._value(ts, (body["bid"] + body["ask"]) / 2)
            case DocType.SCORE:
                self._scores[document_id] = _shown(document_id, ts, body)
                self._bump("money")
            case DocType.HALT:
                if self._halt is None or ts >= self._halt["ts"]:
                    self._halt = _shown(document_id, ts, body)
                    self._bump("state")

    def _bump(self, *names: str) -> None:
        for name in names:
            self.revisions[name] += 1

    def _keep(self, kind: DocType, document_id: str, ts: int, body: dict[str, Any]) -> None:
        kept = self._lists[kind]
        if ts >= kept.get(document_id, {"ts": 0})["ts"]:
            kept[document_id] = _shown(document_id, ts, body)
        while len(kept) > KEPT[kind]:
            del kept[min(kept, key=lambda key: kept[key]["ts"])]

    def _balance(self, ts: int, body: dict[str, Any]) -> None:
        self._held[body["currency"]][ts] = {"ts": ts} | {
            name: body[name] for name in ("currency", "amount", "available")
        }
        _drop_oldest(self._held[body["currency"]])
        self._bump("money")

    def _value(self, ts: int, price: float) -> None:
        self._prices[ts] = price
        _drop_oldest(self._prices)
        self._bump("money")

    def _equity(self) -> list[tuple[int, float]]:
        """Returns equity at each price, by the balances of that time.

        Documents of one moment come from several partitions, so prices and balances are matched by
        time.
        """
        base, quote = self.currencies
        steps = sorted(
            (ts, currency, b["amount"])
            for currency in (base, quote)
            for ts, b in self._held[currency].items()
        )
        held: dict[str, float] = {}
        course, next_step = [], 0
        for ts, price in sorted(self._prices.items()):
            while next_step < len(steps) and steps[next_step][0] <= ts:
                held[steps[next_step][1]] = steps[next_step][2]
                next_step += 1
            if quote in held:
                course.append((ts, held[quote] + held.get(base, 0.0) * price))
        return course

    def listed(self, kind: DocType) -> list[dict[str, Any]]:
        """Returns decisions, orders or fills, newest first."""
        return sorted(self._lists[kind].values(), key=lambda d: (d["ts"], d["id"]), reverse=True)

    def newest(self, kind: DocType) -> dict[str, Any] | None:
        """Returns the newest decision, order or fill; `None` if there is none."""
        return max(self._lists[kind].values(), key=lambda d: (d["ts"], d["id"]), default=None)

    def money(self) -> dict[str, Any]:
        """Returns balances, score and the equity curve."""
        scores = sorted(self._scores.values(), key=lambda s: s["ts"])
        return {
            "balances": [
                self._held[c][max(self._held[c])] for c in sorted(self._held) if self._held[c]
            ],
            "equity": self._equity(),
            "scores": [
                {"ts": s["ts"], "score": s["score"], "realised": s["realised"]} for s in scores
            ],
            "last_score": scores[-1] if scores else None,
            "wins": sum(s["score"] > 0 for s in scores),
            "trips": len(scores),
        }

    def state(self) -> dict[str, Any]:
        """Returns mode, band and whether the bot is halted."""
        halted = self._halt is not None and self._halt["state"] != "resumed"
        return {
            "mode": self._mode,
            "band_bps": self._band,
            "halt": self._halt if halted else None,
        }


def _shown(document_id: str, ts: int, body: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in body.items() if name not in UNSHOWN}
    return kept | {"id": document_id, "ts": ts}


def _drop_oldest(course: dict[int, Any]) -> None:
    if len(course) > POINTS:
        del course[min(course)]
