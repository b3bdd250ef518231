"""Tags with boto3, on entries and clusters."""

import pytest

from names import DEEP_ROLE, ROLE


@pytest.fixture
def arn(eks):
    tags = {"team": "payments", "cost centre": "4711"}
    created = eks.create_access_entry(clusterName="dev", principalArn=DEEP_ROLE, tags=tags)
    return created["accessEntry"]["accessEntryArn"]


def tags(eks, arn):
    return eks.list_tags_for_resource(resourceArn=arn)["tags"]


def test_tags_are_merged_and_taken_off(eks, arn):
    eks.tag_resource(resourceArn=arn, tags={"team": "risk", "a/b:c": "d@e+f"})
    assert tags(eks, arn) == {"team": "risk", "cost centre": "4711", "a/b:c": "d@e+f"}
    # Keys with all that a query string can go wrong with.
    eks.untag_resource(resourceArn=arn, tagKeys=["cost centre", "a/b:c", "absent"])
    assert tags(eks, arn) == {"team": "risk"}
    shown = eks.describe_access_entry(clusterName="dev", principalArn=DEEP_ROLE)["accessEntry"]
    assert shown["tags"] == {"team": "risk"}


def test_clusters_have_tags(eks):
    arn = eks.describe_cluster(name="dev")["cluster"]["arn"]
    eks.tag_resource(resourceArn=arn, tags={"env": "dev"})
    assert eks.describe_cluster(name="dev")["cluster"]["tags"] == tags(eks, arn) == {"env": "dev"}


def test_tagging_has_errors_of_its_own(eks, refused, arn):
    absent = arn[:-36] + "00000000-0000-0000-0000-000000000000"
    refused(eks.tag_resource, 404, "NotFoundException", resourceArn=absent, tags={"a": "b"})
    refused(eks.untag_resource, 404, "NotFoundException", resourceArn=absent, tagKeys=["a"])
    refused(eks.list_tags_for_resource, 404, "NotFoundException", resourceArn=absent)
    for malformed in ["nonsense", ROLE]:
        refused(eks.tag_resource, 400, "BadRequestException", resourceArn=malformed, tags={"a": "b"})
        refused(eks.untag_resource, 400, "BadRequestException", resourceArn=malformed, tagKeys=["a"])
        refused(eks.list_tags_for_resource, 400, "BadRequestException", resourceArn=malformed)
    refused(eks.tag_resource, 400, "BadRequestException", resourceArn=arn, tags={"aws:a": "b"})
    many = {f"k{number}": "v" for number in range(49)}
    refused(eks.tag_resource, 400, "BadRequestException", resourceArn=arn, tags=many)


def test_the_arn_of_a_former_entry_names_nothing(eks, refused, arn):
    eks.delete_access_entry(clusterName="dev", principalArn=DEEP_ROLE)
    again = eks.create_access_entry(clusterName="dev", principalArn=DEEP_ROLE)["accessEntry"]
    refused(eks.list_tags_for_resource, 404, "NotFoundException", resourceArn=arn)
    assert tags(eks, again["accessEntryArn"]) == {}
