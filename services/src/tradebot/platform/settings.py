"""Settings of a stage: one frozen Struct, filled from flags, environment, a file and defaults.

The first source that has a value wins, in that order. A field `topic_prefix` is the flag
`--topic-prefix`, the variable `TRADEBOT_TOPIC_PREFIX` and the key `topic_prefix` of the file
(TOML or YAML). Describe a field with `Annotated[type, "what it does, with its unit"]`. Set the
bounds of a number with `msgspec.Meta`, those of a Decimal with `Bounds`. Check several fields
together in `__post_init__`; raise `ValueError` with a sentence that names the fix. A field whose
name would be a Python keyword ends in `_`; its flag and variable do not.
"""

import os
import re
import tomllib
from collections.abc import Callable, Container, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import click
import msgspec
import yaml

from tradebot.platform.stages import setting_names

Settings = TypeVar("Settings", bound=msgspec.Struct)
Annotation = TypeVar("Annotation")

ENVIRONMENT_PREFIX = "TRADEBOT_"


class SettingsError(click.ClickException):
    """A setting is invalid; the message names it, its value and the fix."""

    exit_code = 2


class Bounds(msgspec.Struct, frozen=True):
    """Bounds of a Decimal setting: `Annotated[Decimal, Bounds(above=0, most=1), "..."]`."""

    above: int | None = None
    least: int | None = None
    most: int | None = None

    def refusal(self, value: Decimal) -> str | None:
        """Returns what is wrong with `value`; `None` if it is within the bounds."""
        if not value.is_finite():
            return "use a finite number"
        if self.above is not None and value <= self.above:
            return f"use a number above {self.above}"
        if self.least is not None and value < self.least:
            return f"use {self.least} or more"
        if self.most is not None and value > self.most:
            return f"use {self.most} or less"
        return None


class StageSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of every stage."""

    kafka: Annotated[str, "Kafka's bootstrap servers, host:port[,host:port]"] = "127.0.0.1:9092"
    kafka_security: Annotated[
        Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"],
        "PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL",
    ] = "PLAINTEXT"
    kafka_username: Annotated[str, "user for SCRAM-SHA-512"] = ""
    kafka_password_file: Annotated[str, "file with the user's password"] = ""
    kafka_ca_file: Annotated[str, "the brokers' certificate authority, a PEM file"] = ""
    kafka_embedded: Annotated[
        bool, "set if the broker is the one inside `tradebot demo`, which creates topics by itself"
    ] = False
    topic_prefix: Annotated[str, "prefix of every topic"] = ""
    http_host: Annotated[str, "address that serves /metrics, /livez and /readyz"] = "127.0.0.1"
    http_port: Annotated[
        int, msgspec.Meta(ge=0, le=65535), "port for these; 0 chooses a free one"
    ] = 0
    log_format: Annotated[Literal["text", "json"], "text or json"] = "text"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], "debug, info, warning or error"
    ] = "info"
    speed: Annotated[
        float, msgspec.Meta(gt=0), "speed of exchange time compared with real time (emulator)"
    ] = 1.0


def variable(field: str) -> str:
    """Returns the environment variable of a field.

    >>> variable("topic_prefix")
    'TRADEBOT_TOPIC_PREFIX'
    """
    return ENVIRONMENT_PREFIX + field.rstrip("_").upper()


def flag(field: str) -> str:
    """Returns the command-line flag of a field.

    >>> flag("topic_prefix")
    '--topic-prefix'
    """
    return "--" + field.rstrip("_").replace("_", "-")


def load(
    kind: type[Settings],
    *,
    flags: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    file: Path | None = None,
    known: Container[str] = (),
) -> Settings:
    """Loads the settings of class `kind`.

    Args:
        flags: values by field name; `None` means not given, and other names are ignored.
        environment: the process's own if omitted.
        file: TOML (`.toml`) or YAML, a mapping of field names to values; the fields of other
            stages are ignored.
        known: further names that the file may contain.

    Raises:
        SettingsError: a value does not fit its field, the file does not exist or cannot be read,
            or the file names a field that is not a setting.
    """
    environment = os.environ if environment is None else environment
    names = [field.name for field in msgspec.structs.fields(kind)]
    given: dict[str, tuple[Any, str]] = {}
    for name, value in (_read_file(file) if file else {}).items():
        if name not in names and (name in known or name in setting_names()):
            continue
        if name not in names:
            raise SettingsError(f"{file}: {name!r} is not a setting; use one of {', '.join(names)}")
        given[name] = (value, f"{file}: {name}")
    for name in names:
        text = environment.get(variable(name))
        if text is not None:
            given[name] = (text, variable(name))
        value = (flags or {}).get(name)
        if value is not None:
            given[name] = (value, flag(name))
    return _build(kind, given)


def _build(kind: type[Settings], given: Mapping[str, tuple[Any, str]]) -> Settings:
    hints = get_type_hints(kind, include_extras=True)
    values: dict[str, Any] = {}
    for name, (value, source) in given.items():
        values[name] = _convert(value, hints[name], source)
    missing = [
        field.name
        for field in msgspec.structs.fields(kind)
        if field.required and field.name not in values
    ]
    if missing:
        ways = "; ".join(f"{name}: set {flag(name)} or {variable(name)}" for name in missing)
        raise SettingsError(f"a setting is missing: {ways}")
    try:
        return kind(**values)
    except ValueError as error:
        raise SettingsError(str(error)) from None


def _convert(value: Any, hint: Any, source: str) -> Any:
    """Converts `value` to the field's type; lists may be written `a,b,c`."""
    if isinstance(value, str) and _is_list(hint):
        value = [part.strip() for part in value.split(",") if part.strip()]
    if isinstance(value, bool | int | float) and _base(hint) is Decimal:
        value = str(value)
    try:
        converted = msgspec.convert(value, hint, strict=False, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{source} is {value!r}: {_advice(hint, error)}") from None
    for bounds in _annotations(hint, Bounds):
        refusal = bounds.refusal(converted)
        if refusal:
            raise SettingsError(f"{source} is {value!r}: {refusal}")
    return converted


def _path(kind: type, value: Any) -> Path:
    if kind is Path and isinstance(value, str | Path):
        return Path(value)
    raise NotImplementedError


def _advice(hint: Any, error: msgspec.ValidationError) -> str:
    """Says in words which values are valid."""
    base = _base(hint)
    if get_origin(base) is Literal:
        return f"use one of {', '.join(map(str, get_args(base)))}"
    text = str(error)
    if bound := re.fullmatch(r"Expected `\w+` (>=|>|<=|<) (\S+)", text):
        sign, number = bound[1], f"{float(bound[2]):g}"
        return {
            ">": f"use a number above {number}",
            "<": f"use a number below {number}",
            ">=": f"use {number} or more",
            "<=": f"use {number} or less",
        }[sign]
    if form := re.search(r"matching regex '(.+)'$", text):
        return f"use {_help(hint)}, in the form {form[1]}"
    if "got `" in text or "Invalid decimal" in text:
        wanted = {
            str: "text, in quotes",
            int: "a whole number",
            float: "a number",
            Decimal: "a number",
            bool: "true or false",
        }
        return f"use {wanted.get(base, text)}"
    return text


def _base(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def _is_list(hint: Any) -> bool:
    base = _base(hint)
    if get_origin(base) is Union:
        return any(_is_list(part) for part in get_args(base))
    return get_origin(base) in (list, tuple)


def _help(hint: Any) -> str:
    return next(iter(_annotations(hint, str)), "")


def _annotations(hint: Any, kind: type[Annotation]) -> list[Annotation]:
    parts = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    return [part for part in parts if isinstance(part, kind)]


def _read_file(file: Path) -> dict[str, Any]:
    try:
        text = file.read_text()
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}; use the path of a settings file") from None
    except UnicodeDecodeError:
        raise SettingsError(
            f"{file} is not a text file; use a settings file in TOML or YAML"
        ) from None
    try:
        content = tomllib.loads(text) if file.suffix == ".toml" else yaml.safe_load(text)
    except (tomllib.TOMLDecodeError, yaml.YAMLError) as error:
        raise SettingsError(f"{file} cannot be read: {error}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise SettingsError(f"{file}: the file must map setting names to values")
    return content


def command(
    kind: type[Settings],
    run: Callable[[Settings], None],
    *,
    name: str,
    summary: str,
    example: str,
    arguments: Sequence[str] = (),
) -> click.Command:
    """Makes a click command whose options are the fields of `kind`.

    Args:
        run: called with the loaded settings.
        summary: one line, for `tradebot --help`.
        example: a working command line, shown by `--help`.
        arguments: fields that are positional arguments instead of flags.
    """
    return composed([kind], run, name=name, summary=summary, example=example, arguments=arguments)


def composed(
    kinds: Sequence[type[msgspec.Struct]],
    run: Callable[..., None],
    *,
    name: str,
    summary: str,
    example: str,
    arguments: Sequence[str] = (),
) -> click.Command:
    """Makes a click command whose options are the fields of all `kinds`; see `command`.

    Args:
        run: called with the settings of each kind, in order. A field that several kinds share is
            one option, with one value for all of them.
    """
    fields: dict[str, tuple[msgspec.structs.FieldInfo, Any]] = {}
    for kind in kinds:
        hints = get_type_hints(kind, include_extras=True)
        for field in msgspec.structs.fields(kind):
            fields.setdefault(field.name, (field, hints[field.name]))
    config = click.Option(
        ["--config"],
        type=click.Path(dir_okay=False, path_type=Path),
        help="settings file, TOML or YAML",
    )
    parameters: list[click.Parameter] = [config]
    for field, hint in fields.values():
        if field.name in arguments:
            parameters.append(click.Argument([field.name], required=field.required))
        else:
            parameters.append(_option(field, hint))

    def callback(config: Path | None, **flags: Any) -> None:
        run(*[load(kind, flags=flags, file=config, known=fields) for kind in kinds])

    return click.Command(
        name,
        params=parameters,
        callback=callback,
        short_help=summary,
        help=f"{summary}\n\n\b\nExample:\n  {example}",
    )


def _option(field: msgspec.structs.FieldInfo, hint: Any) -> click.Option:
    text = _help(hint)
    if not field.required and field.default not in ("", None, msgspec.NODEFAULT):
        text += f" [default: {field.default}]"
    if _base(hint) is bool:
        switch = f"{flag(field.name)}/--no-{flag(field.name)[2:]}"
        return click.Option([switch, field.name], default=None, help=text)
    return click.Option([flag(field.name), field.name], help=text, metavar=_metavar(hint))


def _metavar(hint: Any) -> str:
    base = _base(hint)
    if get_origin(base) is Literal:
        return f"[{'|'.join(map(str, get_args(base)))}]"
    if get_origin(base) is UnionType:  # `type | None`
        base = get_args(base)[0]
    return {int: "NUMBER", float: "NUMBER", Decimal: "DECIMAL"}.get(base, "TEXT")
