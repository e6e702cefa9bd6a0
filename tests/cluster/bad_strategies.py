"""Values of `spec.strategy` that the API server must refuse, as in `bad_tradebots`."""

from typing import Any

BAD_STRATEGIES: list[tuple[str, dict[str, Any], str, str]] = [
    (
        "a strategy by name and by file",
        {"strategy": {"name": "SmaCross", "file": {"configMap": "sma"}}},
        "spec.strategy",
        "not both",
    ),
    ("a strategy by neither", {"strategy": {"resolution": "1h"}}, "spec.strategy", "needs either"),
    (
        "a strategy's parameter that is a float",
        {"strategy": {"name": "SmaCross", "parameters": {"fast": 0.5}}},
        "spec.strategy.parameters.fast",
        "integer,string",
    ),
    (
        "a strategy's parameter that Python cannot name",
        {"strategy": {"name": "SmaCross", "parameters": {"fast-one": 1}}},
        "spec.strategy.parameters",
        "letters, digits and underscores",
    ),
    (
        "parameters of the report's rule",
        {"strategy": {"name": "Report", "parameters": {"fast": 1}}},
        "spec.strategy.parameters",
        "whose settings are spec.liquidityBand",
    ),
    (
        "a strategy's file outside its folder",
        {"strategy": {"file": {"configMap": "sma", "key": "../sma.py"}}},
        "spec.strategy.file.key",
        "the name of a Python file",
    ),
]
