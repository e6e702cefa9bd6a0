"""A script that decides on a Friday and a Saturday, in a process with other packages installed."""

from typing import Final

SCRIPT: Final = """
import json
from decimal import Decimal as D
from tradebot.domain.decision import *
from tradebot.trader.metrics import REASONS_TO_HOLD

def on(day):
    end = (19_000 // 7 * 7 + day) * 86_400_000
    prediction = Prediction(
        model="Flat", digest="", history_end=end, evaluated=True, log_price=1.0,
        log_price_next=1.1, log_price_turn=1.1,
    )
    inputs = Inputs(
        now=end, window=Window(end=end, ratio=1.0, complete=True), prediction=prediction,
        quote=Quote(bid=D(99), ask=D("99.1")),
        increments=Increments(amount_step=D("1e-8"), price_step=D("0.01"), minimum=D("1e-5")),
        taker_fee_bps=D(40),
    )
    decision = decide(State(base=D(0), quote=D(1000)), inputs, Settings())
    return [decision.action, decision.gate, decision.reason]

print(json.dumps([on(1), on(2), "weekend" in REASONS_TO_HOLD]))
"""
"""Prints both days' action, gate and reason, and whether the gate's holds are counted."""
