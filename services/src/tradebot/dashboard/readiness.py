"""Polls the stages' readiness."""

import asyncio
from typing import Any

import httpx

from tradebot.dashboard.board import Board

EVERY_SECONDS = 2.0


async def watch(stages: tuple[str, ...], board: Board) -> None:
    """Keeps the board's stages up to date until cancelled; `stages` are `name=URL`."""
    async with httpx.AsyncClient(timeout=2, trust_env=False) as client:
        while stages:
            board.set_stages(await asyncio.gather(*(ask(client, stage) for stage in stages)))
            await asyncio.sleep(EVERY_SECONDS)


async def ask(client: httpx.AsyncClient, stage: str) -> dict[str, Any]:
    """Returns one stage's name, whether it is ready, and the reasons why not."""
    name, _, url = stage.partition("=")
    try:
        answer = await client.get(url.rstrip("/") + "/readyz")
        body = answer.json()
        return {"name": name, "ready": body["ready"], "reasons": body["reasons"]}
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return {"name": name, "ready": False, "reasons": {"process": "does not respond"}}
