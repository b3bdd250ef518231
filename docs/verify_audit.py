#!/usr/bin/env python3
"""Verifies an export of Entryway's audit log by docs/AUDIT.md alone: nothing but Python's standard library.

    entryway audit export --config entryway.toml > events.ndjson
    python3 docs/verify_audit.py events.ndjson --anchor sha256:... [--public-key audit.pub]

Exit code 0: sound; 1: tampered with, the first break is named; 2: cannot be read.
"""

import argparse
import base64
import hashlib
import json
import sys

FIELDS = ("type", "at", "actor", "submittedBy", "via", "requestId", "clusterName", "principalArn")


class Broken(Exception):
    """The first thing that cannot be as it was written."""


def no_float(text):
    raise Broken(f"the log has no fractions, and here is {text}")


def events(path):
    """The events of an export, one at a time, in the order of seq."""
    last = None
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            event = json.loads(line, parse_float=no_float, parse_constant=no_float)
            if last is not None and event["seq"] <= last:
                raise Broken(f"event {event['seq']} stands behind event {last}")
            last = event["seq"]
            if event_hash(event) != event["hash"]:
                raise Broken(f"event {last} is not what was written: its hash does not fit it")
            yield event


def event_hash(event):
    """The hash of an event: every field after its length, in order."""
    data = json.dumps(event["data"], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(b"entryway/event/v1\n")
    for value in (event["prevHash"], event["id"], *(event[name] for name in FIELDS), data):
        if value is None:
            digest.update((-1).to_bytes(8, "big", signed=True))
        else:
            text = value.encode("utf-8")
            digest.update(len(text).to_bytes(8, "big", signed=True) + text)
    return "sha256:" + digest.hexdigest()


def statement(checkpoint):
    """What of a checkpoint is signed."""
    data = checkpoint["data"]
    return (
        "entryway/checkpoint/v1\n"
        f"number {data['number']}\nprevious {checkpoint['prevHash'] or 'none'}\nafter {data['after']}\n"
        f"through {data['through']}\nevents {data['events']}\ndigest {data['digest']}\n"
    ).encode()


def verify(path, anchors=(), keys=()):
    """Walks the export twice: once for the checkpoints, of which there are few, and once for all events."""
    checkpoints = [event for event in events(path) if event["type"] == "audit.checkpoint"]
    previous, through, signed = None, 0, True
    for number, checkpoint in enumerate(checkpoints, 1):
        data = checkpoint["data"]
        if data["number"] != number:
            raise Broken(f"checkpoint {number} is missing: checkpoint {data['number']} follows in its place")
        if checkpoint["prevHash"] != previous or data["after"] != through or not through <= data["through"] < checkpoint["seq"]:
            raise Broken(f"checkpoint {number} does not follow from the one before it")
        signed = check_signature(checkpoint, keys)
        previous, through = checkpoint["hash"], data["through"]

    waiting, heads, total, since = list(checkpoints), {}, 0, 0
    digest, counted = hashlib.sha256(b"entryway/events/v1\n"), 0

    def close():
        nonlocal digest, counted
        data = waiting.pop(0)["data"]
        if (counted, "sha256:" + digest.hexdigest()) != (data["events"], data["digest"]):
            raise Broken(
                f"the events after {data['after']} through {data['through']} are not those of checkpoint {data['number']}, "
                f"which counted {data['events']}: there are {counted} now"
            )
        digest, counted = hashlib.sha256(b"entryway/events/v1\n"), 0

    for event in events(path):
        while waiting and event["seq"] > waiting[0]["data"]["through"]:
            close()
        digest.update(f"{event['seq']} {event['hash']}\n".encode())
        counted, total = counted + 1, total + 1
        if event["requestId"] is not None:
            if event["prevHash"] != heads.get(event["requestId"]):
                raise Broken(f"event {event['seq']} does not follow from the event of its request before it")
            heads[event["requestId"]] = event["hash"]
    while waiting:
        close()
    since = counted
    for anchor in anchors:
        if anchor not in {checkpoint["hash"] for checkpoint in checkpoints}:
            raise Broken(f"there is no checkpoint {anchor}: it, or what comes before it, was removed or written anew")
    if keys and checkpoints and not signed:
        raise Broken("the last checkpoint is not signed by any of the given keys")
    return total, len(checkpoints), since


def check_signature(checkpoint, keys):
    """Whether a given key signed it; what names a given key has to be signed by it."""
    signature = checkpoint["data"]["signature"]
    if signature is None:
        return False
    for key in keys:
        if hashlib.sha256(key).hexdigest()[:16] == signature["keyId"]:
            if not ed25519(key, statement(checkpoint), base64.b64decode(signature["value"])):
                raise Broken(f"the signature on checkpoint {checkpoint['data']['number']} is not of the key it names")
            return True
    return False


def public_key(path):
    """The 32 bytes of an Ed25519 public key as openssl writes it (RFC 8410)."""
    with open(path, encoding="ascii") as lines:
        der = base64.b64decode("".join(line.strip() for line in lines if not line.startswith("-----")))
    prefix = bytes.fromhex("302a300506032b6570032100")
    if len(der) != 44 or not der.startswith(prefix):
        raise ValueError(f"{path} is no Ed25519 public key")
    return der[len(prefix):]


# ---- Ed25519, verification only, as RFC 8032 has it (section 6) --------------------------------------------

P = 2**255 - 19
Q = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)


def add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def times(number, point):
    result = (0, 1, 1, 0)
    while number > 0:
        if number & 1:
            result = add(result, point)
        point, number = add(point, point), number >> 1
    return result


def recover_x(y, sign):
    if y >= P:
        return None
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    if x2 == 0:
        return None if sign else 0
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P != 0:
        x = x * ROOT % P
    if (x * x - x2) % P != 0:
        return None
    return P - x if x & 1 != sign else x


def decompress(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    x = recover_x(y, sign)
    return None if x is None else (x, y, 1, x * y % P)


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE = (recover_x(BASE_Y, 0), BASE_Y, 1, recover_x(BASE_Y, 0) * BASE_Y % P)


def ed25519(key, message, signature):
    """Whether `signature` is that of `key` on `message`."""
    if len(key) != 32 or len(signature) != 64:
        return False
    a, r, s = decompress(key), decompress(signature[:32]), int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= Q:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % Q
    p, q = times(s, BASE), add(r, times(h, a))
    return (p[0] * q[2] - q[0] * p[2]) % P == 0 and (p[1] * q[2] - q[1] * p[2]) % P == 0


def main():
    parser = argparse.ArgumentParser(description="Verifies an export of Entryway's audit log.")
    parser.add_argument("export", help="what `entryway audit export`, or GET /v1/events as application/x-ndjson, printed")
    parser.add_argument("--anchor", action="append", default=[], help="the hash of a checkpoint that has to be there")
    parser.add_argument("--public-key", action="append", default=[], help="a file with a key that checkpoints were signed with")
    arguments = parser.parse_args()
    try:
        keys = [public_key(path) for path in arguments.public_key]
        total, checkpoints, since = verify(arguments.export, arguments.anchor, keys)
    except Broken as broken:
        print(f"the audit log was tampered with: {broken}", file=sys.stderr)
        return 1
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
        print(f"the audit log was tampered with: a line makes no sense ({error!r})", file=sys.stderr)
        return 1
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"sound: {total} events, {checkpoints} checkpoints; {since} events since the last one")
    return 0


if __name__ == "__main__":
    sys.exit(main())
