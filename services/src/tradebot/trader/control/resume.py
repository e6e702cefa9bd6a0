"""`tradebot resume BOT --because "…"`."""

from tradebot.trader.control.client import act_command

command = act_command(
    "resume",
    summary="Lifts a bot's pause or halt. Losses are measured from then on.",
    example='tradebot resume btc --because "the loss was a deposit taken back"',
    because_required=True,
)
