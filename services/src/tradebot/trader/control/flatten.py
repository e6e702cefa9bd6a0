"""`tradebot flatten BOT`."""

from tradebot.trader.control.client import act_command

command = act_command(
    "flatten",
    summary="Pauses a bot and sells everything it holds.",
    example='tradebot flatten btc --because "out before the weekend"',
    because_required=False,
    default="flattened by a person",
)
