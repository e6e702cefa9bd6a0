"""compose.yaml names only what exists: settings, images, files, volumes, hosts and ports."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tradebot.platform import settings
from tradebot.platform.stages import Stage, installed, load

ROOT = Path(__file__).parents[3]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
STAGES: dict[str, Stage] = {stage.name: stage for stage in installed()}
OURS = {name: each for name, each in SERVICES.items() if each["image"].startswith("tradebot-")}


def parsed(name: str) -> Any:
    """Returns a service's settings, as its stage reads them from the environment."""
    service = OURS[name]
    return settings.load(
        load(STAGES[service["command"][0]].settings), environment=service["environment"]
    )


@pytest.mark.parametrize("name", OURS)
def test_the_environment_of_a_service_holds_settings_of_its_stage_alone(name: str) -> None:
    found = parsed(name)
    known = {settings.variable(field) for field in found.__struct_fields__}
    assert set(OURS[name]["environment"]) <= known


def test_every_stage_that_a_bot_by_the_report_s_rule_needs_runs() -> None:
    needed = {stage.name for stage in STAGES.values() if stage.demo and not stage.demo.only_with}
    assert needed <= {service["command"][0] for service in OURS.values()}


def test_stages_that_others_call_listen_on_every_address() -> None:
    for name in OURS.keys() - {"setup"}:
        assert (parsed(name).http_host, parsed(name).http_port) == ("0.0.0.0", 9090)


def test_every_address_in_the_environment_is_a_service_s_own_port() -> None:
    served = {"kafka": 9092, "elasticsearch": 9200, "kibana": 5601}
    served["emulator"] = parsed("emulator").port
    for name, service in OURS.items():
        text = " ".join(service["environment"].values())
        addresses = re.findall(r"([a-z]+):(\d{4,5})\b", text)
        assert addresses or name == "emulator", name
        for host, port in addresses:
            assert int(port) in (served.get(host), 9090 if host in OURS else None), (name, host)


def test_all_stages_agree_on_the_market_and_its_speed() -> None:
    stages = [parsed(name) for name in OURS.keys() - {"setup"}]
    for field in ("kafka", "speed", "environment", "emulator_url", "model"):
        values = {getattr(stage, field) for stage in stages if hasattr(stage, field)}
        assert len(values) == 1, field
    assert parsed("trader").mode == "Paper"


def test_our_images_have_a_dockerfile_and_start_as_its_entry_point_expects() -> None:
    for name, service in OURS.items():
        file = ROOT / service["build"]["dockerfile"]
        assert f"tradebot-{file.parent.name}:dev" == service["image"], name
        assert 'ENTRYPOINT ["tradebot"]' in file.read_text()
        assert service["command"] == [service["command"][0]]
        arguments = service["build"].get("args", {})
        assert all(f"ARG {argument}" in file.read_text() for argument in arguments)


def test_the_images_of_others_are_pinned_and_those_of_elastic_are_the_chart_s() -> None:
    chart = yaml.safe_load((ROOT / "charts/tradebot/values.yaml").read_text())["images"]
    for name, service in SERVICES.items():
        if name not in OURS:
            assert re.search(r":v?\d+\.\d+\.\d+$", service["image"]), name
    for name in ("elasticsearch", "kibana"):
        assert SERVICES[name]["image"] == chart[name]


def test_files_and_volumes_that_are_mounted_exist() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            found = (ROOT / source).exists() if source[0] == "." else source in COMPOSE["volumes"]
            assert found, volume
            assert source[0] != "." or volume.endswith(":ro")
    used = {v.split(":")[0] for s in SERVICES.values() for v in s.get("volumes", [])}
    assert set(COMPOSE["volumes"]) <= used


def test_a_service_waits_only_for_health_that_the_other_reports() -> None:
    for service in SERVICES.values():
        wanted = service.get("depends_on", {})
        for other in wanted:
            assert other in SERVICES
            if isinstance(wanted, dict):
                assert "healthcheck" in SERVICES[other] or other in OURS
                assert SERVICES[other].get("healthcheck") != {"disable": True}


def test_three_addresses_are_open_and_only_to_this_machine() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert sorted(ports) == [f"127.0.0.1:{port}:{port}" for port in (3000, 5601, 8080)]
    assert parsed("dashboard").port == 8080


def test_prometheus_scrapes_every_stage_and_grafana_reads_it() -> None:
    prometheus = yaml.safe_load((ROOT / "compose/prometheus.yaml").read_text())
    (job,) = prometheus["scrape_configs"]
    assert set(job["static_configs"][0]["targets"]) == {
        f"{name}:9090" for name in OURS.keys() - {"setup"}
    }
    (source,) = yaml.safe_load((ROOT / "compose/grafana/datasources.yaml").read_text())[
        "datasources"
    ]
    assert source["url"] == "http://prometheus:9090"
