"""`faust -A tradebot.liquidity.app worker --web-port=6066`; settings from `TRADEBOT_…`."""

from tradebot.liquidity.settings import LiquiditySettings
from tradebot.liquidity.stage import create_app
from tradebot.platform.settings import load

app = create_app(load(LiquiditySettings))
