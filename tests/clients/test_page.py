"""What the user guide's page on creating access entries says beside its commands."""

import pytest

from names import CLUSTER, FOREIGN_ROLE, NODE_ROLE, ROLE, USER, VIEW

ENTRY = {"clusterName": "dev", "principalArn": ROLE}


def test_principal_and_type_are_for_ever_and_the_username_is_not(eks):
    taken = set(eks.meta.service_model.operation_model("UpdateAccessEntry").input_shape.members)
    assert taken == {"clusterName", "principalArn", "kubernetesGroups", "clientRequestToken", "username"}
    eks.create_access_entry(**ENTRY)
    assert eks.update_access_entry(**ENTRY, username="me")["accessEntry"]["username"] == "me"


@pytest.mark.parametrize("principal", [ROLE, USER])
def test_an_entry_outlives_its_principal_but_does_not_work_for_the_next_of_that_name(sim, eks, principal):
    entry = {"clusterName": "dev", "principalArn": principal}

    def lets_in():
        return sim.control("GET", f"authorizer?cluster=dev&principalArn={principal}")["authenticated"]

    before = eks.create_access_entry(**entry)["accessEntry"]
    assert lets_in()
    sim.principal(principal, exists=False)
    assert eks.describe_access_entry(**entry)["accessEntry"] == before
    assert not lets_in()
    sim.principal(principal, exists=True)
    assert eks.describe_access_entry(**entry)["accessEntry"] == before
    assert not lets_in()
    eks.delete_access_entry(**entry)
    eks.create_access_entry(**entry)
    assert lets_in()


@pytest.mark.parametrize(
    "username, taken",
    [
        ("john{{SessionName}}", False),
        (":john{{SessionName}}", True),
        ("jo:hn{{SessionName}}", True),
        ("john", True),
    ],
)
def test_the_pages_usernames(eks, refused, username, taken):
    if taken:
        assert eks.create_access_entry(**ENTRY, username=username)["accessEntry"]["username"] == username
    else:
        refused(eks.create_access_entry, 400, "InvalidParameterException", **ENTRY, username=username)


def test_only_standard_entries_are_for_other_accounts(eks, refused):
    eks.create_access_entry(clusterName="dev", principalArn=FOREIGN_ROLE, type="STANDARD")
    foreign = {"clusterName": "prod", "principalArn": FOREIGN_ROLE, "type": "EC2_LINUX"}
    refused(eks.create_access_entry, 400, "InvalidParameterException", **foreign)


def test_only_standard_entries_take_policies_and_each_once(eks, refused):
    eks.create_access_entry(clusterName="dev", principalArn=NODE_ROLE, type="EC2_WINDOWS")
    node = {"clusterName": "dev", "principalArn": NODE_ROLE, "policyArn": VIEW, "accessScope": CLUSTER}
    refused(eks.associate_access_policy, 400, "InvalidParameterException", **node)
    eks.create_access_entry(**ENTRY)
    for scope in [CLUSTER, {"type": "namespace", "namespaces": ["a"]}]:
        eks.associate_access_policy(**ENTRY, policyArn=VIEW, accessScope=scope)
    found = eks.list_associated_access_policies(**ENTRY)["associatedAccessPolicies"]
    assert [(one["policyArn"], one["accessScope"]["namespaces"]) for one in found] == [(VIEW, ["a"])]


def test_what_is_written_takes_its_time_to_count(sim, eks):
    sim.freeze()
    sim.knobs(lag={"authorizer": {"minMs": 2_000, "maxMs": 2_000}})
    eks.create_access_entry(**ENTRY)

    def lets_in():
        return sim.control("GET", f"authorizer?cluster=dev&principalArn={ROLE}")["authenticated"]

    assert not lets_in()
    sim.advance(2_000)
    assert lets_in()
