"""Whether what the bots of a release tell of their trades is right, whatever was killed."""

import json
from collections import defaultdict
from typing import Any

from tradebot.platform.settings import StageSettings
from tradebot.platform.topic import read_messages

Document = dict[str, Any]


def told(broker: str, prefix: str, *kinds: str) -> list[Document]:
    """All documents of these kinds that were ever told, also those told twice, in the order of
    their topic: it outlives every pod, as a recorder's file does not.
    """
    settings = StageSettings(kafka=broker, topic_prefix=prefix)
    messages = read_messages(settings, f"{prefix}trade-documents")
    found = [json.loads(message.value() or b"{}") for message in messages]
    return [item for item in found if item["doc_type"] in kinds]


def wrongs(documents: list[Document]) -> list[str]:
    """What must not be: a window decided twice, an intent with two orders, an order with two
    intents, a fill told in two ways. A document that is delivered twice is no wrong.
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
    """The ends of all windows that liquidity has measured."""
    settings = StageSettings(kafka=broker, topic_prefix=prefix)
    messages = read_messages(settings, f"{prefix}faust.out")
    return {json.loads(message.value() or b"{}")["window_end"] for message in messages}


def undecided(documents: list[Document], bot: str, measured: set[int]) -> list[int]:
    """The windows that the bot did not decide, of those between its first and its last."""
    decided = {
        item["body"]["window_end"]
        for item in documents
        if item["doc_type"] == "decision" and item["bot"] == bot
    }
    return sorted(end for end in measured - decided if min(decided) < end < max(decided))
