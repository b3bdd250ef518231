"""The AWS CLI as a process: the commands of the user guide's page on creating access entries, and all others."""

import json
import re
from datetime import datetime

import pytest

from names import CLUSTER, CREATOR, IN_USE, NO_ENTRY, NODE_ROLE, ROLE, SERVICE_ROLE, USER, VIEW
from simulator import OTHER_ACCOUNT


@pytest.fixture(autouse=True)
def my_cluster(sim):
    """The cluster of the user guide."""
    sim.cluster("my-cluster")


def good(run):
    """A command's JSON."""
    assert run.code == 0, run
    return json.loads(run.out) if run.out.strip() else None


def bad(run, operation, code, message=None):
    """A command that was refused, as the CLI tells it."""
    assert run.code in (254, 255), run
    told = f"An error occurred ({code}) when calling the {operation} operation: "
    assert told in run.err, run
    if message is not None:
        assert run.err.strip().endswith(told + message), run


def test_what_the_simulator_prints_is_enough(sim, aws):
    """The `export` line, and nothing else, as it is pasted into a shell."""
    sim.knobs(verifySignatures=None)
    assert set(sim.exports) >= {"AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
    pasted = {name: sim.exports.get(name) for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]}
    assert good(aws("eks list-clusters", **pasted)) == {"clusters": ["dev", "legacy", "my-cluster", "prod"]}


def test_the_page_an_entry_for_linux_and_windows_nodes(aws):
    command = f"eks create-access-entry --cluster-name my-cluster --principal-arn {NODE_ROLE} --type "
    # The page spells the types like this; the API takes them in capitals only.
    for page, api in [("EC2_Linux", "EC2_LINUX"), ("EC2_Windows", "EC2_WINDOWS")]:
        bad(aws(command + page), "CreateAccessEntry", "InvalidParameterException")
        entry = good(aws(command + api))["accessEntry"]
        assert (entry["type"], entry["username"]) == (api, "system:node:{{EC2PrivateDNSName}}")
        good(aws(f"eks delete-access-entry --cluster-name my-cluster --principal-arn {NODE_ROLE}"))
    groups = aws(command + "EC2_LINUX --kubernetes-groups Viewers")
    bad(groups, "CreateAccessEntry", "InvalidParameterException")


def test_the_page_an_entry_for_a_role_with_a_group(aws):
    created = aws(
        "eks create-access-entry --cluster-name my-cluster --principal-arn arn:aws:iam::111122223333:role/my-role"
        " --type STANDARD --user Viewers --kubernetes-groups Viewers"
    )
    entry = good(created)["accessEntry"]
    assert (entry["principalArn"], entry["type"]) == (ROLE, "STANDARD")
    assert (entry["username"], entry["kubernetesGroups"]) == ("Viewers", ["Viewers"])


def test_the_page_an_entry_for_a_user_and_then_a_policy(aws):
    created = aws(
        "eks create-access-entry --cluster-name my-cluster --principal-arn arn:aws:iam::111122223333:user/my-user"
        " --type STANDARD --username my-user"
    )
    assert good(created)["accessEntry"]["username"] == "my-user"
    one = f"--cluster-name my-cluster --principal-arn {USER}"
    scoped = f"eks associate-access-policy {one} --policy-arn {VIEW} --access-scope "
    answer = good(aws(scoped + "type=namespace,namespaces=my-namespace1,dev-*"))
    found = answer["associatedAccessPolicy"]["accessScope"]
    assert found == {"type": "namespace", "namespaces": ["my-namespace1", "dev-*"]}
    good(aws(scoped + "type=cluster"))
    listed = good(aws(f"eks list-associated-access-policies {one}"))
    assert (listed["clusterName"], listed["principalArn"]) == ("my-cluster", USER)
    [association] = listed["associatedAccessPolicies"]
    assert (association["policyArn"], association["accessScope"]["type"]) == (VIEW, "cluster")
    good(aws(f"eks disassociate-access-policy {one} --policy-arn {VIEW}"))
    assert good(aws(f"eks list-associated-access-policies {one}"))["associatedAccessPolicies"] == []


def test_update_describe_and_delete(aws):
    one = "--cluster-name my-cluster --principal-arn arn:aws:iam::111122223333:role/development/apps/my-app"
    entry = good(aws(f"eks create-access-entry {one} --tags team=payments,env=dev"))["accessEntry"]
    assert entry["tags"] == {"team": "payments", "env": "dev"}
    updated = good(aws(f"eks update-access-entry {one} --kubernetes-groups a b --username me:{{{{SessionName}}}}"))
    assert updated["accessEntry"]["kubernetesGroups"] == ["a", "b"]
    assert updated["accessEntry"]["username"] == "me:{{SessionName}}"
    cleared = good(aws(f"eks update-access-entry {one} --kubernetes-groups", "[]"))["accessEntry"]
    assert cleared["kubernetesGroups"] == []
    assert cleared["username"] == "arn:aws:sts::111122223333:assumed-role/my-app/{{SessionName}}"
    assert good(aws(f"eks describe-access-entry {one}"))["accessEntry"] == cleared
    assert good(aws(f"eks delete-access-entry {one}")) is None
    bad(aws(f"eks describe-access-entry {one}"), "DescribeAccessEntry", "ResourceNotFoundException", NO_ENTRY)


def test_times_are_shown_as_one_likes(aws, tmp_path):
    created = good(aws(f"eks create-access-entry --cluster-name my-cluster --principal-arn {ROLE}"))["accessEntry"]
    wire = created["createdAt"]
    assert isinstance(wire, float) and round(wire, 3) == wire
    config = tmp_path / "config"
    config.write_text("[default]\ncli_timestamp_format = iso8601\n")
    described = f"eks describe-access-entry --cluster-name my-cluster --principal-arn {ROLE}"
    shown = good(aws(described, AWS_CONFIG_FILE=str(config)))["accessEntry"]["createdAt"]
    assert datetime.fromisoformat(shown).timestamp() == pytest.approx(wire, abs=0.0005)


def test_lists_and_pages_and_formats(sim, aws):
    for number in range(120):
        role = f"arn:aws:iam::111122223333:role/r{number:0>3}"
        sim.control("PUT", "entries", {"cluster": "my-cluster", "principalArn": role})
    everyone = good(aws("eks list-access-entries --cluster-name my-cluster --page-size 50"))["accessEntries"]
    assert len(everyone) == 122 and everyone == sorted(everyone)
    assert {SERVICE_ROLE, CREATOR} < set(everyone)
    assert [call["request"]["maxResults"] for call in sim.calls("ListAccessEntries")] == ["50"] * 3

    first = good(aws("eks list-access-entries --cluster-name my-cluster --max-items 70"))
    token = first["NextToken"]
    rest = good(aws(f"eks list-access-entries --cluster-name my-cluster --starting-token {token}"))
    assert first["accessEntries"] + rest["accessEntries"] == everyone
    text = aws("eks describe-cluster --name my-cluster --output text --query cluster.[name,status]")
    assert text.out == "my-cluster\tACTIVE\n"


def test_the_catalogue(aws):
    listed = good(aws("eks list-access-policies --output json"))
    assert list(listed) == ["accessPolicies"]
    assert {"name": "AmazonEKSViewPolicy", "arn": VIEW} in listed["accessPolicies"]
    assert len(listed["accessPolicies"]) == 23
    table = aws("eks list-access-policies --output table")
    assert table.code == 0 and "AmazonEKSAutoNodePolicy" in table.out


def test_the_authentication_mode(sim, aws):
    sim.knobs(clusterUpdateMs=60_000)
    sim.freeze()
    ask = "eks update-cluster-config --name legacy --access-config authenticationMode="
    bad(
        aws(ask + "API"),
        "UpdateClusterConfig",
        "InvalidParameterException",
        "Unsupported authentication mode update from CONFIG_MAP to API",
    )
    update = good(aws(ask + "API_AND_CONFIG_MAP"))["update"]
    assert (update["status"], update["type"]) == ("InProgress", "AccessConfigUpdate")
    bad(aws(ask + "API"), "UpdateClusterConfig", "ResourceInUseException")
    sim.advance(60_000)
    found = good(aws(f"eks describe-update --name legacy --update-id {update['id']}"))["update"]
    assert (found["id"], found["status"]) == (update["id"], "Successful")
    assert good(aws("eks wait cluster-active --name legacy")) is None
    cluster = good(aws("eks describe-cluster --name legacy"))["cluster"]
    assert cluster["accessConfig"]["authenticationMode"] == "API_AND_CONFIG_MAP"


def test_tags(aws):
    created = good(aws(f"eks create-access-entry --cluster-name my-cluster --principal-arn {ROLE}"))
    arn = created["accessEntry"]["accessEntryArn"]
    assert good(aws(f"eks tag-resource --resource-arn {arn} --tags", '{"a b": "c d", "team": "payments"}')) is None
    assert good(aws(f"eks list-tags-for-resource --resource-arn {arn}"))["tags"] == {"a b": "c d", "team": "payments"}
    assert good(aws(f"eks untag-resource --resource-arn {arn} --tag-keys", "a b", "absent")) is None
    assert good(aws(f"eks list-tags-for-resource --resource-arn {arn}"))["tags"] == {"team": "payments"}


def test_a_kubeconfig_can_be_made(aws, tmp_path):
    path = tmp_path / "kubeconfig"
    done = aws(f"eks update-kubeconfig --name my-cluster --kubeconfig {path}")
    assert done.code == 0, done
    written = path.read_text()
    assert "arn:aws:eks:eu-central-1:111122223333:cluster/my-cluster" in written
    assert re.search(r"server: https://\S+\.eu-central-1\.eks\.amazonaws\.com", written)


def test_errors_come_with_their_words(sim, aws):
    one = f"--cluster-name my-cluster --principal-arn {ROLE}"
    good(aws(f"eks create-access-entry {one}"))
    bad(aws(f"eks create-access-entry {one}"), "CreateAccessEntry", "ResourceInUseException", IN_USE)
    bad(
        aws(f"eks create-access-entry {one} --username system:me"),
        "CreateAccessEntry",
        "InvalidParameterException",
        "The username must not begin with system:",
    )
    bad(
        aws("eks list-access-entries --cluster-name absent"),
        "ListAccessEntries",
        "ResourceNotFoundException",
        "No cluster found for name: absent.",
    )
    bad(aws("eks list-access-entries --cluster-name legacy"), "ListAccessEntries", "InvalidRequestException")
    sim.knobs(denied=[{"action": "eks:DeleteAccessEntry"}])
    bad(aws(f"eks delete-access-entry {one}"), "DeleteAccessEntry", "AccessDeniedException")
    wrong = aws("eks list-clusters", AWS_SECRET_ACCESS_KEY="wrong")
    bad(wrong, "ListClusters", "InvalidSignatureException")


def test_throttling_is_waited_out(sim, aws):
    action = {"kind": "error", "status": 429, "code": "TooManyRequestsException", "message": "Too Many Requests"}
    sim.fault(action, op="ListClusters", times=2)
    listed = good(aws("eks list-clusters", AWS_MAX_ATTEMPTS="4", AWS_RETRY_MODE="standard"))
    assert "dev" in listed["clusters"]
    assert [call["status"] for call in sim.calls("ListClusters")] == [429, 429, 200]


def test_a_profile_assumes_a_role_of_another_account(sim, aws, tmp_path):
    target = f"arn:aws:iam::{OTHER_ACCOUNT}:role/entryway-target"
    sim.principal(target, exists=True, externalId="5f0c1a6e")
    sim.cluster("theirs", account=OTHER_ACCOUNT)
    config = tmp_path / "config"
    config.write_text(
        f"[profile there]\nrole_arn = {target}\nexternal_id = 5f0c1a6e\nrole_session_name = request-1\n"
        "credential_source = Environment\nregion = eu-central-1\n"
    )
    there = {"AWS_CONFIG_FILE": str(config)}
    assert good(aws("eks list-clusters --profile there", **there)) == {"clusters": ["theirs"]}
    session = f"arn:aws:sts::{OTHER_ACCOUNT}:assumed-role/entryway-target/request-1"
    assert good(aws("sts get-caller-identity --profile there", **there))["Arn"] == session
    assert sim.calls("ListClusters")[-1]["callerArn"] == session


def test_iam_and_sts(aws):
    role = good(aws("iam get-role --role-name my-role"))["Role"]
    assert role["Arn"] == ROLE and role["RoleId"].startswith("AROA")
    user = good(aws("iam get-user --user-name my-user"))["User"]
    assert user["Arn"] == USER and user["UserId"].startswith("AIDA")
    assumed = good(aws(f"sts assume-role --role-arn {ROLE} --role-session-name me"))
    assert assumed["AssumedRoleUser"]["AssumedRoleId"] == f"{role['RoleId']}:me"


def test_scopes_and_entries_as_json(aws):
    entry = {"clusterName": "my-cluster", "principalArn": ROLE, "kubernetesGroups": ["a"], "tags": {"k": "v=w"}}
    created = good(aws("eks create-access-entry --cli-input-json", json.dumps(entry)))["accessEntry"]
    assert {name: created[name] for name in entry} == entry
    one = f"--cluster-name my-cluster --principal-arn {ROLE}"
    answer = aws(f"eks associate-access-policy {one} --policy-arn {VIEW} --access-scope", json.dumps(CLUSTER))
    assert good(answer)["associatedAccessPolicy"]["accessScope"] == {"type": "cluster", "namespaces": []}
