"""Access policies with boto3: the catalogue, associate, list, disassociate."""

import re
from datetime import timedelta

import pytest

from names import CLUSTER, EDIT, NODE_ROLE, ROLE, VIEW, policy

# Every access policy of the user guide and of `aws eks list-access-policies`.
CATALOGUE = """
AmazonAIOpsAssistantPolicy AmazonARCRegionSwitchScalingPolicy AmazonEKSAdminPolicy AmazonEKSAdminViewPolicy
AmazonEKSAutoNodePolicy AmazonEKSBlockStorageClusterPolicy AmazonEKSBlockStoragePolicy AmazonEKSClusterAdminPolicy
AmazonEKSClusterInsightsPolicy AmazonEKSComputeClusterPolicy AmazonEKSComputePolicy AmazonEKSEditPolicy
AmazonEKSHybridPolicy AmazonEKSLoadBalancingClusterPolicy AmazonEKSLoadBalancingPolicy
AmazonEKSNetworkingClusterPolicy AmazonEKSNetworkingPolicy AmazonEKSSecretReaderPolicy AmazonEKSViewPolicy
AmazonEMRJobPolicy AmazonSagemakerHyperpodClusterPolicy AmazonSagemakerHyperpodControllerPolicy
AmazonSagemakerHyperpodSystemNamespacePolicy
""".split()


@pytest.fixture
def entry(eks):
    return eks.create_access_entry(clusterName="dev", principalArn=ROLE)["accessEntry"]


def listed(eks):
    pages = eks.get_paginator("list_associated_access_policies").paginate(clusterName="dev", principalArn=ROLE)
    return pages.build_full_result()["associatedAccessPolicies"]


def associate(eks, arn, scope):
    return eks.associate_access_policy(clusterName="dev", principalArn=ROLE, policyArn=arn, accessScope=scope)


def test_the_catalogue(eks):
    pages = list(eks.get_paginator("list_access_policies").paginate(PaginationConfig={"PageSize": 10}))
    assert [len(page["accessPolicies"]) for page in pages] == [10, 10, 3]
    found = [one for page in pages for one in page["accessPolicies"]]
    assert found == [{"name": name, "arn": policy(name)} for name in CATALOGUE]


def test_the_catalogue_has_every_policy_that_the_commands_own_example_shows(eks):
    import awscli

    page = f"{awscli.__path__[0]}/examples/eks/list-access-policies.rst"
    with open(page, encoding="utf-8") as text:
        shown = set(re.findall(r'"name": "(\w+)"', text.read()))
    found = {one["name"] for one in eks.list_access_policies()["accessPolicies"]}
    assert len(shown) > 10 and shown <= found, shown - found


def test_a_policy_comes_with_its_scope(eks, entry):
    answer = associate(eks, VIEW, CLUSTER)
    assert (answer["clusterName"], answer["principalArn"]) == ("dev", ROLE)
    association = answer["associatedAccessPolicy"]
    assert (association["policyArn"], association["accessScope"]) == (VIEW, {"type": "cluster", "namespaces": []})
    assert association["associatedAt"] == association["modifiedAt"]
    assert listed(eks) == [association]


def test_associating_again_replaces_the_scope(sim, eks, entry):
    sim.freeze()
    first = associate(eks, VIEW, CLUSTER)["associatedAccessPolicy"]
    sim.advance(2_500)
    scope = {"type": "namespace", "namespaces": ["payments", "dev-*"]}
    associate(eks, VIEW, scope)
    [found] = listed(eks)
    assert found["accessScope"] == scope
    assert found["associatedAt"] == first["associatedAt"]
    assert found["modifiedAt"] - first["modifiedAt"] == timedelta(milliseconds=2_500)


def test_policies_ascend_page_by_page_and_go_one_by_one(eks, entry):
    names = ["View", "Admin", "Edit", "AdminView", "SecretReader"]
    for name in names:
        associate(eks, policy(f"AmazonEKS{name}Policy"), CLUSTER)
    expected = sorted(policy(f"AmazonEKS{name}Policy") for name in names)
    pages = eks.get_paginator("list_associated_access_policies").paginate(
        clusterName="dev", principalArn=ROLE, PaginationConfig={"PageSize": 2}
    )
    found = pages.build_full_result()
    assert (found["clusterName"], found["principalArn"]) == ("dev", ROLE)
    assert [one["policyArn"] for one in found["associatedAccessPolicies"]] == expected
    eks.disassociate_access_policy(clusterName="dev", principalArn=ROLE, policyArn=EDIT)
    expected.remove(EDIT)
    assert [one["policyArn"] for one in listed(eks)] == expected


def test_an_update_leaves_policies_alone(eks, entry):
    associate(eks, VIEW, CLUSTER)
    before = listed(eks)
    eks.update_access_entry(clusterName="dev", principalArn=ROLE, kubernetesGroups=["a"])
    assert listed(eks) == before


def test_nodes_of_auto_mode_take_their_policy(eks):
    eks.create_access_entry(clusterName="dev", principalArn=NODE_ROLE, type="EC2")
    arn = policy("AmazonEKSAutoNodePolicy")
    eks.associate_access_policy(clusterName="dev", principalArn=NODE_ROLE, policyArn=arn, accessScope=CLUSTER)
    found = eks.list_associated_access_policies(clusterName="dev", principalArn=NODE_ROLE)
    assert [one["policyArn"] for one in found["associatedAccessPolicies"]] == [arn]
