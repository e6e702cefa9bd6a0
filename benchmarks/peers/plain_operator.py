"""The same resource with plain kopf handlers, written like kopf's own examples.

Each bot's create, update and resume handlers apply all of its children, including shared ones. A
delete handler, which needs kopf's finalizer, deletes what no bot needs any more. It runs in the
project's own environment with the operator's own builders, so only the method differs.
"""

import asyncio
from typing import Any

import kopf

from tradebot_operator.api import Api
from tradebot_operator.login import configuration, login
from tradebot_operator.resource import GROUP, PLURAL, VERSION, parse
from tradebot_operator.settings import load
from tradebot_operator.stages.table import shared_children, units
from tradebot_operator.stages.trader import trader_children

SETTINGS = load()
registry = kopf.OperatorRegistry()
api = Api(configuration)
kopf.on.login(registry=registry)(login)


@kopf.on.resume(GROUP, VERSION, PLURAL, registry=registry)
@kopf.on.create(GROUP, VERSION, PLURAL, registry=registry)
@kopf.on.update(GROUP, VERSION, PLURAL, field="spec", registry=registry)
async def make(body: Any, patch: Any, **_: Any) -> None:
    bot = parse(dict(body))
    for unit in units(bot):
        made = (
            trader_children(unit, bot, SETTINGS)
            if unit.stage == "trader"
            else shared_children(unit, [bot], SETTINGS)
        )
        for child in made:
            await api.apply(child)
    patch.status["observedGeneration"] = bot.generation


@kopf.on.delete(GROUP, VERSION, PLURAL, registry=registry)
async def forget(**_: Any) -> None:
    """Does nothing: the garbage collector deletes by owners."""


async def main() -> None:
    settings = kopf.OperatorSettings()
    settings.scanning.disabled = True
    settings.posting.enabled = False
    settings.persistence.finalizer = f"{GROUP}/finalizer"
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=GROUP)
    settings.persistence.diffbase_storage = kopf.AnnotationsDiffBaseStorage(prefix=GROUP)
    await kopf.operator(
        registry=registry, settings=settings, namespaces=SETTINGS.namespaces, standalone=True
    )


asyncio.run(main())
