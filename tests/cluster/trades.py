"""Checks the trades that a release's bots report, whatever was killed."""

import json
from collections import defaultdict
from typing import Any

from tradebot.platform.settings import StageSettings
from tradebot.platform.topic import read_messages

Document = dict[str, Any]


def told(broker: str, prefix: str, *kinds: str) -> list[Document]:
    """Returns all documents of these kinds ever sent, including duplicates, in the order of their
    topic: it outlives every pod, unlike a recorder's file.
    """
    settings = StageSettings(kafka=broker, topic_prefix=prefix)
    messages = read_messages(settings, f"{prefix}trade-documents")
    found = [json.loads(message.value() or b"{}") for message in messages]
    return [item for item in found if item["doc_type"] in kinds]


def wrongs(documents: list[Document]) -> list[str]:
    """Returns errors: a window decided twice, an intent with two orders, an order with two
    intents, a fill reported in two ways. A document delivered twice is no error.
    """
    decided, orders, intents, fills = (defaultdict[Any, set[str]](set) for _ in range(4))
    for item in documents:
        bot, body = item["bot"], item["body"]
        if item["doc_type"] == "decision":
            what = f"{body['action']} {body['amount']}: {body['reason']}"
            decided[f"{bot} decided window {body['window_end']}"].add(what)
        elif item["doc_type"] == "order" and body["decision_id"]:
            orders[f"{bot} sent for decision {body['decision_id']}"].add(body["client_order_id"])
            intents[f"{bot} sent order {body['client_order_id']}"].add(body["decision_id"])
        elif item["doc_type"] == "fill":
            told_as = f"{body['client_order_id']} {body['side']} {body['amount']} {body['price']}"
            fills[f"{bot} has fill {body['trade_id']}"].add(told_as)
    return [
        f"{what}: {sorted(ways)}"
        for group in (decided, orders, intents, fills)
        for what, ways in group.items()
        if len(ways) > 1
    ]


def windows(broker: str, prefix: str) -> set[int]:
    """Returns the ends of all windows that liquidity has measured."""
    settings = StageSettings(kafka=broker, topic_prefix=prefix)
    messages = read_messages(settings, f"{prefix}faust.out")
    return {json.loads(message.value() or b"{}")["window_end"] for message in messages}


def undecided(documents: list[Document], bot: str, measured: set[int]) -> list[int]:
    """Returns the windows between the bot's first and last that it did not decide."""
    decided = {
        item["body"]["window_end"]
        for item in documents
        if item["doc_type"] == "decision" and item["bot"] == bot
    }
    return sorted(end for end in measured - decided if min(decided) < end < max(decided))
