"""Finds what was deleted while a watch was broken.

A watch that cannot go on from where it was begins again with a list. kopf shows what is in that
list, and what no longer is it keeps in its indices forever. A sweep asks for the names and
compares.
"""

from collections.abc import Sequence

import msgspec

from tradebot_operator.api import Api, Listed
from tradebot_operator.naming import MANAGED_BY, MANAGER
from tradebot_operator.observed import CONFIG_MAP, Observed, Shown
from tradebot_operator.resource import KIND


class Found(msgspec.Struct, frozen=True):
    """What the API server has, and what was shown once and is there no more."""

    listed: Sequence[Listed]
    gone: Sequence[Shown]


async def sweep(api: Api, observed: Observed, kind: str, namespace: str) -> Found:
    """Compares a namespace's objects of a kind; what is gone is no longer observed.

    Raises:
        ApiError: the list was refused.
    """
    # Looked up before the list is asked for: what comes meanwhile is missing in neither.
    shown = observed.shown(kind, namespace)
    selector = "" if kind in (KIND, CONFIG_MAP) else f"{MANAGED_BY}={MANAGER}"
    listed = await api.listed_metadata(kind, namespace, selector)
    there = {item.uid for item in listed}
    gone = [item for item in shown if item.uid not in there]
    for item in gone:
        observed.lost(item.uid)
    return Found(listed, gone)
