"""Every error: those that EKS gives reasons for, in its own words where they are known, and those of the model."""

import botocore.session
import pytest

from names import (
    CLUSTER,
    FOREIGN_ROLE,
    INVALID_PRINCIPAL,
    MALFORMED_POLICY,
    MALFORMED_PRINCIPAL,
    MODE,
    NO_ENTRY,
    NODE_ROLE,
    NODE_TYPES,
    RESERVED,
    ROLE,
    SERVICE_LINKED,
    SERVICE_ROLE,
    STANDARD_ONLY,
    USER,
    VIEW,
    policy,
)

BAD = "InvalidParameterException"
GONE = "ResourceNotFoundException"

# Every operation that the simulator speaks, with arguments that would do.
ENTRY = {"clusterName": "dev", "principalArn": ROLE}
ARN = {"resourceArn": "arn:aws:eks:eu-central-1:111122223333:cluster/dev"}
OPERATIONS = {
    "create_access_entry": ENTRY,
    "describe_access_entry": ENTRY,
    "update_access_entry": ENTRY,
    "delete_access_entry": ENTRY,
    "list_access_entries": {"clusterName": "dev"},
    "associate_access_policy": {**ENTRY, "policyArn": VIEW, "accessScope": CLUSTER},
    "disassociate_access_policy": {**ENTRY, "policyArn": VIEW},
    "list_associated_access_policies": ENTRY,
    "list_access_policies": {},
    "describe_cluster": {"name": "dev"},
    "list_clusters": {},
    "update_cluster_config": {"name": "dev", "accessConfig": {"authenticationMode": "API"}},
    "describe_update": {"name": "dev", "updateId": "u"},
    "tag_resource": {**ARN, "tags": {"a": "b"}},
    "untag_resource": {**ARN, "tagKeys": ["a"]},
    "list_tags_for_resource": ARN,
}
ON_ENTRIES = [name for name, arguments in OPERATIONS.items() if "clusterName" in arguments]
ON_A_CLUSTER = [name for name, arguments in OPERATIONS.items() if {"clusterName", "name"} & set(arguments)]


def on(cluster, operation):
    """The operation's arguments, but on this cluster."""
    arguments = OPERATIONS[operation]
    return {**arguments, "clusterName" if "clusterName" in arguments else "name": cluster}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_error_of_the_model_and_of_every_service(sim, eks, refused, operation):
    service = botocore.session.get_session().get_service_model("eks")
    api = eks.meta.method_to_api_mapping[operation]
    modelled = service.operation_model(api).error_shapes
    assert modelled
    errors = [(shape.metadata["error"]["httpStatusCode"], shape.name) for shape in modelled]
    # What the model has for other operations only, or not at all, and is answered all the same.
    errors += [(403, "AccessDeniedException"), (429, "ThrottlingException"), (429, "TooManyRequestsException")]
    for status, code in errors:
        action = {"kind": "error", "status": status, "code": code, "message": f"{code} it is"}
        sim.fault(action, op=api, times=1)
        refused(getattr(eks, operation), status, code, f"{code} it is", **OPERATIONS[operation])


@pytest.mark.parametrize("operation", ON_A_CLUSTER)
def test_no_cluster(eks, refused, operation):
    message = "No cluster found for name: absent."
    refused(getattr(eks, operation), 404, GONE, message, **on("absent", operation))


@pytest.mark.parametrize("operation", ON_ENTRIES)
def test_a_cluster_that_knows_no_access_entries(eks, refused, operation):
    refused(getattr(eks, operation), 400, "InvalidRequestException", MODE, **on("legacy", operation))


@pytest.mark.parametrize(
    "operation", [name for name in ON_ENTRIES if name != "create_access_entry" and "entries" not in name]
)
def test_no_entry(eks, refused, operation):
    refused(getattr(eks, operation), 404, GONE, NO_ENTRY, **OPERATIONS[operation])


@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_permission(sim, eks, refused, operation):
    api = eks.meta.method_to_api_mapping[operation]
    sim.knobs(denied=[{"action": f"eks:{api}"}])
    message = refused(getattr(eks, operation), 403, "AccessDeniedException", **OPERATIONS[operation])
    assert f" is not authorized to perform: eks:{api} on resource: " in message


def test_nodes_take_the_right_to_pass_their_role(sim, eks, refused):
    sim.knobs(denied=[{"action": "iam:PassRole"}])
    message = refused(
        eks.create_access_entry,
        403,
        "AccessDeniedException",
        clusterName="dev",
        principalArn=NODE_ROLE,
        type="EC2_LINUX",
    )
    assert message.endswith(f"is not authorized to perform: iam:PassRole on resource: {NODE_ROLE}")


@pytest.mark.parametrize("prefix", RESERVED)
def test_reserved_names(eks, refused, prefix):
    username, group = {"username": f"{prefix}x"}, {"kubernetesGroups": ["fine", f"{prefix}x"]}
    bad_name = f"The username must not begin with {prefix}"
    bad_group = f"The kubernetes group name {prefix}x is invalid, it cannot start with {prefix}"
    refused(eks.create_access_entry, 400, BAD, bad_name, **ENTRY, **username)
    refused(eks.create_access_entry, 400, BAD, bad_group, **ENTRY, **group)
    eks.create_access_entry(**ENTRY)
    refused(eks.update_access_entry, 400, BAD, bad_name, **ENTRY, **username)
    refused(eks.update_access_entry, 400, BAD, bad_group, **ENTRY, **group)


@pytest.mark.parametrize("kind", NODE_TYPES)
def test_what_node_types_do_not_take(eks, refused, kind):
    types = "[EC2_LINUX, EC2_WINDOWS, FARGATE_LINUX, HYBRID_LINUX, EC2]"

    def create(principal, message, **more):
        arguments = {"clusterName": "dev", "principalArn": principal, "type": kind, **more}
        refused(eks.create_access_entry, 400, BAD, message, **arguments)

    not_allowed = 'The specified {0} is invalid: setting {0} is not allowed when the type is "{1}"'
    create(
        FOREIGN_ROLE,
        f"AccessEntry principalArn must be from the same account as the cluster when using types {types}",
    )
    create(USER, f"AccessEntry principalArn must be IAM role when using types {types}")
    create(NODE_ROLE, not_allowed.format("username", kind), username="me")
    create(NODE_ROLE, not_allowed.format("kubernetesGroups", kind), kubernetesGroups=["g"])
    if kind == "EC2":
        return
    node = {"clusterName": "dev", "principalArn": NODE_ROLE}
    eks.create_access_entry(**node, type=kind)
    refused(eks.associate_access_policy, 400, BAD, STANDARD_ONLY, **node, policyArn=VIEW, accessScope=CLUSTER)
    refused(eks.list_associated_access_policies, 400, BAD, STANDARD_ONLY, **node)


def test_entries_of_service_linked_roles_are_not_for_customers(eks, refused):
    entry = {"clusterName": "dev", "principalArn": SERVICE_ROLE}
    eks.describe_access_entry(**entry)
    for operation in ["create_access_entry", "update_access_entry", "delete_access_entry"]:
        refused(getattr(eks, operation), 400, BAD, SERVICE_LINKED, **entry)
    refused(eks.associate_access_policy, 400, BAD, SERVICE_LINKED, **entry, policyArn=VIEW, accessScope=CLUSTER)
    refused(eks.disassociate_access_policy, 400, BAD, SERVICE_LINKED, **entry, policyArn=VIEW)


@pytest.mark.parametrize(
    "principal",
    [
        "nonsense",
        "arn:aws:sts::111122223333:assumed-role/my-role/me",
        "arn:aws:sts::111122223333:federated-user/me",
        "arn:aws:iam::11112222333:role/short",
        "arn:aws:iam::111122223333:role/trailing/",
    ],
)
def test_what_is_no_role_and_no_user(eks, refused, principal):
    entry = {"clusterName": "dev", "principalArn": principal}
    refused(eks.create_access_entry, 400, BAD, MALFORMED_PRINCIPAL, **entry)
    refused(eks.describe_access_entry, 400, BAD, MALFORMED_PRINCIPAL, **entry)


def test_a_principal_that_is_not_there_or_not_known_yet(sim, eks, refused):
    sim.freeze()
    sim.principal(ROLE, exists=False)
    refused(eks.create_access_entry, 400, BAD, INVALID_PRINCIPAL, **ENTRY)
    sim.principal(ROLE, exists=True, visibleToEksInMs=10_000)
    refused(eks.create_access_entry, 400, BAD, INVALID_PRINCIPAL, **ENTRY)
    sim.advance(10_000)
    eks.create_access_entry(**ENTRY)


def test_a_role_without_its_path_is_nobody(sim, eks, refused):
    name = "AWSReservedSSO_Admin_0123456789abcdef"
    sim.principal(f"arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/{name}", exists=True)
    stripped = f"arn:aws:iam::111122223333:role/{name}"
    refused(eks.create_access_entry, 400, BAD, INVALID_PRINCIPAL, clusterName="dev", principalArn=stripped)


@pytest.mark.parametrize(
    "more",
    [
        {"type": "NODE"},
        {"type": "EC2_Linux"},
        {"username": "john{{SessionName}}"},
        {"username": "{{SessionNameRaw}}:x"},
        {"tags": {"aws:a": "b"}},
        {"tags": {"k" * 129: "v"}},
        {"tags": {"k": "v" * 257}},
        {"tags": {f"k{number}": "v" for number in range(51)}},
    ],
)
def test_what_no_entry_can_have(eks, refused, more):
    refused(eks.create_access_entry, 400, BAD, **ENTRY, **more)


@pytest.mark.parametrize(
    "scope, message",
    [
        ({"type": "namespace"}, "At least 1 namespace must be provided if the type is set as namespace"),
        (
            {"type": "cluster", "namespaces": ["a"]},
            "accessScope should not include namespaces if the type is not set as namespace",
        ),
        ({"type": "Cluster"}, None),
        ({}, None),
    ],
)
def test_scopes_that_make_no_sense(eks, refused, scope, message):
    eks.create_access_entry(**ENTRY)
    refused(eks.associate_access_policy, 400, BAD, message, **ENTRY, policyArn=VIEW, accessScope=scope)


@pytest.mark.parametrize(
    "arn, status, code, message",
    [
        (policy("Nope"), 404, GONE, "The specified policyArn could not be found."),
        (VIEW.replace("arn:aws:", "arn:aws-cn:"), 404, GONE, "The specified policyArn could not be found."),
        (VIEW.replace("::aws:", ":aws:"), 404, GONE, "The specified policyArn could not be found."),
        ("arn:aws:iam::aws:policy/AdministratorAccess", 400, BAD, MALFORMED_POLICY),
        (
            policy("AmazonEKSComputePolicy"),
            400,
            BAD,
            "The specified policyArn can only be associated with service-linked roles",
        ),
    ],
)
def test_policies_that_cannot_be_associated(eks, refused, arn, status, code, message):
    eks.create_access_entry(**ENTRY)
    refused(eks.associate_access_policy, status, code, message, **ENTRY, policyArn=arn, accessScope=CLUSTER)


def test_a_policy_that_is_not_associated(eks, refused):
    eks.create_access_entry(**ENTRY)
    refused(eks.disassociate_access_policy, 404, GONE, **ENTRY, policyArn=VIEW)


def test_updates_of_node_entries(eks, refused):
    eks.create_access_entry(**ENTRY, type="EC2_LINUX")
    username = {"username": "system:node:{{EC2PrivateDNSName}}"}
    refused(eks.update_access_entry, 400, BAD, "The username must not begin with system:", **ENTRY, **username)
    message = (
        "The specified kubernetesGroups is invalid:"
        ' setting kubernetesGroups is not allowed when the type is "EC2_LINUX"'
    )
    refused(eks.update_access_entry, 400, BAD, message, **ENTRY, kubernetesGroups=["g"])


def test_pages_that_cannot_be(eks, refused):
    for call, arguments in [
        (eks.list_access_entries, {"clusterName": "dev"}),
        (eks.list_associated_access_policies, {"clusterName": "dev", "principalArn": ROLE}),
        (eks.list_access_policies, {}),
        (eks.list_clusters, {}),
    ]:
        refused(call, 400, BAD, **arguments, maxResults=101)
        refused(call, 400, BAD, **arguments, nextToken="garbage")


def test_the_quota(sim, eks, refused):
    sim.knobs(entryQuota=3)
    eks.create_access_entry(**ENTRY)
    refused(eks.create_access_entry, 400, "ResourceLimitExceededException", clusterName="dev", principalArn=USER)


def test_a_name_that_no_cluster_has(eks, refused):
    message = refused(eks.list_access_entries, 400, BAD, clusterName="my cluster")
    assert message.startswith(
        "The clusterName parameter contains invalid characters. It should conform to the regular expression"
        ' "^[0-9A-Za-z][A-Za-z0-9-_]*"In other words, '
    )
