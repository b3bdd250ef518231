"""`entryway sim` as a process of its own, and its control routes."""

import json
import re
import select
import subprocess
import urllib.request

ACCOUNT = "111122223333"
OTHER_ACCOUNT = "444455556666"
REGION = "eu-central-1"

# Any key id acts for the default account; where signatures are checked, its secret follows from it.
KEY = "AKIDCLIENTS"
SECRET = f"sim-secret-of-{KEY}"

# The control routes are on the loopback, whatever proxy the machine has.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Simulator:
    """A simulator on a free port, which checks signatures; it ends with the `with` block."""

    def __init__(self, program):
        # Unbuffered: what has been read ahead would be invisible to `select`.
        command = [program, "sim", "--listen", "127.0.0.1:0"]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, bufsize=0)
        try:
            self.url = re.search(r"http://\S+", self._line()).group()
            self.exports = dict(re.findall(r"(\w+)=(\S+)", self._line()))
            self.knobs(verifySignatures=True)
        except BaseException:
            self.stop()
            raise

    def _line(self):
        ready, _, _ = select.select([self._process.stdout], [], [], 30)
        assert ready, "the simulator said nothing for 30 seconds"
        return self._process.stdout.readline().decode()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        code = self.stop()
        assert code == 0, f"the simulator ended with {code}"

    def stop(self):
        """Ends the process, by its own id, as an operator would; the exit code."""
        self._process.terminate()
        try:
            return self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()
        finally:
            self._process.stdout.close()

    def control(self, method, path, document=None):
        """A call of a control route."""
        body = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(f"{self.url}/_sim/{path}", data=body, method=method)
        with _direct.open(request, timeout=20) as answer:
            return json.load(answer)

    def knobs(self, **change):
        """Turns knobs; `None` sets one back to its default."""
        return self.control("PUT", "config", change)

    def fault(self, action, **aim):
        """Lets something happen to the calls that `aim` names."""
        return self.control("POST", "faults", {"action": action, **aim})

    def freeze(self):
        """Stops the simulator's clock; only `advance` moves it then."""
        self.control("POST", "clock", {"frozen": True})

    def advance(self, ms):
        self.control("POST", "clock", {"advanceMs": ms})

    def cluster(self, name, **spec):
        self.control("POST", "clusters", {"name": name, **spec})

    def principal(self, arn, **change):
        return self.control("PUT", "principals", {"arn": arn, **change})

    def calls(self, op="*"):
        """The simulator's own log of what was called."""
        return self.control("GET", f"calls?op={op}")["calls"]
