"""Before the chart is removed, a Job stops its operator: with the right name, rights and file."""

from releases.rendered import everywhere, needs_helm, of_kind, operator_settings, render

pytestmark = needs_helm


@everywhere
def test_a_job_ends_the_operator_that_there_is_before_the_chart_goes(
    values: tuple[str, ...],
) -> None:
    objects, settings = render(*values), operator_settings(values)
    found = {item["metadata"]["name"]: item for item in of_kind(objects, "Deployment", "Job")}
    cleanups = [item for name, item in found.items() if name.endswith("-uninstall")]
    assert bool(cleanups) == (settings is not None)
    for job in cleanups:
        assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-delete"
        spec = job["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        command, name = container["args"]
        operator = found[name]["spec"]["template"]["spec"]
        assert command == "let-go"
        assert container["image"] == operator["containers"][0]["image"]
        assert container["env"][0] == operator["containers"][0]["env"][0]
        assert spec["volumes"] == operator["volumes"]
        assert spec["serviceAccountName"] == operator["serviceAccountName"]
        assert settings and job["spec"]["activeDeadlineSeconds"] > settings.flatten_seconds + 30


@everywhere
def test_the_operator_may_end_itself_where_it_lives_and_look_whether_what_it_serves_goes(
    values: tuple[str, ...],
) -> None:
    objects, settings = render(*values), operator_settings(values)
    if settings is None:
        return
    for namespace in {settings.namespace, *settings.namespaces}:
        (role,) = (
            item
            for item in of_kind(objects, "Role")
            if item["metadata"]["namespace"] == namespace
            and item["metadata"]["name"].endswith("-operator")
        )
        granted = {
            (resource, verb)
            for rule in role["rules"]
            for resource in rule["resources"]
            for verb in rule["verbs"]
        }
        assert (("namespaces", "get") in granted) == (namespace in settings.namespaces)
        if namespace == settings.namespace:
            assert {("deployments", "patch"), ("pods", "list")} <= granted
