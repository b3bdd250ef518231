"""Answers held against AWS's published model of EKS. botocore passes over what it does not know and makes do without
what is missing, so that "it could be parsed" says little; this says whether an answer is one that EKS could give."""

import json
import re

# Errors that every AWS service may answer, with their status (`Common Errors` of the API reference).
COMMON = {
    "ExpiredTokenException": 403,
    "InvalidSignatureException": 403,
    "MissingAuthenticationTokenException": 403,
    "UnrecognizedClientException": 403,
    "SerializationException": 400,
    "TooManyRequestsException": 429,
}


def check(operation_model, response_dict, **_):
    """Handler of botocore's `before-parse.eks` event: the raw answer, before anything is made of it."""
    headers, status = response_dict["headers"], response_dict["status_code"]
    name = operation_model.name
    assert re.fullmatch(r"[0-9a-f-]{36}", headers["x-amzn-requestid"]), name
    assert headers["content-type"] == "application/json", name
    document = json.loads(response_dict["body"])
    code = headers.get("x-amzn-errortype")
    if status < 300:
        assert (status, code) == (operation_model.http.get("responseCode", 200), None), name
        fits(operation_model.output_shape, document, name)
        return
    assert isinstance(document["message"], str) and document["message"], f"{name}: {document}"
    shape = operation_model.service_model.shape_for_error_code(code)
    if shape is None:
        assert COMMON.get(code) == status, f"{name}: {status} {code} is no error of EKS"
    else:
        assert shape.metadata["error"]["httpStatusCode"] == status, f"{name}: {status} {code}"
        fits(shape, document, f"{name} {code}")


def fits(shape, value, where):
    """Asserts that a JSON value is of a shape, with no member that the shape does not have."""
    kind = shape.type_name
    if kind == "structure":
        assert isinstance(value, dict), f"{where}: {value!r}"
        known = {member.serialization.get("name", name): member for name, member in shape.members.items()}
        for name, member in value.items():
            assert name in known, f"{where} has no {name} in the model"
            if member is not None:
                fits(known[name], member, f"{where}.{name}")
    elif kind == "list":
        assert isinstance(value, list), f"{where}: {value!r}"
        for item in value:
            fits(shape.member, item, f"{where}[]")
    elif kind == "map":
        assert isinstance(value, dict), f"{where}: {value!r}"
        for key, item in value.items():
            fits(shape.value, item, f"{where}.{key}")
    elif kind == "string":
        assert isinstance(value, str), f"{where}: {value!r}"
        assert not shape.enum or value in shape.enum, f"{where}: {value!r} is none of {shape.enum}"
    elif kind == "boolean":
        assert isinstance(value, bool), f"{where}: {value!r}"
    elif kind == "timestamp":
        # Seconds since the epoch, with milliseconds.
        assert type(value) in (int, float) and 1e9 < value < 1e10, f"{where}: {value!r}"
        assert round(value, 3) == value, f"{where}: {value!r} is finer than milliseconds"
    else:
        assert kind in ("integer", "long") and type(value) is int, f"{where}: {value!r} as {kind}"
