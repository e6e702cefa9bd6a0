"""Credentials: the pod's service account, or a kubeconfig, as Kubernetes' own client reads them."""

from typing import Any

import kopf
from kubernetes.aio import client, config

AUTHORIZATION = "BearerToken"
"""Under what the client keeps its whole `Authorization` header."""


async def configuration() -> client.Configuration:
    """Where the API server is and how to speak to it; a pod's token is read again as it rotates.

    Raises:
        kubernetes.aio.config.ConfigException: neither an account nor a kubeconfig is here.
    """
    found = client.Configuration()
    # As kopf's connections: a proxy is the kubeconfig's. The environment's would be looked up,
    # in threads, for each request.
    found.client_session_kwargs = {"trust_env": False}
    try:
        config.load_incluster_config(client_configuration=found)
    except config.ConfigException:
        await config.load_kube_config(client_configuration=found)
    return found


async def login(**_: Any) -> kopf.ConnectionInfo | None:
    """The same for kopf, which asks again when its token is no longer taken; nothing where
    neither is here.
    """
    try:
        found = await configuration()
    except config.ConfigException:
        return None
    scheme, _, token = found.api_key.get(AUTHORIZATION, "").strip().partition(" ")
    return kopf.ConnectionInfo(
        server=found.host,
        ca_path=found.ssl_ca_cert,
        insecure=not found.verify_ssl,
        scheme=scheme.capitalize() or None,
        token=token or None,
        certificate_path=found.cert_file,
        private_key_path=found.key_file,
        proxy_url=found.proxy,
    )
