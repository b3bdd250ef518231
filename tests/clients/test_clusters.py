"""Clusters with boto3: what they are, the way of the authentication mode, and the waiters that AWS publishes."""

import pytest
from botocore.exceptions import WaiterError

from names import CREATOR, MODE, ROLE, SERVICE_ROLE, policy

SOON = {"Delay": 0, "MaxAttempts": 3}


def ask(eks, cluster, mode):
    return eks.update_cluster_config(name=cluster, accessConfig={"authenticationMode": mode})["update"]


def test_clusters_are_listed_and_described(eks):
    pages = eks.get_paginator("list_clusters").paginate(PaginationConfig={"PageSize": 2})
    assert pages.build_full_result()["clusters"] == ["dev", "legacy", "prod"]
    cluster = eks.describe_cluster(name="dev")["cluster"]
    assert (cluster["name"], cluster["status"]) == ("dev", "ACTIVE")
    assert cluster["arn"] == "arn:aws:eks:eu-central-1:111122223333:cluster/dev"
    access = {"authenticationMode": "API_AND_CONFIG_MAP", "bootstrapClusterCreatorAdminPermissions": True}
    assert cluster["accessConfig"] == access
    assert cluster["platformVersion"].startswith("eks.")
    assert cluster["certificateAuthority"]["data"] and cluster["endpoint"].startswith("https://")


def test_the_authentication_mode_goes_all_its_way(sim, eks, refused):
    sim.knobs(clusterUpdateMs=60_000)
    sim.freeze()
    for mode in ["API_AND_CONFIG_MAP", "API"]:
        update = ask(eks, "legacy", mode)
        assert (update["status"], update["type"]) == ("InProgress", "AccessConfigUpdate")
        assert update["params"] == [{"type": "AuthenticationMode", "value": mode}]
        refused(
            eks.update_cluster_config,
            409,
            "ResourceInUseException",
            f"Cannot AccessConfigUpdate because cluster legacy currently has update {update['id']} in progress",
            name="legacy",
            accessConfig={"authenticationMode": mode},
        )
        assert eks.describe_cluster(name="legacy")["cluster"]["status"] == "UPDATING"
        if mode == "API_AND_CONFIG_MAP":
            refused(eks.list_access_entries, 400, "InvalidRequestException", MODE, clusterName="legacy")
        sim.advance(60_000)
        eks.get_waiter("cluster_active").wait(name="legacy", WaiterConfig=SOON)
        found = eks.describe_update(name="legacy", updateId=update["id"])["update"]
        assert (found["status"], found["errors"]) == ("Successful", [])
        assert found["createdAt"] == update["createdAt"]
        cluster = eks.describe_cluster(name="legacy")["cluster"]
        assert cluster["accessConfig"]["authenticationMode"] == mode
    assert eks.list_access_entries(clusterName="legacy")["accessEntries"] == [SERVICE_ROLE, CREATOR]
    policies = eks.list_associated_access_policies(clusterName="legacy", principalArn=CREATOR)
    names = [one["policyArn"] for one in policies["associatedAccessPolicies"]]
    assert names == [policy("AmazonEKSClusterAdminPolicy")]
    eks.create_access_entry(clusterName="legacy", principalArn=ROLE)


@pytest.mark.parametrize(
    "cluster, was, to",
    [
        ("legacy", "CONFIG_MAP", "API"),
        ("dev", "API_AND_CONFIG_MAP", "CONFIG_MAP"),
        ("prod", "API", "API_AND_CONFIG_MAP"),
        ("prod", "API", "CONFIG_MAP"),
    ],
)
def test_other_ways_there_are_none(eks, refused, cluster, was, to):
    refused(
        eks.update_cluster_config,
        400,
        "InvalidParameterException",
        f"Unsupported authentication mode update from {was} to {to}",
        name=cluster,
        accessConfig={"authenticationMode": to},
    )


def test_the_waiters_know_a_cluster_that_comes_one_that_goes_and_one_that_failed(sim, eks):
    sim.cluster("fresh", status="CREATING")
    with pytest.raises(WaiterError, match="Max attempts"):
        eks.get_waiter("cluster_active").wait(name="fresh", WaiterConfig=SOON)
    sim.control("POST", "clusters/fresh", {"status": "ACTIVE"})
    eks.get_waiter("cluster_active").wait(name="fresh", WaiterConfig=SOON)
    sim.control("POST", "clusters/fresh", {"status": "FAILED"})
    with pytest.raises(WaiterError, match="FAILED"):
        eks.get_waiter("cluster_active").wait(name="fresh", WaiterConfig=SOON)
    sim.control("DELETE", "clusters/fresh")
    eks.get_waiter("cluster_deleted").wait(name="fresh", WaiterConfig=SOON)


def test_an_unknown_update(eks, refused):
    refused(eks.describe_update, 404, "ResourceNotFoundException", name="dev", updateId="nope")
