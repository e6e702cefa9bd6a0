"""The part of the control interface that sets faults and lists which struck."""

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tradebot.emulator.faults.injector import Armed, Injector
from tradebot.emulator.faults.rules import AnyRule, FaultFile, chaos_rules


class FaultsApi:
    """`/emulator/faults`."""

    def __init__(self, injector: Injector) -> None:
        self._injector = injector

    def routes(self) -> list[Route]:
        """Its routes."""
        return [
            Route("/emulator/faults", self._list, methods=["GET"]),
            Route("/emulator/faults", self._set, methods=["POST"]),
            Route("/emulator/faults", self._clear, methods=["DELETE"]),
            Route("/emulator/faults/log", self._log, methods=["GET"]),
            Route("/emulator/faults/{number:int}", self._clear, methods=["DELETE"]),
        ]

    async def _list(self, _request: Request) -> Response:
        return _json([_view(armed) for armed in self._injector.armed()])

    async def _set(self, request: Request) -> Response:
        """Accepts one rule, a list of rules, or the content of a faults file."""
        body = await request.body()
        try:
            given = msgspec.json.decode(body)
            if isinstance(given, dict) and "kind" not in given:
                armed = arm_file(self._injector, msgspec.convert(given, FaultFile, strict=False))
            else:
                rules = given if isinstance(given, list) else [given]
                parsed = msgspec.convert(rules, list[AnyRule], strict=False)
                armed = [self._injector.arm(rule) for rule in parsed]
        except ValueError as error:
            return _json({"error": str(error)}, 400)
        return _json([_view(each) for each in armed])

    async def _clear(self, request: Request) -> Response:
        return _json({"removed": self._injector.disarm(request.path_params.get("number"))})

    async def _log(self, _request: Request) -> Response:
        return _json(list(self._injector.log))


def arm_file(injector: Injector, file: FaultFile) -> list[Armed]:
    """Arms all faults of a file.

    Raises:
        ValueError: its chaos names an unknown kind.
    """
    rules = list(file.faults)
    if file.chaos is not None:
        rules += chaos_rules(file.chaos)
    if file.seed is not None:
        injector.seed = file.seed
    return [injector.arm(rule) for rule in rules]


def _view(armed: Armed) -> dict[str, Any]:
    rule = msgspec.to_builtins(armed.rule)
    return {"id": armed.number, "strikes": armed.strikes, "rule": rule}


def _json(content: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")
