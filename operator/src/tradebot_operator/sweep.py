"""Finds objects deleted while a watch was broken.

A watch that cannot continue starts again with a list. kopf handles what is in that list, and keeps
everything else in its indices forever. A sweep lists the names and compares.
"""

from collections.abc import Sequence

import msgspec

from tradebot_operator.api import Api, Listed
from tradebot_operator.naming import MANAGED_BY, MANAGER
from tradebot_operator.observed import CONFIG_MAP, Observed, Shown
from tradebot_operator.resource import KIND


class Found(msgspec.Struct, frozen=True):
    """What the API server has, and what was shown once and no longer exists."""

    listed: Sequence[Listed]
    gone: Sequence[Shown]


async def sweep(api: Api, observed: Observed, kind: str, namespace: str) -> Found:
    """Compares a namespace's objects of a kind, and drops the missing ones.

    Raises:
        ApiError: the list was refused.
    """
    # Read before the list is requested, so that objects created meanwhile are in neither.
    shown = observed.shown(kind, namespace)
    selector = "" if kind in (KIND, CONFIG_MAP) else f"{MANAGED_BY}={MANAGER}"
    listed = await api.listed_metadata(kind, namespace, selector)
    there = {item.uid for item in listed}
    gone = [item for item in shown if item.uid not in there]
    for item in gone:
        observed.lost(item.uid)
    return Found(listed, gone)
