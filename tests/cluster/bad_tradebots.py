"""TradeBots that the API server must refuse, each with the expected words."""

from typing import Any

from bad_settings import BAD_SETTINGS
from bad_strategies import BAD_STRATEGIES

LIVE = {"mode": "Live"}


def by_url(url: str) -> dict[str, Any]:
    return {"forecast": {"history": {"source": "Url", "url": url}}}


BAD: list[tuple[str, dict[str, Any], str, str]] = [
    # what is wrong, the spec, the named field, a part of the sentence with the fix
    ("no symbol", {"symbol": None}, "spec.symbol", "Required value"),
    ("an empty symbol", {"symbol": ""}, "spec.symbol", "such as BTCUSD"),
    ("a lower-case symbol", {"symbol": "btcusd"}, "spec.symbol", "capital letters"),
    ("a symbol with a slash", {"symbol": "BTC/USD"}, "spec.symbol", "such as BTCUSD"),
    ("a symbol that is too short", {"symbol": "BTC"}, "spec.symbol", "5 to 12"),
    ("a symbol that is too long", {"symbol": "BTCUSDBTCUSDX"}, "spec.symbol", "more than 12"),
    ("a symbol that is a number", {"symbol": 12345}, "spec.symbol", "must be of type string"),
    ("a mode in lower case", {"mode": "paper"}, "spec.mode", '"Paper", "Live", "Paused"'),
    ("a mode that is not one", {"mode": "Dry"}, "spec.mode", '"Paper", "Live", "Paused"'),
    ("an empty mode", {"mode": ""}, "spec.mode", '"Paper", "Live", "Paused"'),
    ("Live without keys", LIVE, "spec.venue", "needs spec.venue.credentialsSecret"),
    (
        "Live without keys on the real venue",
        LIVE | {"venue": {"environment": "Production"}},
        "spec.venue",
        "set spec.mode to Paper",
    ),
    (
        "Live with an empty name of keys",
        LIVE | {"venue": {"credentialsSecret": ""}},
        "spec.venue.credentialsSecret",
        "at least 1 chars long",
    ),
    ("a venue in capitals", {"venue": {"name": "Gemini"}}, "spec.venue.name", "such as gemini"),
    (
        "an environment that is not one",
        {"venue": {"environment": "Testnet"}},
        "spec.venue.environment",
        '"Emulator", "Sandbox", "Production"',
    ),
    (
        "a Secret's name in capitals",
        {"venue": {"credentialsSecret": "BTC_KEYS"}},
        "spec.venue.credentialsSecret",
        "must be the name of a Secret",
    ),
    (
        "keys in the resource itself",
        {"venue": {"apiKey": "account-abc"}},
        "spec.venue.apiKey",
        "unknown field",
    ),
    ("a venue that is a word", {"venue": "gemini"}, "spec.venue", "must be of type object"),
    *BAD_STRATEGIES,
    *BAD_SETTINGS,
    ("a risk that is a float", {"riskFraction": 0.05}, "spec.riskFraction", "of type string"),
    ("no risk", {"riskFraction": "0"}, "spec.riskFraction", "above 0 and at most 1"),
    ("a negative risk", {"riskFraction": "-0.05"}, "spec.riskFraction", 'such as "0.05"'),
    ("a risk above one", {"riskFraction": "1.01"}, "spec.riskFraction", "at most 1"),
    ("a risk in per cent", {"riskFraction": "5%"}, "spec.riskFraction", "decimal string"),
    ("a risk with an exponent", {"riskFraction": "5e-2"}, "spec.riskFraction", "decimal string"),
    ("a risk with a comma", {"riskFraction": "0,05"}, "spec.riskFraction", 'such as "0.05"'),
    ("a risk that is not a number", {"riskFraction": "NaN"}, "spec.riskFraction", "decimal"),
    ("an endless risk", {"riskFraction": "0.0500000000000000"}, "spec.riskFraction", "than 12"),
    (
        "a band upside down",
        {"liquidityBand": {"minBps": 20000, "maxBps": 5000}},
        "spec.liquidityBand",
        "minBps must be below",
    ),
    (
        "an empty band",
        {"liquidityBand": {"minBps": 10000, "maxBps": 10000}},
        "spec.liquidityBand",
        "an empty band allows no buy",
    ),
    (
        "a minimum above the default maximum",
        {"liquidityBand": {"minBps": 30000}},
        "spec.liquidityBand",
        "minBps must be below",
    ),
    (
        "a negative band",
        {"liquidityBand": {"minBps": -1}},
        "spec.liquidityBand.minBps",
        "greater than or equal to 0",
    ),
    (
        "a band beyond reason",
        {"liquidityBand": {"maxBps": 2000000}},
        "spec.liquidityBand.maxBps",
        "less than or equal to 1000000",
    ),
    (
        "a band that is a ratio",
        {"liquidityBand": {"minBps": 0.5}},
        "spec.liquidityBand.minBps",
        "of type integer",
    ),
    (
        "a band in words",
        {"liquidityBand": {"minBps": "5000"}},
        "spec.liquidityBand.minBps",
        "of type integer",
    ),
    (
        "a model with a space",
        {"forecast": {"model": "Fast Prophet"}},
        "spec.forecast.model",
        "should match '^[A-Za-z][A-Za-z0-9-]*$'",
    ),
    (
        "no horizon",
        {"forecast": {"horizonMinutes": 0}},
        "spec.forecast.horizonMinutes",
        "greater than or equal to 2",
    ),
    (
        "a horizon of a month",
        {"forecast": {"horizonMinutes": 43200}},
        "spec.forecast.horizonMinutes",
        "less than or equal to 10080",
    ),
    (
        "a refit of zero minutes",
        {"forecast": {"refitMinutes": 0}},
        "spec.forecast.refitMinutes",
        "greater than or equal to 1",
    ),
    (
        "a refit later than the horizon",
        {"forecast": {"refitMinutes": 90, "horizonMinutes": 60}},
        "spec.forecast",
        "must not be above spec.forecast.horizonMinutes",
    ),
    (
        "an edge below zero",
        {"forecast": {"minEdgeBps": -5}},
        "spec.forecast.minEdgeBps",
        "greater than or equal to 0",
    ),
    (
        "an edge above everything",
        {"forecast": {"minEdgeBps": 10001}},
        "spec.forecast.minEdgeBps",
        "less than or equal to 10000",
    ),
    (
        "a history from nowhere",
        {"forecast": {"history": {"source": "S3"}}},
        "spec.forecast.history.source",
        '"Venue", "Url", "Claim"',
    ),
    (
        "a history by Url without the url",
        {"forecast": {"history": {"source": "Url"}}},
        "spec.forecast.history",
        "set both or neither",
    ),
    (
        "a url that is not used",
        {"forecast": {"history": {"url": "https://example.org/a.csv"}}},
        "spec.forecast.history",
        "url goes with source Url",
    ),
    (
        "a url of an unknown form",
        by_url("ftp://example.org/a.zip"),
        "spec.forecast.history.url",
        "ending in .csv, .csv.gz",
    ),
    (
        "a url that others can change on the way",
        by_url("http://example.org/a.csv"),
        "spec.forecast.history.url",
        "must be https://HOST/PATH",
    ),
    (
        "a url on a port that no policy opens",
        by_url("https://example.org:8443/a.csv"),
        "spec.forecast.history.url",
        "on port 443",
    ),
    (
        "a url with a password in it",
        by_url("https://me:secret@example.org/a.csv"),
        "spec.forecast.history.url",
        "without a user",
    ),
    (
        "a url without a host",
        by_url("https:///a.csv"),
        "spec.forecast.history.url",
        "must be https://HOST/PATH",
    ),
    (
        "a history by Claim without the claim",
        {"forecast": {"history": {"source": "Claim"}}},
        "spec.forecast.history",
        "claim goes with source Claim",
    ),
    (
        "a claim's path that leaves the claim",
        {
            "forecast": {
                "history": {"source": "Claim", "claim": {"name": "h", "path": "a/../../b.csv"}}
            }
        },
        "spec.forecast.history.claim.path",
        "without ..",
    ),
    (
        "a claim without a path",
        {"forecast": {"history": {"source": "Claim", "claim": {"name": "h"}}}},
        "spec.forecast.history.claim.path",
        "Required value",
    ),
    (
        "no position",
        {"limits": {"maxPosition": "0"}},
        "spec.limits.maxPosition",
        "decimal string above 0",
    ),
    (
        "a position of more than all equity",
        {"limits": {"maxPosition": "101%"}},
        "spec.limits.maxPosition",
        "at most 100%",
    ),
    (
        "a position in another currency",
        {"limits": {"maxPosition": "5000 EUR"}},
        "spec.limits.maxPosition",
        "quote currency",
    ),
    (
        "a position that is a float",
        {"limits": {"maxPosition": 1.5}},
        "spec.limits.maxPosition",
        "of type string",
    ),
    (
        "a daily loss of everything and more",
        {"limits": {"maxDailyLoss": "1.5"}},
        "spec.limits.maxDailyLoss",
        "at most 1",
    ),
    (
        "a drawdown of nothing",
        {"limits": {"maxDrawdown": "0.0"}},
        "spec.limits.maxDrawdown",
        "above 0",
    ),
    (
        "a cooldown before now",
        {"limits": {"cooldownSeconds": -1}},
        "spec.limits.cooldownSeconds",
        "greater than or equal to 0",
    ),
    (
        "a breach that does something else",
        {"limits": {"onBreach": "Panic"}},
        "spec.limits.onBreach",
        '"ReduceOnly", "Flatten", "Hold"',
    ),
    (
        "a stop loss of everything",
        {"exits": {"stopLoss": "1"}},
        "spec.exits.stopLoss",
        "below 1",
    ),
    (
        "a stop loss that is a float",
        {"exits": {"stopLoss": 0.05}},
        "spec.exits.stopLoss",
        "of type string",
    ),
    (
        "a trailing stop in percent",
        {"exits": {"trailingStop": "5%"}},
        "spec.exits.trailingStop",
        "below 1",
    ),
    (
        "a profit beyond all markets",
        {"exits": {"takeProfit": "101"}},
        "spec.exits.takeProfit",
        "at most 100",
    ),
    (
        "a holding time before now",
        {"exits": {"maxHoldMinutes": -1}},
        "spec.exits.maxHoldMinutes",
        "greater than or equal to 0",
    ),
    (
        "an exit that may sell nothing",
        {"exits": {"maxExitSlippageBps": 0}},
        "spec.exits.maxExitSlippageBps",
        "greater than or equal to 1",
    ),
    (
        "a resting stop that a lost heartbeat cancels",
        {"exits": {"restAtVenue": True}, "venue": {"heartbeat": True}},
        "spec.exits.restAtVenue",
        "spec.venue.heartbeat",
    ),
    (
        "a resting stop without a stop loss",
        {"exits": {"restAtVenue": True, "stopLoss": "0"}},
        "spec.exits.restAtVenue",
        "set spec.exits.stopLoss above 0",
    ),
    (
        "a watch that never looks",
        {"exits": {"watchSeconds": 0}},
        "spec.exits.watchSeconds",
        "greater than or equal to 1",
    ),
    (
        "no order an hour",
        {"limits": {"maxOrdersPerHour": 0}},
        "spec.limits.maxOrdersPerHour",
        "greater than or equal to 1",
    ),
    (
        "more orders than the venue takes",
        {"limits": {"maxOrdersPerHour": 100000}},
        "spec.limits.maxOrdersPerHour",
        "less than or equal to 3600",
    ),
    (
        "a deletion policy that is not one",
        {"deletionPolicy": "Delete"},
        "spec.deletionPolicy",
        '"Keep", "Flatten"',
    ),
    ("a misspelt field", {"riskFracton": "0.05"}, "spec.riskFracton", "unknown field"),
    (
        "a misspelt limit",
        {"limits": {"maxDailyLos": "0.02"}},
        "spec.limits.maxDailyLos",
        "unknown field",
    ),
]

BAD_NAMES = [
    ("a name with a dot", "btc.usd"),
    ("a name that begins with a digit", "1btc"),
    ("a name that is too long", "b" * 41),
]

Change = tuple[str, dict[str, Any], dict[str, Any], str, str]
BAD_CHANGES: list[Change] = [
    (
        "another symbol",
        {},
        {"symbol": "ETHUSD"},
        "spec.symbol",
        "immutable: create another TradeBot",
    ),
    (
        "another venue",
        {"venue": {"name": "gemini"}},
        {"venue": {"name": "kraken"}},
        "spec.venue.name",
        "immutable: create another TradeBot",
    ),
    (
        "another environment",
        {"venue": {"environment": "Sandbox"}},
        {"venue": {"environment": "Production"}},
        "spec.venue.environment",
        "immutable: create another TradeBot",
    ),
    (
        "Live, once there are keys no more",
        {"mode": "Live", "venue": {"credentialsSecret": "keys"}},
        {"venue": {"credentialsSecret": None}},
        "spec.venue",
        "set spec.mode to Paper",
    ),
]
