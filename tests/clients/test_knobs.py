"""Signatures, throttling, lag, lost answers: how AWS's own client fares when things are as they are at AWS."""

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from names import CLUSTER, DEEP_ROLE, ROLE, VIEW

ENTRY = {"clusterName": "dev", "principalArn": ROLE}


def test_signatures_are_checked_on_every_kind_of_call(sim, eks, client, refused):
    # Paths that are encoded twice for the signature, queries with all sorts of characters, bodies.
    deep = {"clusterName": "dev", "principalArn": DEEP_ROLE}
    arn = eks.create_access_entry(**deep, tags={"a b": "c+d"})["accessEntry"]["accessEntryArn"]
    eks.associate_access_policy(**deep, policyArn=VIEW, accessScope=CLUSTER)
    eks.list_access_entries(clusterName="dev", associatedPolicyArn=VIEW, maxResults=7)
    eks.untag_resource(resourceArn=arn, tagKeys=["a b", "x/y", "z+", "~tilde"])
    eks.disassociate_access_policy(**deep, policyArn=VIEW)

    wrong = {"aws_access_key_id": "AKIDCLIENTS", "aws_secret_access_key": "not the secret"}
    refused(client("eks", **wrong).describe_access_entry, 403, "InvalidSignatureException", **deep)
    for service, ask in [("sts", "get_caller_identity"), ("iam", "get_user")]:
        arguments = {"UserName": "u"} if service == "iam" else {}
        with pytest.raises(ClientError) as caught:
            getattr(client(service, **wrong), ask)(**arguments)
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    applied = [call for call in sim.calls() if call["applied"]]
    assert len(applied) == 4, "nothing but what was signed right has changed anything"


@pytest.mark.parametrize("mode", ["legacy", "standard"])
@pytest.mark.parametrize("code", ["TooManyRequestsException", "ThrottlingException"])
def test_the_clients_own_retries_wait_out_throttling(sim, client, mode, code):
    eks = client(retries={"mode": mode, "total_max_attempts": 4})
    action = {"kind": "error", "status": 429, "code": code, "message": "slow down", "retryAfterMs": 50}
    sim.fault(action, op="CreateAccessEntry", times=2)
    answer = eks.create_access_entry(**ENTRY)
    assert answer["ResponseMetadata"]["RetryAttempts"] == 2
    calls = sim.calls("CreateAccessEntry")
    assert [call["status"] for call in calls] == [429, 429, 200]
    assert len({call["clientRequestToken"] for call in calls}) == 1, "one token for all tries"


def test_a_real_limit_is_met_and_waited_out(sim, client, refused):
    sim.knobs(throttle={"callsPerSecond": 4, "burst": 2})
    once, patient = client(), client(retries={"mode": "standard", "total_max_attempts": 10})
    for _ in range(2):
        once.list_clusters()
    refused(once.list_clusters, 429, "TooManyRequestsException", "Too Many Requests")
    for _ in range(4):
        assert patient.list_clusters()["clusters"] == ["dev", "legacy", "prod"]


@pytest.mark.parametrize("status, code", [(500, "ServerException"), (503, "ServiceUnavailableException")])
def test_a_failure_after_the_effect_is_no_conflict(sim, client, status, code):
    sim.fault({"kind": "error", "status": status, "code": code, "message": "m", "applied": True}, times=1)
    client(retries={"mode": "standard"}).create_access_entry(**ENTRY)
    calls = sim.calls("CreateAccessEntry")
    assert [(call["status"], call["applied"]) for call in calls] == [(status, True), (200, False)]


def test_a_lost_answer(sim, client, eks):
    sim.fault({"kind": "reset", "applied": True}, op="CreateAccessEntry", times=1)
    with pytest.raises(ConnectionClosedError):
        eks.create_access_entry(**ENTRY)
    assert eks.describe_access_entry(**ENTRY)["accessEntry"]["principalArn"] == ROLE
    sim.fault({"kind": "reset", "applied": True}, op="DeleteAccessEntry", times=1)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client(retries={"mode": "standard"}).delete_access_entry(**ENTRY)


def test_reads_lag_behind_writes(sim, eks, refused):
    sim.freeze()
    sim.knobs(lag={"describe": 3_000, "policies": 5_000, "write": 1_000})
    eks.create_access_entry(**ENTRY)
    refused(eks.describe_access_entry, 404, "ResourceNotFoundException", **ENTRY)
    associate = {**ENTRY, "policyArn": VIEW, "accessScope": CLUSTER}
    refused(eks.associate_access_policy, 404, "ResourceNotFoundException", **associate)
    sim.advance(3_000)
    eks.describe_access_entry(**ENTRY)
    eks.associate_access_policy(**associate)
    sim.advance(2_000)
    assert eks.list_associated_access_policies(**ENTRY)["associatedAccessPolicies"] == []
    sim.advance(3_000)
    assert len(eks.list_associated_access_policies(**ENTRY)["associatedAccessPolicies"]) == 1


def test_others_edit_behind_ones_back(sim, eks):
    eks.create_access_entry(**ENTRY)
    sim.control("PUT", "entries", {"cluster": "dev", "principalArn": ROLE, "kubernetesGroups": ["system:masters"]})
    assert eks.describe_access_entry(**ENTRY)["accessEntry"]["kubernetesGroups"] == ["system:masters"]
