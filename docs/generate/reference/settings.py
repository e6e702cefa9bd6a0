"""The page of each stage's settings, from their Structs."""

from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from reference.table import cell, code, table
from tradebot.platform.settings import StageSettings, flag, variable
from tradebot.platform.stages import Stage, installed, load

INTRODUCTION = """# Settings

A setting has one name in three places: the field `risk_fraction` is the flag `--risk-fraction`,
the environment variable `TRADEBOT_RISK_FRACTION` and the key `risk_fraction` of a settings
file (TOML or YAML, `--config FILE`). The first that has a value wins, in that
order; then comes the default. One file may hold the settings of several
stages. Lists are written `a,b,c`.

On Kubernetes, the operator sets these variables from the [TradeBot](tradebot.md).
"""


def page() -> str:
    """Returns the page."""
    common = {field.name for field in msgspec.structs.fields(StageSettings)}
    parts = [INTRODUCTION, "## Every stage\n", _table(StageSettings)]
    for stage in installed():
        parts.append(f"## {stage.name.capitalize()}\n")
        parts.append(f"{stage.summary[0].upper()}{stage.summary[1:]}.\n\n{_topics(stage)}")
        parts.append(_table(load(stage.settings), without=common))
    return "\n".join(parts)


def _topics(stage: Stage) -> str:
    kinds = (
        ("Reads", stage.reads),
        ("Writes", stage.writes),
        ("Keeps", tuple(f"{name}.BOT" for name in stage.keeps)),
    )
    said = [f"{kind} {', '.join(map(code, names))}." for kind, names in kinds if names]
    return " ".join(said) + "\n" if said else ""


def _table(kind: type[msgspec.Struct], without: set[str] | None = None) -> str:
    hints = get_type_hints(kind, include_extras=True)
    fields = [f for f in msgspec.structs.fields(kind) if f.name not in (without or set())]
    return table(
        ["setting", "default", "what it does"],
        [
            [
                f"`{flag(field.name)}`<br>`{variable(field.name)}`",
                _default(field),
                cell(_described(hints[field.name])),
            ]
            for field in fields
        ],
    )


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "*required*"
    if field.default_factory is not msgspec.NODEFAULT:
        return _shown(field.default_factory())
    return _shown(field.default)


def _shown(value: Any) -> str:
    if value is None or value == "" or value == () or value == []:
        return "–"
    if isinstance(value, bool):
        return "`true`" if value else "`false`"
    if isinstance(value, list | tuple):
        return code(",".join(map(str, value)))
    return code(value)


def _described(hint: Any) -> str:
    """Returns the description, and the choices if it does not name them."""
    parts = get_args(hint) if get_origin(hint) is Annotated else (hint,)
    text = next((part for part in parts[1:] if isinstance(part, str)), "")
    base = parts[0]
    if get_origin(base) is Literal:
        choices = [str(choice) for choice in get_args(base) if str(choice)]
        if not all(choice in text for choice in choices):
            text = f"{text}: {', '.join(choices)}" if text else ", ".join(choices)
    return text
