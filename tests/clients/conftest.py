"""Clients that nobody here wrote, against `entryway sim`: boto3 and the AWS CLI, as AWS publishes them."""

import os
import subprocess
import sys
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

import model
from simulator import KEY, REGION, SECRET, Simulator

# Nothing of the machine's own AWS set-up, and no proxy between here and the loopback.
for _name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[_name]
os.environ.update(
    AWS_CONFIG_FILE=os.devnull,
    AWS_SHARED_CREDENTIALS_FILE=os.devnull,
    AWS_EC2_METADATA_DISABLED="true",
    NO_PROXY="127.0.0.1",
)

ONCE = {"total_max_attempts": 1}


@pytest.fixture(scope="session")
def program():
    """The built program; `make test-clients` says where it is."""
    return Path(os.environ["ENTRYWAY_BIN"]).resolve(strict=True)


@pytest.fixture
def sim(program):
    """A simulator of one's own."""
    with Simulator(program) as simulator:
        yield simulator


@pytest.fixture(scope="session")
def session():
    """One session, because the models are read once per session."""
    return boto3.Session(aws_access_key_id=KEY, aws_secret_access_key=SECRET, region_name=REGION)


@pytest.fixture
def client(sim, session):
    """Makes clients that try once, and whose answers from EKS are held against the model."""
    made = []

    def make(service="eks", retries=ONCE, **options):
        config = Config(retries=retries, proxies={}, connect_timeout=10, read_timeout=20)
        found = session.client(service, endpoint_url=sim.url, config=config, **options)
        found.meta.events.register("before-parse.eks", model.check)
        made.append(found)
        return found

    yield make
    for one in made:
        one.close()


@pytest.fixture
def eks(client):
    return client()


@pytest.fixture
def refused():
    """Asserts that a call is refused, under the exception that the model has for it."""

    def check(call, status, code, message=None, **arguments):
        with pytest.raises(ClientError) as caught:
            call(**arguments)
        answer = caught.value.response
        found = (answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"])
        assert found == (status, code), answer
        known = call.__self__.exceptions.from_code(code)
        assert type(caught.value) is known, f"{type(caught.value)} is not {known}"
        if message is not None:
            assert answer["Error"]["Message"] == message
        return answer["Error"]["Message"]

    return check


class Finished:
    """A command that has ended."""

    def __init__(self, run):
        self.code, self.out, self.err = run.returncode, run.stdout, run.stderr

    def __repr__(self):
        return f"exit {self.code}\n{self.out}\n{self.err}"


@pytest.fixture
def aws(sim, tmp_path):
    """Runs the AWS CLI as a process, with credentials whose signatures the simulator checks."""
    program = Path(sys.executable).with_name("aws")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "NO_PROXY": "127.0.0.1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
        **sim.exports,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
    }

    def run(command, *more, **changes):
        """`command` is split at spaces, as on a page; `more` are arguments as they are."""
        changed = {name: value for name, value in {**environment, **changes}.items() if value is not None}
        arguments = [program, *command.split(), *more]
        return Finished(subprocess.run(arguments, env=changed, capture_output=True, text=True, timeout=60, check=False))

    return run
