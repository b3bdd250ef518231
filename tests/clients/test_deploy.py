"""What Kubernetes is given (deploy/kubernetes): sound, safe, and of one piece. Rendered where there is a kubectl."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy" / "kubernetes"
# Made by hand, as the components that mount them say.
BY_HAND = {"entryway-database-ca"}


def documents(folder):
    """Every document of every manifest in `folder`."""
    return [one for file in sorted(folder.glob("*.yaml")) for one in yaml.safe_load_all(file.read_text())]


@pytest.fixture(scope="module", params=["as written", "example", "complete"])
def manifests(request):
    """What there is, by kind: the base and the monitoring as they are written, and all that each overlay makes of them."""
    if request.param != "as written":
        if shutil.which("kubectl") is None:
            pytest.skip("there is no kubectl here to render with")
        told = subprocess.run(["kubectl", "kustomize", DEPLOY / "overlays" / request.param], capture_output=True, text=True, check=False)
        assert told.returncode == 0, told.stderr
        found = list(yaml.safe_load_all(told.stdout))
    else:
        found = documents(DEPLOY / "base") + documents(DEPLOY / "monitoring")
    by_kind = {}
    for one in found:
        by_kind.setdefault(one["kind"], []).append(one)
    return by_kind


def templates(manifests):
    return [manifests[kind][0]["spec"]["template"] for kind in ("Deployment", "Job")]


def test_every_manifest_is_yaml_and_listed(manifests):
    for folder in (DEPLOY / name for name in ("base", "monitoring", "alb", "alb-sign-in")):
        kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
        files = {file.name for file in folder.glob("*.yaml")} - {"kustomization.yaml"}
        assert set(kustomization["resources"]) == files


def test_no_pod_may_do_more_than_it_needs(manifests):
    for template in templates(manifests):
        pod = template["spec"]
        assert pod["automountServiceAccountToken"] is False and pod["enableServiceLinks"] is False
        context = pod["securityContext"]
        assert context["runAsNonRoot"] and context["runAsUser"] > 0
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}
            assert "memory" in container["resources"]["limits"]
            assert all(mount["readOnly"] and "subPath" not in mount for mount in container["volumeMounts"])
            # No secret is in an environment, where every crash report has it.
            assert not any("valueFrom" in variable for variable in container["env"])
    labels = manifests["Namespace"][0]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_only_the_service_has_a_role_and_only_the_job_the_owner_of_the_tables(manifests):
    service, job = (template["spec"] for template in templates(manifests))
    accounts = {one["metadata"]["name"]: one["metadata"].get("annotations", {}) for one in manifests["ServiceAccount"]}
    assert {service["serviceAccountName"], job["serviceAccountName"]} == set(accounts)
    assert not accounts[job["serviceAccountName"]]
    secrets = [
        {volume["secret"]["secretName"] for volume in pod["volumes"] if "secret" in volume} for pod in (service, job)
    ]
    assert secrets[0] - {"entryway-secrets"} == {"entryway-database"} and secrets[1] == {"entryway-database-owner"}
    assert all(volume["secret"]["defaultMode"] == 0o440 for volume in service["volumes"] if "secret" in volume)
    migrate = {one["name"]: one["value"] for one in service["containers"][0]["env"]}["ENTRYWAY__DATABASE__MIGRATE"]
    assert migrate == "false"
    assert job["containers"][0]["args"][0] == "migrate" and "--grant-to" in job["containers"][0]["args"]


def test_two_replicas_one_of_which_may_be_missing(manifests):
    deployment = manifests["Deployment"][0]["spec"]
    assert deployment["replicas"] == 2 and deployment["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    budget = manifests["PodDisruptionBudget"][0]["spec"]
    assert budget["maxUnavailable"] == 1
    labels = deployment["template"]["metadata"]["labels"]
    job = manifests["Job"][0]["spec"]["template"]["metadata"]["labels"]
    monitored = manifests["PodMonitor"][0]["spec"]["selector"]["matchLabels"]
    for selector in (budget["selector"]["matchLabels"], manifests["Service"][0]["spec"]["selector"], monitored):
        assert selector.items() <= labels.items() and not selector.items() <= job.items()
    pod = deployment["template"]["spec"]
    for spread in pod["topologySpreadConstraints"]:
        assert spread["labelSelector"]["matchLabels"].items() <= labels.items()
        assert spread["matchLabelKeys"] == ["pod-template-hash"], "the old pods of a rollout decide nothing"
    slept = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod["terminationGracePeriodSeconds"] > slept + 20, "preStop and server.shutdown_grace"


def test_probes_ask_what_the_api_has_on_ports_that_it_listens_on(manifests):
    known = json.loads((ROOT / "openapi" / "entryway.json").read_text())["paths"]
    container = manifests["Deployment"][0]["spec"]["template"]["spec"]["containers"][0]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    asked = {kind: container[kind]["httpGet"] for kind in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert all(probe["path"] in known and probe["port"] == "http" for probe in asked.values())
    assert asked["livenessProbe"]["path"] == "/livez" and asked["readinessProbe"]["path"] == "/readyz"
    listens = {one["name"]: one["value"] for one in container["env"]}
    assert listens["ENTRYWAY__SERVER__LISTEN"] == f"0.0.0.0:{ports['http']}"
    assert listens["ENTRYWAY__SERVER__METRICS_LISTEN"] == f"0.0.0.0:{ports['metrics']}"
    assert manifests["PodMonitor"][0]["spec"]["podMetricsEndpoints"][0]["port"] == "metrics"


def test_the_network_lets_through_what_is_needed_and_never_the_metadata_of_the_node(manifests):
    policies = {one["metadata"]["name"]: one["spec"] for one in manifests["NetworkPolicy"]}
    nothing = policies["entryway-nothing-else"]
    assert nothing["podSelector"] == {} and "egress" not in nothing and "ingress" not in nothing
    for policy in policies.values():
        assert set(policy["policyTypes"]) == {"Ingress", "Egress"}
    service, job = policies["entryway"], policies["entryway-migrate"]
    reached = lambda policy: [{port["port"] for port in rule["ports"]} for rule in policy["egress"]]  # noqa: E731
    assert reached(service) in ([{53}, {5432}, {80}, {443}], [{53}, {5432}, {80}, {443}, {4318}])
    assert reached(job) == [{53}, {5432}] and "ingress" not in job
    for rule in service["egress"]:
        for block in (to["ipBlock"] for to in rule["to"] if "ipBlock" in to):
            if block["cidr"] in ("0.0.0.0/0", "::/0"):
                assert {"169.254.0.0/16", "fd00:ec2::/32"} & set(block["except"])
    assert [to["ipBlock"]["cidr"] for to in service["egress"][2]["to"]] == ["169.254.170.23/32", "fd00:ec2::23/128"]
    figures = next(rule for rule in service["ingress"] if {"port": "metrics"} in rule["ports"])
    assert figures["from"], "the figures ask for no token"


def test_alerts_are_whole(manifests):
    rules = [rule for group in manifests["PrometheusRule"][0]["spec"]["groups"] for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"].keys() == {"summary", "runbook"}
        for opening, closing in ("()", "{}", "[]"):
            assert rule["expr"].count(opening) == rule["expr"].count(closing), rule["expr"]


def test_what_pods_mount_is_made_or_named(manifests):
    if "ConfigMap" not in manifests:
        pytest.skip("the overlay makes them")
    made = {one["metadata"]["name"]: one["data"] for one in manifests["ConfigMap"]}
    for template in templates(manifests):
        for volume in template["spec"]["volumes"]:
            assert "secret" in volume or volume["configMap"]["name"] in {*made, *BY_HAND}
    assert made["entryway-policies"].keys() == {"starter.cedar"}, "its name stays, so that changes reach running pods"
    assert any(re.fullmatch(r"entryway-config-[a-z0-9]+", name) for name in made), "its name changes with what it says"
    assert "entryway.json" in made["entryway-dashboard"]
