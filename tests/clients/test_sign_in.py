"""Signing in with an identity provider that nobody here wrote: `oidc-provider-mock`, a process of its own. Its keys are
made anew whenever it starts, so starting it anew rotates them."""

import json
import os
import re
import secrets
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECRET = "the client's secret, planted to be looked for"


class _Stay(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer: the code is in it."""

    def redirect_request(self, *_):
        return None


_http = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay)


def call(url, data=None, **headers):
    """Status, headers and body, whatever the status."""
    request = urllib.request.Request(url, data=data, headers=headers)
    try:
        with _http.open(request, timeout=20) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.headers, answer.read()


def until(what, check):
    """Waits for a condition, not for a time."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            found = check()
        except OSError:
            found = None
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"never: {what}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def end(process):
    process.terminate()
    try:
        return process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


class Provider:
    """The identity provider, which can be started anew under the same name."""

    def __init__(self, port):
        self.issuer, self._port, self._process = f"http://127.0.0.1:{port}", port, None

    def start(self):
        erin = json.dumps({"sub": "erin", "groups": ["sre"], "name": "Erin"})
        command = [Path(sys.executable).with_name("oidc-provider-mock"), "-p", str(self._port), "--user-claims", erin]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until("the provider answers", lambda: call(f"{self.issuer}/.well-known/openid-configuration")[0] == 200)

    def stop(self):
        if self._process is not None:
            end(self._process)
            self._process = None

    def token(self, subject="erin", client="entryway"):
        """An ID token, by the flow of the authorization code."""
        back = "http://127.0.0.1:1/back"
        asked = {"client_id": client, "redirect_uri": back, "response_type": "code", "scope": "openid profile"}
        place = f"{self.issuer}/oauth2/authorize?{urllib.parse.urlencode(asked)}"
        status, headers, body = call(place, urllib.parse.urlencode({"sub": subject}).encode())
        assert status == 302, body
        code = urllib.parse.parse_qs(urllib.parse.urlparse(headers["location"]).query)["code"][0]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": back, "client_id": client,
                "client_secret": SECRET}
        status, _, body = call(f"{self.issuer}/oauth2/token", urllib.parse.urlencode(form).encode())
        assert status == 200, body
        return json.loads(body)["id_token"]


class Service:
    """`entryway serve --only api`, with a log that can be looked through."""

    def __init__(self, program, folder, database, issuer):
        self._log = open(folder / "log", "w+b")
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        config = folder / "own.toml"
        config.write_text(f"""
            installation = "clients"
            [server]
            listen = "127.0.0.1:{port}"
            [database]
            url = "{database}"
            [policy]
            dir = "{ROOT / 'policies'}"
            [[auth.oidc]]
            issuer = "{issuer}"
            audience = "entryway"
            require_nbf = false    # this provider leaves it out
        """)
        checked = subprocess.run([program, "config", "check", "--config", config], capture_output=True, check=False)
        assert checked.returncode == 0, checked.stderr
        environment = {**os.environ, "ENTRYWAY_LOG": "debug"}
        command = [program, "serve", "--only", "api", "--config", config]
        self._process = subprocess.Popen(command, env=environment, stdout=self._log, stderr=self._log)
        until("the service answers", lambda: self._process.poll() is None and call(f"{self.url}/readyz")[0] == 200)

    def me(self, token):
        status, _, body = call(f"{self.url}/v1/me", Authorization=f"Bearer {token}")
        return status, json.loads(body)

    def stop(self):
        code = end(self._process)
        self._log.seek(0)
        text = self._log.read().decode()
        self._log.close()
        assert code == 0, text
        return text


@pytest.fixture
def folder():
    """Where Postgres, which does not run as root, can get through."""
    place = Path(tempfile.mkdtemp(prefix="entryway-clients."))
    place.chmod(0o755)
    yield place
    shutil.rmtree(place)


@pytest.fixture
def database(program, folder):
    """The URL of the Postgres of a sandbox."""
    command = [program, "sandbox", "--data-dir", folder / "data", "--listen", f"127.0.0.1:{free_port()}"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        ready, _, _ = select.select([process.stdout], [], [], 120)
        assert ready, "the sandbox said nothing for two minutes"
        written = (folder / "data" / "entryway.toml").read_text()
        yield re.search(r'url = "(postgres[^"]+)"', written).group(1)
    finally:
        end(process)
        process.stdout.close()


@pytest.fixture
def provider():
    """A provider that is not started yet."""
    made = Provider(free_port())
    yield made
    made.stop()


def test_people_of_a_real_provider_get_in_through_outages_and_new_keys(program, folder, database, provider):
    service = Service(program, folder, database, provider.issuer)
    shown = []

    def token(**who):
        shown.append(provider.token(**who))
        return shown[-1]

    try:
        # The service has started without it; its keys are there soon after it is.
        provider.start()
        first = token()
        status, me = until("the keys are there", lambda: (lambda s: s if s[0] == 200 else None)(service.me(first)))
        assert (status, me["user"], me["groups"], me["displayName"]) == (200, "erin", ["sre"], "Erin")
        assert service.me(token(subject="frank"))[1]["groups"] == []

        status, problem = service.me(token(client="somebody-else"))
        assert (status, problem["code"]) == (401, "unauthenticated") and "audience" in problem["detail"]
        head, said, signature = first.split(".")
        for forged in [f"{head}.{said}.", f"{head}.{said}.{signature[::-1]}", f"eyJhbGciOiJub25lIn0.{said}."]:
            status, problem = service.me(forged)
            assert (status, problem["code"]) == (401, "unauthenticated") and first not in json.dumps(problem)

        provider.stop()
        assert service.me(first)[0] == 200, "what is known stays known while the provider is away"
        provider.start()
        second = token()
        assert second.split(".")[2] != signature
        until("the new key is asked for", lambda: service.me(second)[0] == 200)
        assert service.me(first)[0] == 401, "the key before is gone"
        assert service.me(secrets.token_hex(32))[0] == 401
    finally:
        log = service.stop()
    for secret in [*shown, *(part for one in shown for part in one.split(".")[1:]), SECRET]:
        assert secret not in log, "what somebody has shown is not in the log"
