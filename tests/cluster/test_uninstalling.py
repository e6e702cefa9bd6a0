"""`helm uninstall` while there are bots, in real pods."""

from apiserver import Api, eventually
from release import MARKS, installed, run

pytestmark = MARKS


def test_uninstalling_lets_a_bot_go_that_was_to_be_flattened_and_its_namespace_with_it(
    api: Api,
) -> None:
    with installed(api) as bots:
        namespace = f"/api/v1/namespaces/{bots.namespace}"
        name = bots.apply("btc-emulator-live.yaml")
        assert eventually(lambda: api.get(bots.path(name))["metadata"].get("finalizers"))
        run("helm", "uninstall", "tradebot", "-n", bots.namespace)
        assert "finalizers" not in api.get(bots.path(name))["metadata"]
        left = api.get(f"/apis/batch/v1/namespaces/{bots.namespace}/jobs")["items"]
        assert not left, "the cleanup leaves nothing behind"
        bots.kubectl("delete", "tradebot", name, "--timeout=60s")
        api.delete(namespace)
        assert eventually(lambda: not api.exists(namespace))
