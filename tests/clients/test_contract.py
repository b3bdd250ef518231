"""The API held against its own document by schemathesis: what the document allows is taken, everything else is refused, every
answer has a status, a type, headers and a body that the document tells of, and none is a failure of the service's own.

`CONTRACT_SECONDS` says for how long, for all callers together; `CONTRACT_SEED` with which calls (`random`: others each time)."""

import json
import os
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

ROOT = Path(__file__).resolve().parents[2]
SECONDS = int(os.environ.get("CONTRACT_SECONDS") or 60)
SEED = os.environ.get("CONTRACT_SEED", "1")
ROLE = "arn:aws:iam::111122223333:role/dev/apps/my-role"

# A requester, a reviewer who may also audit and administer, and a service that speaks for people.
CALLERS = ("alice", "bob", "portal")

# Answers without an end, which schemathesis.toml leaves out.
ENDLESS = ("/v1/events/stream",)

_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def call(url, who, body=None):
    headers = {"Authorization": f"Bearer {who}-token", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    with _direct.open(urllib.request.Request(url, data=data, headers=headers), timeout=60) as answer:
        return json.load(answer)


@pytest.fixture(scope="module")
def service(program):
    """Where a sandbox listens in which people have asked, decided, and been given access."""
    folder = Path(tempfile.mkdtemp())
    # Postgres may run as somebody else than the tests, and has to get through to its own directory.
    folder.chmod(0o711)
    log = (folder / "log").open("wb")
    command = [program, "sandbox", "--listen", "127.0.0.1:0", "--data-dir", folder / "data"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, bufsize=0)
    try:
        base = listening(process)
        furnish(base)
        yield base
    finally:
        process.terminate()
        ended = process.wait(timeout=60)
        log.close()
        said = (folder / "log").read_text(errors="replace")
        shutil.rmtree(folder, ignore_errors=True)
    assert ended == 0
    assert "panicked" not in said


def listening(process):
    said = ""
    while not (found := re.findall(r"(http://127\.0\.0\.1:\d+)/v1", said)):
        ready, _, _ = select.select([process.stdout], [], [], 60)
        line = process.stdout.readline().decode() if ready else ""
        assert line, f"the sandbox does not say where it listens: {said}"
        said += line
    return found[0]


def furnish(base):
    """One request in most of the states there are, so that lists hold ids to go on with."""

    def file(namespace):
        scope = {"type": "namespace", "namespaces": [namespace]}
        policies = [{"policyArn": "AmazonEKSViewPolicy", "accessScope": scope}]
        ask = {"clusterName": "dev", "principalArn": ROLE, "accessPolicies": policies, "duration": "481m", "reason": "a test"}
        return f"{base}/v1/requests/{call(f'{base}/v1/requests', 'alice', ask)['id']}"

    pending, denied, withdrawn, given_back, active = (file(f"ns-{number}") for number in range(5))
    call(f"{denied}/reviews", "bob", {"decision": "deny", "comment": "not today"})
    call(f"{withdrawn}/withdraw", "alice", {})
    for granted in (given_back, active):
        call(f"{granted}/reviews", "bob", {"decision": "approve"})
    call(f"{given_back}/relinquish", "alice", {})
    assert call(f"{active}?wait=60s&until=active", "alice")["state"] == "active"
    assert call(pending, "alice")["state"] == "pending"


@pytest.mark.parametrize("who", CALLERS)
def test_every_answer_is_as_documented(service, who, tmp_path):
    command = [
        Path(sys.executable).with_name("schemathesis"),
        *("--config-file", ROOT / "tests/clients/schemathesis.toml"),
        "run",
        ROOT / "openapi/entryway.json",
        *("--url", service),
        *("--header", f"Authorization: Bearer {who}-token"),
        *("--checks", "all"),
        *("--max-time", str(max(SECONDS // len(CALLERS), 5))),
        *(() if SEED == "random" else ("--seed", SEED)),
    ]
    environment = {**os.environ, "NO_PROXY": "127.0.0.1", "NO_COLOR": "1"}
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-20_000:] + run.stderr
    # It has tried something: cases of every operation, and calls that follow from the answers to others.
    tested = re.search(r"Tested: (\d+)", run.stdout)
    document = json.loads((ROOT / "openapi/entryway.json").read_text())
    operations = sum(len(methods) for path, methods in document["paths"].items() if path not in ENDLESS)
    assert tested and int(tested.group(1)) == operations, run.stdout


def test_it_is_well_after_all_of_that(service):
    deadline = time.monotonic() + 30
    while call(f"{service}/readyz", "bob")["status"] != "ready":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert call(f"{service}/v1/me", "bob")["user"] == "bob"
