"""Credentials: the pod's service account, or a kubeconfig."""

from typing import Any

import kopf


async def login(**_: Any) -> kopf.ConnectionInfo | None:
    """Where the API server is and how to speak to it; nothing where neither is here."""
    settings = kopf.OperatorSettings()
    return kopf.login_with_service_account(settings=settings) or kopf.login_with_kubeconfig(
        settings=settings
    )
