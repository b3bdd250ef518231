"""Receives webhooks of Entryway: verifies, forgets what it has had, prints. Python's standard library is enough.

    ENTRYWAY_WEBHOOK_SECRET=whsec_… python3 docs/webhook_receiver.py 8000
"""

import base64
import hashlib
import hmac
import http.server
import json
import os
import sys
import time

TOLERANCE = 5 * 60


def verified(secrets, headers, body, now=None):
    """The event in `body`, if one of `secrets` has signed it in the last five minutes; else ValueError."""
    sent_at = int(headers["webhook-timestamp"])
    if abs((time.time() if now is None else now) - sent_at) > TOLERANCE:
        raise ValueError("sent too long ago, or in the future")
    message = f"{headers['webhook-id']}.{sent_at}.".encode() + body
    given = [text.removeprefix("v1,") for text in headers["webhook-signature"].split(" ") if text.startswith("v1,")]
    for secret in secrets:
        key = base64.b64decode(secret.removeprefix("whsec_"))
        own = base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode()
        if any(hmac.compare_digest(own, one) for one in given):
            return json.loads(body)
    raise ValueError("signed by somebody else")


class Receiver(http.server.BaseHTTPRequestHandler):
    secrets = []
    # In a database, in the same transaction as what is done with the event.
    seen = set()

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        try:
            event = verified(self.secrets, self.headers, body)
        except (TypeError, KeyError, ValueError) as error:
            return self.answer(401, str(error))
        if event["id"] not in self.seen:
            self.seen.add(event["id"])
            print(event["seq"], event["type"], event["requestId"], flush=True)
        self.answer(204)

    def answer(self, status, why=""):
        self.send_response(status)
        self.send_header("content-length", str(len(why)))
        self.end_headers()
        self.wfile.write(why.encode())

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    Receiver.secrets = os.environ["ENTRYWAY_WEBHOOK_SECRET"].split()
    http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
