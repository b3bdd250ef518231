"""The receiver of docs/WEBHOOKS.md takes the page's own example, once, and nothing else."""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "WEBHOOKS.md").read_text()
HEAD, BODY = re.search(r"```http\n(.*?)\n```", PAGE, re.S)[1].split("\n\n")
HEADERS = dict(line.split(": ", 1) for line in HEAD.splitlines()[1:])
SECRET = re.search(r"ENTRYWAY_WEBHOOK_SECRET=(\S+) python3", PAGE)[1]


@pytest.fixture
def receiver():
    spec = spec_from_file_location("webhook_receiver", DOCS / "webhook_receiver.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_example_is_genuine(receiver):
    now = int(HEADERS["webhook-timestamp"])
    assert receiver.verified(["whsec_b2xk", SECRET], HEADERS, BODY.encode(), now)["seq"] == 4711
    for headers, body, at in [
        (HEADERS, BODY + " ", now),
        (HEADERS, BODY, now + 301),
        (HEADERS, BODY, now - 301),
        (HEADERS | {"webhook-id": "another"}, BODY, now),
        (HEADERS | {"webhook-signature": "v1,AAAA v2,AAAA"}, BODY, now),
    ]:
        with pytest.raises(ValueError):
            receiver.verified([SECRET], headers, body.encode(), at)


def test_it_answers_and_tells_each_event_once(receiver):
    import base64
    import hashlib
    import hmac

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = os.environ | {"ENTRYWAY_WEBHOOK_SECRET": SECRET}
    command = [sys.executable, DOCS / "webhook_receiver.py", str(port)]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
        try:
            now = str(int(time.time()))
            signed = f"{HEADERS['webhook-id']}.{now}.{BODY}".encode()
            key = base64.b64decode(SECRET.removeprefix("whsec_"))
            signature = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
            fresh = HEADERS | {"webhook-timestamp": now, "webhook-signature": signature}
            for headers, expected in [(fresh, 204), (fresh, 204), (HEADERS, 401), ({}, 401)]:
                assert post(port, headers) == expected
        finally:
            process.terminate()
        assert process.stdout.read().splitlines() == ["4711 request.active 01980a1b-0000-7e4f-8a5b-6c7d8e9fa0b1"]


def post(port, headers):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + 10
    while True:
        try:
            call = urllib.request.Request(f"http://127.0.0.1:{port}/hook", BODY.encode(), headers)
            return opener.open(call, timeout=5).status
        except urllib.error.HTTPError as error:
            return error.code
        except urllib.error.URLError:
            # It has not begun to listen yet.
            assert time.monotonic() < deadline
            time.sleep(0.05)
