"""Structured logs: one event per line, JSON in a cluster, text on a terminal.

Fields have the same names as in documents: bot, symbol, decision, order. A value whose key suggests
a secret is never written.
"""

import logging
import sys

import structlog
from structlog.typing import EventDict, WrappedLogger

SECRET_WORDS = ("secret", "password", "api_key", "apikey", "signature", "token", "payload")


def _redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    for key in event:
        if any(word in key.lower() for word in SECRET_WORDS):
            event[key] = "(kept secret)"
    return event


def setup(stage: str, *, level: str = "info", form: str = "text") -> None:
    """Configures this process to log to stderr, with the stage's name in each line."""
    threshold = logging.getLevelNamesMapping()[level.upper()]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _redact,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(level=max(threshold, logging.WARNING), handlers=[handler], force=True)
    structlog.contextvars.bind_contextvars(stage=stage)


def get(name: str) -> structlog.typing.FilteringBoundLogger:
    """Returns a logger whose events carry `module`."""
    return structlog.get_logger(module=name)  # type: ignore[no-any-return]
