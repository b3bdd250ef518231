"""The names that the tests are about."""

ROLE = "arn:aws:iam::111122223333:role/my-role"
DEEP_ROLE = "arn:aws:iam::111122223333:role/development/apps/my-app"
USER = "arn:aws:iam::111122223333:user/my-user"
NODE_ROLE = "arn:aws:iam::111122223333:role/EKS-my-cluster-self-managed-ng-1"
FOREIGN_ROLE = "arn:aws:iam::444455556666:role/theirs"
SERVICE_ROLE = "arn:aws:iam::111122223333:role/aws-service-role/eks.amazonaws.com/AWSServiceRoleForAmazonEKS"
CREATOR = "arn:aws:iam::111122223333:role/cluster-creator"

NO_ENTRY = (
    "The specified principalArn could not be found. You can view your available access entries with"
    " 'list-access-entries'."
)
IN_USE = "The specified access entry resource is already in use on this cluster."
MODE = "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this operation."
SERVICE_LINKED = "The caller is not allowed to modify access entries with a principalArn value of a Service Linked Role"
STANDARD_ONLY = 'This operation can only be performed on Access Entries with a type of "STANDARD".'
MALFORMED_PRINCIPAL = "The principalArn parameter format is not valid"
MALFORMED_POLICY = "The policyArn parameter format is not valid"
INVALID_PRINCIPAL = "The specified principalArn is invalid: invalid principal."

NODE_TYPES = ["EC2_LINUX", "EC2_WINDOWS", "FARGATE_LINUX", "HYBRID_LINUX", "EC2", "HYPERPOD_LINUX"]
RESERVED = ["system:", "eks:", "aws:", "amazon:", "iam:"]


def policy(name):
    """The ARN of an access policy."""
    return f"arn:aws:eks::aws:cluster-access-policy/{name}"


VIEW = policy("AmazonEKSViewPolicy")
EDIT = policy("AmazonEKSEditPolicy")
CLUSTER = {"type": "cluster"}
