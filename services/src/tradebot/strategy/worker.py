"""The process that runs a strategy: a sandbox with two pipes and nothing else.

    python -m tradebot.strategy.worker READ WRITE

It has no key, no address and no secret. The stage may have to kill it, so nothing here is relied on
for safety except `sandbox.enter`.
"""

import importlib.util
import io
import os
import sys
import tempfile
import traceback
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import msgspec

from tradebot.platform.settings import SettingsError
from tradebot.strategies import LoadedStrategy, Strategy, StrategyError, load
from tradebot.strategies.checks import lookahead
from tradebot.strategy import sandbox
from tradebot.strategy.bars import Columns
from tradebot.strategy.market import LiveMarket
from tradebot.strategy.messages import (
    TEXT,
    Account,
    Answer,
    Asked,
    Bar,
    Begin,
    Failed,
    Loaded,
    Past,
    Proposed,
    Refused,
    Taken,
    frame,
)

PRINTED: Final = 2_000
"""Characters of the strategy's output that are kept: the last ones."""

_decode = msgspec.msgpack.Decoder(Asked).decode


class Tail(io.TextIOBase):
    """Keeps the end of what is written to it."""

    def __init__(self) -> None:
        self._text = ""

    def write(self, text: str) -> int:
        """Appends `text`, and drops old text."""
        self._text = (self._text + text)[-PRINTED:]
        return len(text)

    def take(self) -> str:
        """Returns what was written since the last call."""
        text, self._text = self._text, ""
        return text


class Runner:
    """One strategy, from its file to its answers."""

    def __init__(self, printed: Tail) -> None:
        self._printed = printed
        self._columns: Columns | None = None
        self._loaded: LoadedStrategy | None = None
        self._object: Strategy | None = None
        self._market: LiveMarket | None = None

    def answer(self, asked: Asked) -> Answer:
        """Returns the answer to one request; the strategy's own errors are answers too."""
        try:
            match asked:
                case Begin():
                    return self._begin(asked)
                case Past():
                    return self._past(asked)
                case Bar():
                    return self._bar(asked)
        except (StrategyError, SettingsError) as error:
            reason = str(error) if isinstance(error, StrategyError) else error.message
            return self._failed(asked, reason)
        except BaseException as error:  # a strategy may call sys.exit
            return self._failed(asked, _where(error))

    def _failed(self, asked: Asked, where: str) -> Answer:
        if isinstance(asked, Begin):
            return Refused(where[:TEXT])
        return Failed(where[:TEXT], self._printed.take())

    def _begin(self, asked: Begin) -> Answer:
        path = Path(asked.strategy)
        folder = [path.resolve().parent] if asked.strategy.endswith(".py") else []
        try:
            sandbox.enter(asked.memory, folder)
        except sandbox.SandboxError as error:
            return Refused(str(error))
        self._loaded = loaded = load(asked.strategy, asked.parameters)
        self._columns = Columns(asked.step, max(asked.max_bars, loaded.warmup), loaded.forecasts)
        if loaded.is_class:
            self._object, self._market = loaded.create(), LiveMarket(self._columns)
        return Loaded(
            loaded.name, loaded.digest, loaded.warmup, list(loaded.forecasts), loaded.is_class
        )

    def _past(self, asked: Past) -> Taken:
        assert self._columns is not None and self._loaded is not None
        self._columns.extend(asked.columns)
        if len(self._columns) < max(1, self._loaded.warmup):
            return Taken()
        if self._object is not None:
            self._object.fit(self._columns.bars(), self._print)
        else:
            self._refuse_lookahead()
        return Taken()

    def _refuse_lookahead(self) -> None:
        """Also compiles what would be compiled at the first bar; other errors occur again there."""
        assert self._columns is not None and self._loaded is not None
        try:
            lookahead.refuse(self._loaded, self._columns.bars())
        except lookahead.LookaheadError:
            raise
        except StrategyError:
            return

    def _print(self, line: str) -> None:
        self._printed.write(f"{line}\n")

    def _bar(self, asked: Bar) -> Proposed:
        assert self._columns is not None and self._loaded is not None
        self._columns.append(asked.row, asked.forecasts)
        if self._object is not None:
            proposed = self._ask_class(asked.account)
        else:
            proposed = self._ask_function(asked.row.close)
        return msgspec.structs.replace(proposed, printed=self._printed.take())

    def _ask_function(self, close: float) -> Proposed:
        assert self._columns is not None and self._loaded is not None
        orders = self._loaded.orders(self._columns.bars())
        side, reach = int(orders.side[-1]), float(orders.reach_bps)
        limit = close * (1 + side * reach / 1e4) if side and reach < 1e4 else None
        size = float(orders.size[-1]) if side > 0 else 0.0
        return Proposed(side, size, orders.sizing == 0, limit)

    def _ask_class(self, account: Account | None) -> Proposed:
        assert self._object is not None and self._market is not None
        assert self._loaded is not None
        self._market.advance(account)
        try:
            for execution in self._market.executions():
                self._object.on_fill(execution)
            self._object.on_bar(self._market)
        except Exception as error:
            raise self._loaded.failed(error) from error
        return self._market.proposed()


def _where(error: BaseException) -> str:
    """Returns the innermost location of the error, and its own line."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename}, line {frames[-1].lineno}: " if frames else ""
    return f"{place}{type(error).__name__}: {error}"


def _read(descriptor: int, count: int) -> bytes:
    """Reads that many bytes; ends the process if the stage is gone."""
    parts = []
    while count:
        part = os.read(descriptor, min(count, 1 << 20))
        if not part:
            os._exit(0)
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


class InMemory(MetaPathFinder):
    """Makes numba keep compiled code in memory only, because the sandbox writes no
    files."""

    def find_spec(
        self, fullname: str, _path: Any, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Returns numba's own module, without its cache; all others are found elsewhere."""
        if fullname != "numba.core.dispatcher":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        assert spec is not None and spec.loader is not None
        execute = spec.loader.exec_module

        def without_cache(module: ModuleType) -> None:
            execute(module)
            module.Dispatcher.enable_caching = lambda _self: None

        spec.loader.exec_module = without_cache  # type: ignore[method-assign]
        return spec


def main(arguments: list[str]) -> None:
    """Answers requests until the stage closes its end."""
    reading, writing = map(int, arguments)
    sys.meta_path.insert(0, InMemory())
    # Libraries ask for the folder of temporary files at their import, which tries to write there.
    tempfile.tempdir = os.environ.get("TMPDIR", "/tmp")  # noqa: S108  # nothing is written there
    printed = Tail()
    sys.stdout = sys.stderr = printed
    runner = Runner(printed)
    while True:
        size = int.from_bytes(_read(reading, 4), "big")
        answer: Any = runner.answer(_decode(_read(reading, size)))
        data = frame(answer)
        while data:
            data = data[os.write(writing, data) :]


if __name__ == "__main__":
    main(sys.argv[1:])
