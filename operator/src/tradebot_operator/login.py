"""Credentials: the pod's service account, or a kubeconfig, read by Kubernetes' own client."""

from typing import Any

import kopf
from kubernetes.aio import client, config

AUTHORIZATION = "BearerToken"
"""The client's key for its whole `Authorization` header."""


async def configuration() -> client.Configuration:
    """Returns the API server's address and credentials; a pod's token is re-read as it rotates.

    Raises:
        kubernetes.aio.config.ConfigException: there is neither an account nor a kubeconfig.
    """
    found = client.Configuration()
    # Like kopf's connections: only the kubeconfig's proxy is used. The environment's would be
    # looked up, in threads, for each request.
    found.client_session_kwargs = {"trust_env": False}
    try:
        config.load_incluster_config(client_configuration=found)
    except config.ConfigException:
        await config.load_kube_config(client_configuration=found)
    return found


async def login(**_: Any) -> kopf.ConnectionInfo | None:
    """Returns the same for kopf, which calls it again when its token is refused; `None` without
    credentials.
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
