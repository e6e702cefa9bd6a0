"""`tradebot pause BOT`."""

from tradebot.trader.control.client import act_command

command = act_command(
    "pause",
    summary="Pauses a bot: it does not buy until it is resumed.",
    example='tradebot pause btc --because "maintenance tonight"',
    because_required=False,
    default="a person asked for it",
)
