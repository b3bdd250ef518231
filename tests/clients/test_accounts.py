"""STS and IAM with boto3, and what they have to do with EKS: other accounts, other regions, who a principal is."""

from datetime import datetime, timedelta, timezone

import boto3
import pytest
from botocore.exceptions import ClientError

from names import DEEP_ROLE, ROLE, USER
from simulator import ACCOUNT, OTHER_ACCOUNT

TARGET = f"arn:aws:iam::{OTHER_ACCOUNT}:role/entryway-target"
SOON = {"Delay": 0, "MaxAttempts": 2}


@pytest.fixture
def elsewhere(sim):
    """A cluster of another account, one of another region, and one that has our cluster's name."""
    sim.cluster("theirs", account=OTHER_ACCOUNT)
    sim.cluster("dev", account=OTHER_ACCOUNT)
    sim.cluster("far", region="us-east-1")


def test_who_one_is(client):
    identity = client("sts").get_caller_identity()
    assert identity["Account"] == ACCOUNT
    assert identity["Arn"].startswith(f"arn:aws:iam::{ACCOUNT}:user/")


def test_regions_are_apart(client, elsewhere):
    assert client("eks").list_clusters()["clusters"] == ["dev", "legacy", "prod"]
    assert client("eks", region_name="us-east-1").list_clusters()["clusters"] == ["far"]


def test_assumed_credentials_choose_the_account(sim, client, refused, elsewhere):
    sim.principal(TARGET, exists=True, externalId="5f0c1a6e")
    sts = client("sts")
    ask = {"RoleArn": TARGET, "RoleSessionName": "request-1"}
    for wrong in [{}, {"ExternalId": "guess"}]:
        with pytest.raises(ClientError) as caught:
            sts.assume_role(**ask, **wrong)
        assert caught.value.response["Error"]["Code"] == "AccessDenied"
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403

    answer = sts.assume_role(**ask, ExternalId="5f0c1a6e", DurationSeconds=900)
    session = f"arn:aws:sts::{OTHER_ACCOUNT}:assumed-role/entryway-target/request-1"
    assert answer["AssumedRoleUser"]["Arn"] == session
    left = answer["Credentials"]["Expiration"] - datetime.now(timezone.utc)
    assert timedelta(seconds=890) < left <= timedelta(seconds=900)

    keys = answer["Credentials"]
    theirs = {
        "aws_access_key_id": keys["AccessKeyId"],
        "aws_secret_access_key": keys["SecretAccessKey"],
        "aws_session_token": keys["SessionToken"],
    }
    assert client("sts", **theirs).get_caller_identity()["Arn"] == session
    eks = client("eks", **theirs)
    assert eks.list_clusters()["clusters"] == ["dev", "theirs"]
    eks.create_access_entry(clusterName="dev", principalArn=ROLE)
    assert ROLE not in client("eks").list_access_entries(clusterName="dev")["accessEntries"]
    assert sim.calls("CreateAccessEntry")[-1]["callerArn"] == session

    sim.advance(900_000)
    refused(eks.list_clusters, 403, "ExpiredTokenException")


def test_iam_tells_a_role_by_its_unique_id(sim, client):
    iam = client("iam")
    told = sim.principal(DEEP_ROLE, exists=True)
    role = iam.get_role(RoleName="my-app")["Role"]
    assert (role["Arn"], role["RoleId"], role["Path"]) == (DEEP_ROLE, told["uniqueId"], "/development/apps/")
    assert role["RoleId"].startswith("AROA") and role["CreateDate"].tzinfo is not None
    assert role["AssumeRolePolicyDocument"]["Version"] == "2012-10-17"
    sim.principal(DEEP_ROLE, recreate=True)
    assert iam.get_role(RoleName="my-app")["Role"]["RoleId"] != role["RoleId"]
    iam.get_waiter("role_exists").wait(RoleName="my-app", WaiterConfig=SOON)
    sim.principal(DEEP_ROLE, exists=False)
    with pytest.raises(iam.exceptions.NoSuchEntityException, match="The role with name my-app cannot be found."):
        iam.get_role(RoleName="my-app")


def test_iam_tells_a_user_by_its_unique_id(sim, client):
    iam = client("iam")
    told = sim.principal(USER, exists=True)
    user = iam.get_user(UserName="my-user")["User"]
    assert (user["Arn"], user["UserId"], user["Path"]) == (USER, told["uniqueId"], "/")
    assert user["UserId"].startswith("AIDA")
    iam.get_waiter("user_exists").wait(UserName="my-user", WaiterConfig=SOON)
    sim.principal(USER, exists=False)
    with pytest.raises(iam.exceptions.NoSuchEntityException, match="The user with name my-user cannot be found."):
        iam.get_user(UserName="my-user")


def test_a_session_carries_the_roles_unique_id(client):
    """By which one finds out, as the user guide says, that a role is not the one of its entry any more."""
    role_id = client("iam").get_role(RoleName="my-role")["Role"]["RoleId"]
    keys = client("sts").assume_role(RoleArn=ROLE, RoleSessionName="me@example.com")["Credentials"]
    theirs = boto3.Session(
        keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name="eu-central-1"
    )
    frozen = theirs.get_credentials().get_frozen_credentials()
    sts = client(
        "sts",
        aws_access_key_id=frozen.access_key,
        aws_secret_access_key=frozen.secret_key,
        aws_session_token=frozen.token,
    )
    assert sts.get_caller_identity()["UserId"] == f"{role_id}:me@example.com"


def test_what_iam_may_not_be_asked(sim, client):
    sim.knobs(denied=[{"action": "iam:Get*"}])
    iam = client("iam")
    for call, arguments in [(iam.get_role, {"RoleName": "my-role"}), (iam.get_user, {"UserName": "my-user"})]:
        with pytest.raises(ClientError) as caught:
            call(**arguments)
        assert caught.value.response["Error"]["Code"] == "AccessDenied"
