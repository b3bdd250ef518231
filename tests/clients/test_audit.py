"""The audit log of a running sandbox, verified by a program that shares nothing with it but docs/AUDIT.md."""

import json
import random
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
sys.path.insert(0, str(DOCS))

import verify_audit  # noqa: E402

_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def call(url, token, accept="application/json", body=None):
    headers = {"Authorization": f"Bearer {token}", "Accept": accept, "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    with _direct.open(urllib.request.Request(url, data=data, headers=headers), timeout=30) as answer:
        return answer.read()


@pytest.fixture(scope="module")
def log(program):
    """The events of a sandbox in which somebody asked and somebody approved, up to a checkpoint: lines of NDJSON."""
    folder = Path(tempfile.mkdtemp())
    # Postgres may run as somebody else than the tests, and has to get through to its own directory.
    folder.chmod(0o711)
    command = [program, "sandbox", "--listen", "127.0.0.1:0", "--data-dir", folder / "data"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, bufsize=0)
    try:
        said, base = "", None
        while base is None:
            ready, _, _ = select.select([process.stdout], [], [], 60)
            line = process.stdout.readline().decode() if ready else ""
            assert line, f"the sandbox does not say where it listens: {said}"
            said += line
            base = next(iter(re.findall(r"(http://127\.0\.0\.1:\d+)/v1", said)), None)
        for namespace in ("payments", "billing"):
            ask = {
                "clusterName": "dev",
                "principalArn": "arn:aws:iam::111122223333:role/dev/apps/my-role",
                "accessPolicies": [{"policyArn": "AmazonEKSViewPolicy",
                                    "accessScope": {"type": "namespace", "namespaces": [namespace]}}],
                "duration": "481m",
                "reason": 'Quotes ", back\\slashes, tabs\t, Größe and 🦀: all of it is hashed',
            }
            filed = json.loads(call(f"{base}/v1/requests", "alice-token", body=ask))
            call(f"{base}/v1/requests/{filed['id']}/reviews", "bob-token", body={"decision": "approve"})
        deadline = time.monotonic() + 60
        while True:
            lines = call(f"{base}/v1/events", "bob-token", accept="application/x-ndjson").decode().splitlines()
            kinds = [json.loads(line)["type"] for line in lines]
            if kinds.count("audit.checkpoint") >= 2 and "request.active" in kinds:
                break
            assert time.monotonic() < deadline, kinds
            time.sleep(0.2)
    finally:
        process.terminate()
        ended = process.wait(timeout=60)
        shutil.rmtree(folder, ignore_errors=True)
    assert ended == 0
    last = max(index for index, kind in enumerate(kinds) if kind == "audit.checkpoint")
    return lines[: last + 1]


@pytest.fixture
def verified(tmp_path):
    def check(lines, anchor):
        path = tmp_path / "events.ndjson"
        path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
        return verify_audit.verify(path, [anchor])

    return check


def test_the_format_is_documented_well_enough_to_check_without_us(log, verified):
    total, checkpoints, _ = verified(log, json.loads(log[-1])["hash"])
    assert total == len(log) and checkpoints >= 2


def test_tampering_shows(log, verified):
    anchor, chance = json.loads(log[-1])["hash"], random.Random(4711)
    for _ in range(300):
        lines, at = list(log), chance.randrange(len(log) - 1)
        event = json.loads(lines[at])
        kind = chance.randrange(5)
        if kind == 0:
            del lines[at]
        elif kind == 1:
            event[chance.choice(["actor", "type", "via", "at"])] = "x"
            lines[at] = json.dumps(event)
        elif kind == 2:
            event["data"]["x"] = 1
            event["hash"] = verify_audit.event_hash(event)
            lines[at] = json.dumps(event)
        elif kind == 3:
            del lines[at:]
        else:
            event["seq"] += 1_000_000
            lines[at] = json.dumps(event)
        with pytest.raises(verify_audit.Broken):
            verified(lines, anchor)


def test_signatures_are_those_of_rfc_8032():
    """Section 7.1, tests 2 and 3."""
    for key, message, signature in [
        ("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
         "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
         "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"),
        ("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
         "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
         "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"),
    ]:
        key, message, signature = map(bytes.fromhex, (key, message, signature))
        assert verify_audit.ed25519(key, message, signature)
        assert not verify_audit.ed25519(key, message + b"x", signature)
        assert not verify_audit.ed25519(key, message, signature[:-1] + b"\x01")
