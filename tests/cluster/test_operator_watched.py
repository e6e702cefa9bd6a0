"""A real operator, cut off from its API server and then killed, fires real alerts."""

import signal
from pathlib import Path

import pytest
from apiserver import Api
from cable import Cable
from observing.prometheus_watch import Prometheus
from operators import running
from waiting.conditions import until

pytestmark = [pytest.mark.cluster, pytest.mark.slow]


def test_an_operator_fires_its_alert_while_it_is_cut_off_and_when_it_is_gone(
    api: Api, namespace: str, prometheus: str, by_cable: Path, cable: Cable, tmp_path: Path
) -> None:
    # Here an operator counts as cut off after twenty seconds, not two minutes; it checks each 15 s.
    sooner = {"TradebotOperatorSilent": ("> 120", "> 20")}
    with running(tmp_path, by_cable, namespace) as operator:
        watching = Prometheus(tmp_path, prometheus, [f"127.0.0.1:{operator.port}"], sooner)
        try:
            until(lambda: watching.value("tradebot_operator_canary_age_seconds") > 0)
            errors = 'tradebot_operator_errors_total{kind="canary"}'
            assert watching.value(f"count({errors})") == 1, "begins at zero"
            assert "TradebotOperatorSilent" not in watching.firing()
            cable.pull()
            until(lambda: "TradebotOperatorSilent" in watching.firing())
            assert watching.healths() == ["up"]
            assert watching.value(errors) > 0
            cable.plug_in()
            until(lambda: "TradebotOperatorSilent" not in watching.firing())

            operator.stop(signal.SIGKILL)
            until(lambda: "TradebotOperatorSilent" in watching.firing())
            assert watching.healths() == ["down"]
        finally:
            watching.end()
