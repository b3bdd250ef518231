"""The check of answers against the model finds what it is there to find."""

import json

import botocore.session
import pytest

from model import check

GOOD = {"accessEntry": {"clusterName": "dev", "kubernetesGroups": [], "tags": {}, "createdAt": 1744670748.097}}
ERROR = {"message": "m", "clusterName": "dev"}


def answer(document, status=200, code=None):
    service = botocore.session.get_session().get_service_model("eks")
    headers = {"x-amzn-requestid": "0" * 36, "content-type": "application/json"}
    if code:
        headers["x-amzn-errortype"] = code
    raw = {"headers": headers, "status_code": status, "body": json.dumps(document).encode()}
    check(service.operation_model("DescribeAccessEntry"), raw)


def entry(**change):
    return {"accessEntry": {**GOOD["accessEntry"], **change}}


def test_what_is_right_passes():
    answer(GOOD)
    answer(ERROR, 404, "ResourceNotFoundException")
    answer(ERROR, 429, "TooManyRequestsException")


@pytest.mark.parametrize(
    "document, status, code",
    [
        (entry(accessPolicies=[]), 200, None),
        (entry(kubernetesGroups=["a", 1]), 200, None),
        (entry(tags=[]), 200, None),
        (entry(createdAt="2025-04-14T22:45:48Z"), 200, None),
        (entry(createdAt=1744670748097), 200, None),
        (GOOD, 201, None),
        (GOOD, 200, "ResourceNotFoundException"),
        (ERROR, 400, "ResourceNotFoundException"),
        (ERROR, 404, "NoSuchThingException"),
        ({"Message": "m"}, 404, "ResourceNotFoundException"),
        ({"message": "m", "clusterName": "dev"}, 404, "NotFoundException"),
    ],
)
def test_what_is_wrong_does_not(document, status, code):
    with pytest.raises((AssertionError, KeyError)):
        answer(document, status, code)
