"""Entries with boto3: create, describe, update, delete, list."""

import re
from datetime import datetime, timedelta, timezone

import pytest

from names import (
    CREATOR,
    DEEP_ROLE,
    EDIT,
    FOREIGN_ROLE,
    IN_USE,
    NO_ENTRY,
    NODE_ROLE,
    NODE_TYPES,
    ROLE,
    SERVICE_ROLE,
    USER,
    VIEW,
)


def create(eks, principal=ROLE, **more):
    return eks.create_access_entry(clusterName="dev", principalArn=principal, **more)["accessEntry"]


def describe(eks, principal=ROLE):
    return eks.describe_access_entry(clusterName="dev", principalArn=principal)["accessEntry"]


@pytest.mark.parametrize(
    "principal, username",
    [
        (ROLE, "arn:aws:sts::111122223333:assumed-role/my-role/{{SessionName}}"),
        (DEEP_ROLE, "arn:aws:sts::111122223333:assumed-role/my-app/{{SessionName}}"),
        (FOREIGN_ROLE, "arn:aws:sts::444455556666:assumed-role/theirs/{{SessionName}}"),
        (USER, USER),
    ],
)
def test_an_entry_with_nothing_but_a_principal(eks, principal, username):
    entry = create(eks, principal)
    kind, name = re.search(r":(role|user)/(?:.*/)?([^/]+)$", principal).groups()
    account = principal.split(":")[4]
    arn = rf"arn:aws:eks:eu-central-1:111122223333:access-entry/dev/{kind}/{account}/{name}/[0-9a-f-]{{36}}"
    assert re.fullmatch(arn, entry["accessEntryArn"])
    assert (entry["principalArn"], entry["username"], entry["type"]) == (principal, username, "STANDARD")
    assert (entry["kubernetesGroups"], entry["tags"]) == ([], {})
    assert describe(eks, principal) == entry


def test_an_entry_with_everything(eks):
    asked = {
        "username": "team:{{SessionName}}",
        "kubernetesGroups": ["viewers", "b"],
        "tags": {"a/b c": "d@e", "f": ""},
    }
    entry = create(eks, type="STANDARD", **asked)
    assert {name: entry[name] for name in asked} == asked


@pytest.mark.parametrize("kind", NODE_TYPES)
def test_a_node_entry_is_computed_by_eks(eks, kind):
    entry = create(eks, NODE_ROLE, type=kind)
    session = "{{SessionName}}" if kind.endswith("_LINUX") and kind != "EC2_LINUX" else "{{EC2PrivateDNSName}}"
    assert (entry["type"], entry["username"]) == (kind, f"system:node:{session}")
    assert "system:nodes" in entry["kubernetesGroups"]


def test_times_are_times(sim, eks):
    sim.freeze()
    before = create(eks)
    assert before["createdAt"] == before["modifiedAt"]
    assert before["createdAt"].tzinfo is not None
    assert abs(before["createdAt"] - datetime.now(timezone.utc)) < timedelta(minutes=1)
    sim.advance(1_234)
    eks.update_access_entry(clusterName="dev", principalArn=ROLE, kubernetesGroups=["a"])
    after = describe(eks)
    assert after["createdAt"] == before["createdAt"]
    assert after["modifiedAt"] - before["modifiedAt"] == timedelta(milliseconds=1_234)


def test_an_update_replaces_both_fields(eks):
    create(eks, username="me", kubernetesGroups=["a", "b"])

    def update(**fields):
        entry = eks.update_access_entry(clusterName="dev", principalArn=ROLE, **fields)["accessEntry"]
        assert describe(eks) == entry
        return entry["username"], entry["kubernetesGroups"]

    default = "arn:aws:sts::111122223333:assumed-role/my-role/{{SessionName}}"
    assert update(username="you", kubernetesGroups=["c"]) == ("you", ["c"])
    assert update(kubernetesGroups=["d"]) == (default, ["d"])
    assert update(username="you") == ("you", [])
    assert update(username="you", kubernetesGroups=[]) == ("you", [])
    assert update() == (default, [])


def test_a_delete_takes_everything_along(eks, refused):
    first = create(eks)
    eks.associate_access_policy(clusterName="dev", principalArn=ROLE, policyArn=VIEW, accessScope={"type": "cluster"})
    eks.delete_access_entry(clusterName="dev", principalArn=ROLE)
    for call in [eks.describe_access_entry, eks.delete_access_entry, eks.list_associated_access_policies]:
        refused(call, 404, "ResourceNotFoundException", NO_ENTRY, clusterName="dev", principalArn=ROLE)
    assert create(eks)["accessEntryArn"] != first["accessEntryArn"]
    listed = eks.list_associated_access_policies(clusterName="dev", principalArn=ROLE)
    assert listed["associatedAccessPolicies"] == []


def test_one_entry_per_principal(eks, refused):
    create(eks)
    for principal in [ROLE, CREATOR]:
        refused(
            eks.create_access_entry, 409, "ResourceInUseException", IN_USE, clusterName="dev", principalArn=principal
        )


def test_more_than_250_entries_page_by_page(sim, eks):
    roles = [f"arn:aws:iam::111122223333:role/team-{number:0>3}" for number in range(260)]
    for role in roles:
        create(eks, role)
    everyone = sorted([*roles, SERVICE_ROLE, CREATOR])

    pages = list(eks.get_paginator("list_access_entries").paginate(clusterName="dev"))
    assert [len(page["accessEntries"]) for page in pages] == [100, 100, 62]
    assert "nextToken" not in pages[-1]
    assert [arn for page in pages for arn in page["accessEntries"]] == everyone

    config = {"PageSize": 33, "MaxItems": 50}
    first = eks.get_paginator("list_access_entries").paginate(clusterName="dev", PaginationConfig=config)
    some = first.build_full_result()
    assert some["accessEntries"] == everyone[:50]
    rest = eks.get_paginator("list_access_entries").paginate(
        clusterName="dev", PaginationConfig={"StartingToken": first.resume_token}
    )
    assert rest.build_full_result()["accessEntries"] == everyone[50:]
    sizes = [call["request"].get("maxResults") for call in sim.calls("ListAccessEntries")]
    assert sizes[:5] == [None, None, None, "33", "33"]


def test_entries_by_associated_policy(eks):
    roles = [f"arn:aws:iam::111122223333:role/r{number:0>3}" for number in range(9)]
    for number, role in enumerate(roles):
        create(eks, role)
        arn = VIEW if number % 3 else EDIT
        eks.associate_access_policy(
            clusterName="dev", principalArn=role, policyArn=arn, accessScope={"type": "cluster"}
        )
    found = eks.get_paginator("list_access_entries").paginate(
        clusterName="dev", associatedPolicyArn=EDIT, PaginationConfig={"PageSize": 1}
    )
    assert found.build_full_result()["accessEntries"] == roles[::3]


def test_a_repeated_token_is_the_same_creation(eks, refused):
    token = {"clientRequestToken": "t-1"}
    entry = create(eks, **token)
    assert create(eks, **token) == entry
    refused(
        eks.create_access_entry,
        400,
        "InvalidParameterException",
        clusterName="dev",
        principalArn=ROLE,
        username="other",
        **token,
    )
