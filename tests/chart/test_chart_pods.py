"""What every pod of the chart gets and is denied, whatever the values."""

import shutil
from pathlib import Path
from typing import Any

import msgspec
import yaml
from releases.rendered import (
    CHART,
    MATRIX,
    environment,
    everywhere,
    needs_helm,
    of_kind,
    pods,
    render,
)

from tradebot.dashboard.settings import DashboardSettings
from tradebot.emulator.settings import EmulatorSettings
from tradebot.platform.settings import load as load_settings
from tradebot.platform.settings import variable
from tradebot.recorder.settings import RecorderSettings

pytestmark = needs_helm


@everywhere
def test_every_pod_passes_the_restricted_level(values: tuple[str, ...]) -> None:
    for name, spec in pods(render(*values)):
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for container in [*spec["containers"], *spec.get("initContainers", [])]:
            security = container["securityContext"]
            assert security["allowPrivilegeEscalation"] is False, name
            assert security["capabilities"] == {"drop": ["ALL"]}, name


@everywhere
def test_our_own_containers_cannot_write_to_their_image(values: tuple[str, ...]) -> None:
    for name, spec in pods(render(*values)):
        for container in [*spec["containers"], *spec.get("initContainers", [])]:
            if "tradebot-" in container["image"]:
                assert container["securityContext"]["readOnlyRootFilesystem"] is True, name


@everywhere
def test_only_the_operator_and_what_ends_it_have_a_token(values: tuple[str, ...]) -> None:
    for name, spec in pods(render(*values)):
        assert spec["automountServiceAccountToken"] is name.endswith(("-operator", "-uninstall")), (
            name
        )


@everywhere
def test_a_token_is_mounted_for_the_page_alone(values: tuple[str, ...]) -> None:
    for name, spec in pods(render(*values)):
        for container in spec["containers"]:
            mounted = {mount["name"] for mount in container.get("volumeMounts", [])}
            assert ("token" in mounted) is (container["name"] == "dashboard"), name


@everywhere
def test_no_pod_gets_variables_of_services_that_look_like_settings(
    values: tuple[str, ...],
) -> None:
    assert all(spec["enableServiceLinks"] is False for _, spec in pods(render(*values)))


@everywhere
def test_every_container_has_resources_and_probes(
    values: tuple[str, ...],
) -> None:
    for name, spec in pods(render(*values)):
        for container in spec["containers"]:
            assert container["resources"]["requests"].keys() >= {"cpu", "memory"}, name
            assert "memory" in container["resources"]["limits"], name
            if not name.startswith(("Pod", "Job")):
                probes = {"startupProbe", "livenessProbe", "readinessProbe"}
                assert probes <= container.keys(), name


@everywhere
def test_every_mount_has_a_volume_and_no_name_is_given_twice(values: tuple[str, ...]) -> None:
    objects = render(*values)
    names = [
        (item["kind"], item["metadata"].get("namespace"), item["metadata"]["name"])
        for item in objects
    ]
    assert len(names) == len(set(names))
    for name, spec in pods(objects):
        volumes = [volume["name"] for volume in spec.get("volumes", [])]
        assert len(volumes) == len(set(volumes)), name
        claims = {"data"} if name.startswith("StatefulSet") else set()
        for container in [*spec["containers"], *spec.get("initContainers", [])]:
            mounted = {mount["name"] for mount in container.get("volumeMounts", [])}
            assert mounted <= set(volumes) | claims, name


@everywhere
def test_every_variable_of_a_stage_is_one_of_its_settings(values: tuple[str, ...]) -> None:
    kinds: dict[str, Any] = {
        "recorder": RecorderSettings,
        "dashboard": DashboardSettings,
        "emulator": EmulatorSettings,
        "import": RecorderSettings,
        "documents": RecorderSettings,
    }
    for name, spec in pods(render(*values)):
        for container in spec["containers"]:
            kind = kinds.get(container["name"].split("-")[0])
            if kind is None:
                continue
            given = {
                key: value
                for key, value in environment(container).items()
                if key.startswith("TRADEBOT_")
            }
            assert set(given) <= {variable(f.name) for f in msgspec.structs.fields(kind)}, name
            load_settings(kind, environment=given)


@everywhere
def test_a_new_version_of_the_chart_alone_restarts_no_pod(
    values: tuple[str, ...], tmp_path: Path
) -> None:
    shutil.copytree(CHART, tmp_path / "chart")
    file = tmp_path / "chart/Chart.yaml"
    chart = yaml.safe_load(file.read_text())
    chart |= {"version": "9.9.9", "appVersion": "9.9.9"}
    file.write_text(yaml.safe_dump(chart))
    pinned = (*values, "images.tag=v9")
    now, then = (
        {
            item["metadata"]["name"]: item["spec"]["template"]
            for item in of_kind(render(*pinned, chart=place), "Deployment", "StatefulSet")
        }
        for place in (CHART, tmp_path / "chart")
    )
    assert now == then


def test_the_emulator_keeps_its_accounts_in_the_volume_that_its_claim_gives() -> None:
    for values, claim in (
        (MATRIX["emulator"], None),
        (MATRIX["all on claims"], "tradebot-emulator"),
    ):
        spec = dict(pods(render(*values)))["Deployment/tradebot-emulator"]
        (container,) = spec["containers"]
        told = load_settings(EmulatorSettings, environment=environment(container))
        mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
        (volume,) = [item for item in spec["volumes"] if item["name"] == mounts[told.state_dir]]
        assert volume.get("persistentVolumeClaim", {}).get("claimName") == claim
        assert ("emptyDir" in volume) == (claim is None)
