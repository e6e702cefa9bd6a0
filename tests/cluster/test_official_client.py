"""Kubernetes' own Python client sees a TradeBot as a user's program would."""

from pathlib import Path
from typing import Any

import pytest
from apiserver import Api
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

GROUP, VERSION, PLURAL = "tradebot.dev", "v1alpha1", "tradebots"


@pytest.fixture
def objects(api: Api, kubeconfig: Path) -> client.CustomObjectsApi:
    return client.CustomObjectsApi(config.new_client_from_config(str(kubeconfig)))


def bot(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "TradeBot",
        "metadata": {"name": "btc"},
        "spec": {"symbol": "BTCUSD", **spec},
    }


def test_a_bot_with_a_symbol_alone_comes_back_with_every_default(
    objects: client.CustomObjectsApi, namespace: str
) -> None:
    made = objects.create_namespaced_custom_object(GROUP, VERSION, namespace, PLURAL, bot())
    assert made["spec"]["mode"] == "Paper"
    assert made["spec"]["liquidityBand"] == {"minBps": 5000, "maxBps": 20000}
    assert made["spec"]["forecast"]["model"] == "FastProphet"


def test_a_bad_bot_is_refused_with_a_sentence_that_names_the_field(
    objects: client.CustomObjectsApi, namespace: str
) -> None:
    with pytest.raises(ApiException) as refused:
        objects.create_namespaced_custom_object(
            GROUP, VERSION, namespace, PLURAL, bot(riskFraction="2")
        )
    assert refused.value.status == 422
    assert "riskFraction" in refused.value.body
