"""What the page shows of one bot: decisions, orders, fills, balances and score. Pure."""

from collections import deque
from typing import Any

from tradebot.records import DocType

KEPT = {DocType.DECISION: 60, DocType.ORDER: 60, DocType.FILL: 400}
EQUITIES = 3000

UNSHOWN = frozenset({"inputs", "bot", "symbol", "doc_type", "_id"})


class Account:
    """One bot, as its documents tell it. `revisions` rise with what they name."""

    def __init__(self, bot: str, symbol: str) -> None:
        self.bot = bot
        self.symbol = symbol
        self.revisions = dict.fromkeys(("decisions", "orders", "fills", "money", "state"), 0)
        self._lists: dict[DocType, dict[str, dict[str, Any]]] = {kind: {} for kind in KEPT}
        self._balances: dict[str, dict[str, Any]] = {}
        self._scores: dict[str, dict[str, Any]] = {}
        self._equity: deque[tuple[int, float]] = deque(maxlen=EQUITIES)
        self._halt: dict[str, Any] | None = None
        self._band: tuple[int, int] | None = None
        self._mode = ""

    def add(self, document_id: str, kind: DocType, ts: int, body: dict[str, Any]) -> None:
        """A document of this bot; a second delivery changes nothing that is shown."""
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
        known = self._balances.get(body["currency"])
        if known is None or ts >= known["ts"]:
            self._balances[body["currency"]] = {
                "ts": ts,
                "currency": body["currency"],
                "amount": body["amount"],
                "available": body["available"],
            }
            self._bump("money")

    def _value(self, ts: int, price: float) -> None:
        """What all that the bot holds was worth at `price`."""
        base, quote = self.symbol[:-3], self.symbol[-3:]
        held = {currency: balance["amount"] for currency, balance in self._balances.items()}
        if quote in held and (not self._equity or ts > self._equity[-1][0]):
            self._equity.append((ts, held[quote] + held.get(base, 0.0) * price))
            self._bump("money")

    def listed(self, kind: DocType) -> list[dict[str, Any]]:
        """Decisions, orders or fills, newest first."""
        return sorted(self._lists[kind].values(), key=lambda d: (d["ts"], d["id"]), reverse=True)

    def money(self) -> dict[str, Any]:
        """Balances, score and the course of equity."""
        scores = sorted(self._scores.values(), key=lambda s: s["ts"])
        return {
            "balances": [self._balances[c] for c in sorted(self._balances)],
            "equity": list(self._equity),
            "scores": [
                {"ts": s["ts"], "score": s["score"], "realised": s["realised"]} for s in scores
            ],
            "last_score": scores[-1] if scores else None,
            "wins": sum(s["score"] > 0 for s in scores),
            "trips": len(scores),
        }

    def state(self) -> dict[str, Any]:
        """Mode, band and whether the bot is halted."""
        halted = self._halt is not None and self._halt["state"] != "resumed"
        return {
            "mode": self._mode,
            "band_bps": self._band,
            "halt": self._halt if halted else None,
        }


def _shown(document_id: str, ts: int, body: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in body.items() if name not in UNSHOWN}
    return kept | {"id": document_id, "ts": ts}
